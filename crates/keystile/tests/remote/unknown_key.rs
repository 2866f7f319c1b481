//! Tokens that name a key which nobody knows yet, honest ones and a flood of others.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::signature::Ed25519KeyPair;
use keystile::{Claims, Guard, SigningKey, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::common::{NOW, clock, encode, hs256, payload};
use crate::server::{Reply, Server};
use crate::{
    SHORT, connected, follow, named, seconds, settle, token, until, verdict, verdict_async,
};

/// The verdicts on these tokens, all asked for at once, and the longest that one took.
fn all_at_once(guard: &Guard, tokens: &[String]) -> JoinSet<&'static str> {
    let mut asking = JoinSet::new();
    for token in tokens {
        let (guard, token) = (guard.clone(), token.clone());
        asking.spawn(async move { verdict_async(&guard, &token).await });
    }
    asking
}

/// Tokens under keys that nobody publishes.
fn junk(server: &Server, names: std::ops::Range<usize>) -> Vec<String> {
    let key = named("junk");
    names
        .map(|name| token(server, &key.clone().with_key_id(format!("junk-{name}"))))
        .collect()
}

#[tokio::test]
async fn an_unknown_key_is_fetched_and_its_token_passes() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    server.publishes(&[&a, &b]);
    clock.advance(seconds(2));
    assert_eq!(verdict_async(&guard, &token(&server, &b)).await, "ok");
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn who_cannot_wait_has_the_key_fetched_for_the_next() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    server.publishes(&[&a, &b]);
    clock.advance(seconds(2));
    let good = token(&server, &b);
    assert_eq!(verdict(&guard, &good), "token_key_unknown");
    until("fetched", || verdict(&guard, &good) == "ok").await;
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_flood_costs_one_fetch_a_cool_down_and_no_good_token_is_refused() {
    let (a, b, c) = (named("a"), named("b"), named("c"));
    let (server, clock, guard) = connected(&[&a]).await;
    let known = token(&server, &a);

    // The issuer signs with keys that it did not publish beforehand, in the midst of a flood.
    clock.advance(seconds(2));
    server.publishes(&[&a, &b]);
    let mut tokens = junk(&server, 0..200);
    tokens.push(token(&server, &b));
    let mut verdicts = all_at_once(&guard, &tokens).join_all().await;
    verdicts.sort_unstable();
    assert_eq!(verdicts.iter().filter(|code| **code == "ok").count(), 1);
    assert_eq!(
        verdicts[1..]
            .iter()
            .filter(|code| **code == "token_key_unknown")
            .count(),
        200
    );
    assert_eq!(server.fetches(), 2);

    // Again, within the cool-down: all wait, nobody is asked, known keys go on.
    server.publishes(&[&a, &b, &c]);
    let mut tokens = junk(&server, 200..400);
    tokens.push(token(&server, &c));
    let waiting = all_at_once(&guard, &tokens);
    settle().await;
    clock.advance(seconds(1));
    settle().await;
    assert_eq!(server.fetches(), 2);
    assert_eq!(verdict_async(&guard, &known).await, "ok");
    clock.advance(seconds(1));
    let mut verdicts = waiting.join_all().await;
    verdicts.sort_unstable();
    assert_eq!(verdicts.iter().filter(|code| **code == "ok").count(), 1);
    assert_eq!(
        verdicts[1..]
            .iter()
            .filter(|code| **code == "token_key_unknown")
            .count(),
        200
    );
    assert_eq!(server.fetches(), 3);

    // Keys that were looked for and not found: refused at once until the next fetch may begin.
    let again = all_at_once(&guard, &tokens).join_all().await;
    assert_eq!(
        again
            .iter()
            .filter(|code| **code == "token_key_unknown")
            .count(),
        200
    );
    settle().await;
    assert_eq!(server.fetches(), 3);
}

