//! What is told, in which order, and how it is signed.

use std::collections::BTreeSet;
use std::time::Duration;

use keystile::{Expected, Trust, Verifier};
use keystile_accounts::{AccountId, Which};
use serde_json::json;
use tokio::task::JoinSet;

use crate::node::{ISSUER, Node};
use crate::place::{BEGINNING, Place};
use crate::reading::{Event, kinds, names};

pub(crate) async fn what_lives_comes_first_and_what_happens_then_follows(place: Place) {
    let node = place.node().await;
    node.revoke("before").await;
    let mut reading = node.read(None).await;
    assert_eq!(reading.status, 200);
    assert_eq!(
        reading.header("content-type").as_deref(),
        Some("text/event-stream")
    );
    assert_eq!(reading.header("cache-control").as_deref(), Some("no-store"));
    let first = reading.up_to_current().await;
    assert_eq!(kinds(&first), ["snapshot", "revoked", "current"]);
    let said: serde_json::Value = serde_json::from_str(&first[0].data).unwrap();
    let feed = said["feed"].as_str().unwrap();
    let id = first[2].id.clone().unwrap();
    assert!(
        id.len() <= 128 && id.starts_with(&format!("{feed}.")),
        "{id}"
    );
    assert_eq!(
        first[2].data,
        format!("{{\"at\":{}}}", node.now().as_millis())
    );
    assert!(first[..2].iter().all(|event| event.id.is_none()));
    assert_eq!(names(&first), ["before"]);

    for name in ["a", "b", "c"] {
        node.revoke(name).await;
        // Each is told alone, and is current at once: only a beat may stand before it.
        let mut next = reading.up_to_current().await;
        if names(&next).is_empty() {
            next = reading.up_to_current().await;
        }
        assert_eq!(names(&next), [name]);
        assert_eq!(kinds(&next), ["revoked", "current"]);
    }
    let beats = [reading.up_to_current().await, reading.up_to_current().await];
    for beat in beats {
        assert_eq!(kinds(&beat), ["current"]);
    }
}

/// Believed by whoever has the published keys and nothing else.
fn verified(node: &Node, event: &Event) -> serde_json::Value {
    let verifier = Verifier::new(Trust {
        issuer: ISSUER.into(),
        audience: Expected::Unchecked,
        token_type: "secevent+jwt".into(),
        keys: keystile::KeySet::from_jwks_json(&node.accounts.key_set().to_jwks_json()).unwrap(),
    })
    .clock(keystile::Clock::manual(node.now()));
    // The envelope and the signature hold; that the claims lack `exp` and `sub` is all that an access token's verifier has
    // to say against it.
    let refusal = verifier.verify(&event.data).unwrap_err();
    assert_eq!(refusal.code(), "token_claim_missing");
    event.claims()
}

pub(crate) async fn every_kind_is_told_in_a_token_that_verifies(place: Place) {
    let node = place.node().await;
    let mut reading = node.read(None).await;
    reading.up_to_current().await;
    let (ada, bob) = (node.person("ada").await, node.person("bob").await);
    let end = |of: &keystile_accounts::SignedIn, which| {
        let (account, session) = (of.account.id.clone(), of.session_id.clone());
        let accounts = node.accounts.clone();
        async move { accounts.sign_out(&account, &session, which).await.unwrap() }
    };
    end(&ada, Which::This).await;
    end(&bob, Which::All).await;
    node.revoke("a-token").await;
    let told = [ada.session_id.as_str(), bob.account.id.as_str(), "a-token"];
    let mut events = Vec::new();
    while !told
        .iter()
        .all(|name| names(&events).iter().any(|one| one == name))
    {
        events.extend(reading.up_to_current().await);
    }
    events.retain(|event| event.kind == "revoked");
    let about = |name: &str| {
        let event = events.iter().find(|event| event.revoked() == name).unwrap();
        let claims = verified(&node, event);
        let events = claims["events"].as_object().unwrap();
        assert_eq!(events.len(), 1);
        let (kind, about) = events.iter().next().unwrap();
        assert_eq!(about["event_timestamp"], BEGINNING);
        (kind.clone(), about.clone(), claims["sub_id"].clone())
    };
    let (kind, session, subject) = about(told[0]);
    assert_eq!(
        kind,
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
    );
    assert_eq!(
        subject,
        json!({ "format": "complex", "session": { "format": "opaque", "id": told[0] } })
    );
    assert!(session["until"].as_i64().unwrap() >= BEGINNING + 900);
    let (kind, subject, whom) = about(told[1]);
    assert_eq!(kind, "urn:keystile:event:subject-revoked");
    assert_eq!(
        whom,
        json!({ "format": "iss_sub", "iss": ISSUER, "sub": told[1] })
    );
    assert!(subject["generation_below"].as_u64().unwrap() > 0);
    let (kind, _, which) = about(told[2]);
    assert_eq!(kind, "urn:keystile:event:token-revoked");
    assert_eq!(
        which,
        json!({ "format": "jwt_id", "iss": ISSUER, "jti": "a-token" })
    );
    // Told again, each is the same by its own id.
    let own_id = |event: &Event| event.claims()["jti"].as_str().unwrap().to_owned();
    let again = node.read(None).await.up_to_current().await;
    let again: BTreeSet<_> = again
        .iter()
        .filter(|one| one.kind == "revoked")
        .map(own_id)
        .collect();
    assert_eq!(again, events.iter().map(own_id).collect());
    assert_eq!(AccountId::from(told[1].to_owned()), bob.account.id);
}

