//! Very many revocations in one moment: a client is deleted that had thousands of sessions.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keystile::{Claims, Guard};
use keystile_accounts::NewClient;

use crate::place::Place;
use crate::reading::names;

/// More than are ended in one transaction. With 40,000, four pages of a poll, it takes minutes in a debug build.
const SESSIONS: usize = 4_500;

async fn until_refused(guard: &Guard, tokens: &[String]) {
    let since = Instant::now();
    let refused = |token: &String| {
        let verdict = guard.verify(token);
        verdict.is_err_and(|refusal| refusal.code() == "token_revoked")
    };
    while !tokens.iter().all(refused) {
        assert!(since.elapsed() < Duration::from_secs(60), "one is missed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn each_of_a_clients_many_sessions_ends_and_is_told(place: Place) {
    let (node, beside) = (place.node().await, place.node().await);
    let popular = NewClient::named("popular");
    let popular = node.accounts.create_client(None, popular).await.unwrap();
    let id = &popular.client.id;
    let ada = node.person("ada").await;
    let now = node.now().as_millis();
    place.open_sessions(ada.account.id.as_str(), id, SESSIONS, now);
    let mut tokens = Vec::new();
    for n in (0..SESSIONS).step_by(SESSIONS / 20).chain([SESSIONS - 1]) {
        let claims = Claims {
            sid: Some(format!("many-{n}")),
            ..node.claims(&format!("t-{n}"), Duration::from_secs(900))
        };
        tokens.push(node.sign(&claims).await);
    }
    let guards = [node.accounts.guard(), beside.accounts.guard()];
    for guard in &guards {
        assert!(tokens.iter().all(|token| guard.verify(token).is_ok()));
    }
    let mut reading = beside.read(None).await;
    reading.up_to_current().await;

    let ended = node.accounts.delete_client(None, id).await;
    assert_eq!(ended.unwrap(), SESSIONS as u64);
    for guard in &guards {
        until_refused(guard, &tokens).await;
        assert!(guard.verify(&ada.access_token).is_ok(), "her own goes on");
    }
    let mut told = BTreeSet::new();
    while told.len() <= SESSIONS {
        let batch = names(&reading.up_to_current().await);
        for name in batch {
            assert!(told.insert(name.clone()), "{name} is told twice");
        }
    }
    let all: BTreeSet<String> = (0..SESSIONS)
        .map(|n| format!("many-{n}"))
        .chain([popular.client.subject()])
        .collect();
    assert_eq!(told, all);
}