#[tokio::test]
async fn those_who_come_while_a_fetch_is_under_way_share_it() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    let gate = Arc::new(Semaphore::new(0));
    server.says(Reply::Held(
        Arc::clone(&gate),
        Box::new(Reply::keys(&[&a, &b])),
    ));
    clock.advance(seconds(2));
    let good = token(&server, &b);
    let first = all_at_once(&guard, std::slice::from_ref(&good));
    server.fetched(2).await;
    let others = all_at_once(&guard, &vec![good; 200]);
    settle().await;
    gate.add_permits(1);
    assert_eq!(first.join_all().await, ["ok"]);
    assert_eq!(others.join_all().await, ["ok"; 200]);
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_token_that_would_be_refused_anyway_has_nothing_fetched() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    server.publishes(&[&a, &b]);
    clock.advance(seconds(100));
    let claims = || Claims {
        iss: Some(server.url()),
        aud: "cakes".into(),
        ..Claims::new("ada", NOW + 900)
    };
    let issue = |claims: Claims| b.issue(&claims).unwrap();
    let kid = |name: &str, algorithm: &str| {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{name}"}}"#);
        let members = format!(r#","iss":"{}","aud":"cakes""#, server.url());
        hs256(&header, &payload(&members))
    };
    for refused in [
        issue(Claims {
            exp: NOW,
            ..claims()
        }),
        issue(Claims {
            nbf: Some(NOW + 10_000),
            ..claims()
        }),
        issue(Claims {
            iss: Some("https://other.example".into()),
            ..claims()
        }),
        issue(Claims {
            iss: None,
            ..claims()
        }),
        issue(Claims {
            aud: "tea".into(),
            ..claims()
        }),
        issue(Claims {
            sub: String::new(),
            ..claims()
        }),
        kid("secret", "HS256"),
        kid("b", "none"),
        kid("b", "ES512"),
        format!("{}.e30.AAAA", encode(r#"{"alg":"EdDSA","kid":"b"}"#)),
        // A known key whose signature does not hold.
        token(&server, &b.clone().with_key_id("a")),
    ] {
        let code = verdict_async(&guard, &refused).await;
        assert!(code.starts_with("token_"), "{code}");
        let _ = verdict(&guard, &refused);
    }
    settle().await;
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_token_that_names_no_key_is_tried_with_the_new_ones_too() {
    let (a, b) = (named("a"), named("b"));
    let bare = |server: &Server, key: &SigningKey| {
        let header = encode(r#"{"alg":"EdDSA","typ":"at+jwt"}"#);
        let body = payload(&format!(r#","iss":"{}","aud":"cakes""#, server.url()));
        let signed = format!("{header}.{}", encode(body));
        let der = key.to_pkcs8_der().unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(der.expose()).unwrap();
        format!("{signed}.{}", encode(pair.sign(signed.as_bytes())))
    };
    let (server, clock, guard) = connected(&[&a]).await;
    assert_eq!(verdict_async(&guard, &bare(&server, &a)).await, "ok");
    server.publishes(&[&a, &b]);
    clock.advance(seconds(2));
    assert_eq!(verdict_async(&guard, &bare(&server, &b)).await, "ok");
    assert_eq!(server.fetches(), 2);
    clock.advance(seconds(2));
    let refused = verdict_async(&guard, &bare(&server, &named("c"))).await;
    assert_eq!((refused, server.fetches()), ("token_signature_invalid", 3));
}

#[tokio::test]
async fn a_server_that_always_says_304_is_asked_without_a_tag_for_a_missing_key() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    let old = Reply::keys(&[&a]).with("etag", "\"1\"");
    let new = Reply::keys(&[&a, &b]).with("etag", "\"1\"");
    let mut first = true;
    server.says_each(move |asked| {
        if asked.head.contains("if-none-match") {
            assert!(!asked.head.contains("no-cache"));
            return Reply::status(304);
        }
        let reply = if std::mem::take(&mut first) {
            &old
        } else {
            &new
        };
        reply.clone()
    });
    let guard = follow(&server, &clock).connect().await.unwrap();
    clock.advance(seconds(300));
    server.fetched(2).await;
    clock.advance(seconds(300));
    server.fetched(3).await;
    assert_eq!(verdict(&guard, &token(&server, &a)), "ok");
    clock.advance(seconds(2));
    assert_eq!(verdict_async(&guard, &token(&server, &b)).await, "ok");
}

#[tokio::test]
async fn a_silent_server_holds_nobody_beyond_the_time_out() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    server.publishes(&[&a]);
    let guard = follow(&server, &clock)
        .timeout(SHORT)
        .connect()
        .await
        .unwrap();
    server.says(Reply::Silence);
    clock.advance(seconds(2));
    let (known, new) = (token(&server, &a), token(&server, &b));
    #[expect(clippy::disallowed_methods, reason = "how long requests really wait")]
    let begun = Instant::now();
    let waiting = all_at_once(&guard, &vec![new; 200]);
    for _ in 0..50 {
        assert_eq!(verdict_async(&guard, &known).await, "ok");
    }
    assert_eq!(waiting.join_all().await, ["keys_unknown"; 200]);
    let took = begun.elapsed();
    assert!(took >= SHORT && took < SHORT * 10, "{took:?}");
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_server_that_fails_at_first_serves_those_who_still_wait() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    let good = Reply::keys(&[&a, &b]);
    let mut failures = 3;
    server.says_each(move |_| {
        if failures > 0 {
            failures -= 1;
            return Reply::status(503);
        }
        good.clone()
    });
    let mut waiting = all_at_once(&guard, &vec![token(&server, &b); 200]);
    let turning = async {
        loop {
            clock.advance(seconds(1));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let verdicts = async {
        let mut verdicts = Vec::new();
        while let Some(verdict) = waiting.join_next().await {
            verdicts.push(verdict.unwrap());
        }
        verdicts
    };
    tokio::select! {
        verdicts = verdicts => assert_eq!(verdicts, ["ok"; 200]),
        () = turning => {}
    }
    assert_eq!(server.fetches(), 5);
}

#[tokio::test]
async fn who_gives_up_takes_nobody_with_them() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    let gate = Arc::new(Semaphore::new(0));
    server.says(Reply::Held(
        Arc::clone(&gate),
        Box::new(Reply::keys(&[&a, &b])),
    ));
    clock.advance(seconds(2));
    let good = token(&server, &b);
    let mut given_up = all_at_once(&guard, std::slice::from_ref(&good));
    server.fetched(2).await;
    let stays = all_at_once(&guard, &[good]);
    settle().await;
    given_up.abort_all();
    while given_up.join_next().await.is_some() {}
    gate.add_permits(1);
    assert_eq!(stays.join_all().await, ["ok"]);
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_whatever_is_published_or_remembered() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a, &b]).await;
    let (one, other) = (token(&server, &a), token(&server, &b));
    assert_eq!(
        (verdict(&guard, &one), verdict(&guard, &other)),
        ("ok", "ok")
    );
    server.stop().await;
    guard.revoked().withdraw_key(a.verifying_key().key_id());
    assert_eq!(verdict(&guard, &one), "token_revoked");
    assert_eq!(verdict_async(&guard, &one).await, "token_revoked");
    assert_eq!(verdict(&guard, &other), "ok");

    // A withdrawn key that is published no more: nobody is asked for it.
    let (again, _, guard) = connected(&[&b]).await;
    guard.revoked().withdraw_key(a.verifying_key().key_id());
    clock.advance(seconds(10));
    assert_eq!(
        verdict_async(&guard, &token(&again, &a)).await,
        "token_key_unknown"
    );
    assert_eq!(again.fetches(), 1);
}

#[test]
fn a_runtime_that_ended_takes_the_fetching_with_it_and_the_next_one_takes_it_up() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let serving = runtime();
    let server = serving.block_on(Server::start());
    let (a, b) = (named("a"), named("b"));
    server.publishes(&[&a]);
    let clock = clock();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let stands = std::thread::spawn(move || {
        serving.block_on(async {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        });
    });
    let first = runtime();
    let guard = first.block_on(follow(&server, &clock).connect()).unwrap();
    drop(first);
    assert_eq!(verdict(&guard, &token(&server, &a)), "ok");
    server.publishes(&[&b]);
    clock.set(Timestamp::from_seconds(NOW + 10));
    let second = runtime();
    let new = token(&server, &b);
    assert_eq!(second.block_on(verdict_async(&guard, &new)), "ok");
    stop.send(()).unwrap();
    stands.join().unwrap();
}