/// Longer than a page of the database's, and than a piece of the stream's.
pub(crate) async fn a_long_list_comes_whole(place: Place) {
    let node = place.node().await;
    let expected: BTreeSet<String> = (0..1_200).map(|number| format!("n{number}")).collect();
    let expires = node.now().saturating_add(Duration::from_secs(900));
    let mut revoking = JoinSet::new();
    for name in expected.clone() {
        if revoking.len() == 12 {
            revoking.join_next().await.unwrap().unwrap();
        }
        let accounts = node.accounts.clone();
        revoking.spawn(async move { accounts.revoke_token(&name, expires).await.unwrap() });
    }
    revoking.join_all().await;
    let all = node.read(None).await.up_to_current().await;
    let told = names(&all);
    assert_eq!(told.len(), expected.len());
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
}

pub(crate) async fn each_of_many_readers_is_told_everything(place: Place) {
    let node = place.node().await;
    let token = node.token().await;
    let mut readings = Vec::new();
    for _ in 0..40 {
        readings.push(crate::reading::Reading::open(node.address, &token, None).await);
    }
    let tasks: Vec<_> = readings
        .into_iter()
        .map(|mut reading| {
            tokio::spawn(async move { reading.until_told(&["n0", "n9", "n19"]).await })
        })
        .collect();
    let expected: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    for name in &expected {
        node.revoke(name).await;
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), expected);
    }
}

/// A key that is withdrawn signs nothing of what is told from then on, its own withdrawal least of all.
pub(crate) async fn what_a_withdrawn_key_signed_is_signed_anew(place: Place) {
    let node = place.node().await;
    node.revoke("early").await;
    let mut reading = node.read(None).await;
    let first = reading.up_to_current().await;
    let kid_of = |event: &Event| {
        let header = event.data.split('.').next().unwrap();
        let json =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
        let header: serde_json::Value = serde_json::from_slice(&json.unwrap()).unwrap();
        assert_eq!(
            (&header["typ"], &header["alg"]),
            (&json!("secevent+jwt"), &json!("ES256"))
        );
        header["kid"].as_str().unwrap().to_owned()
    };
    let old = kid_of(&first[1]);
    let withdrawal = node.accounts.withdraw_key(None, &old).await.unwrap();
    let new = withdrawal.signing.key_id;
    // The reader's own token was signed by that key: its stream ends, and it comes again with another.
    while reading.next().await.is_some() {}
    let mut reading = node.read(None).await;
    let mut told = reading.up_to_current().await;
    while names(&told).len() < 2 {
        told.extend(reading.up_to_current().await);
    }
    told.retain(|event| event.kind == "revoked");
    assert_eq!(names(&told), ["early", &old]);
    for event in &told {
        assert_eq!(kid_of(event), new);
        verified(&node, event);
    }
    let about = &told[1].claims()["events"]["urn:keystile:event:key-withdrawn"];
    assert_eq!(*about, json!({ "event_timestamp": BEGINNING }));
    assert_eq!(told[0].claims()["jti"], first[1].claims()["jti"]);
}
