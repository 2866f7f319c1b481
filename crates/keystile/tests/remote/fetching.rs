//! When keys are fetched again, and what becomes of those that are gone.

use std::sync::Arc;

use keystile::{Guard, Issuer, Verifier};

use crate::common::clock;
use crate::server::{Reply, Server};
use crate::{at, connected, follow, named, seconds, settle, token, until, verdict};

#[tokio::test]
async fn keys_are_fetched_again_when_the_answer_grows_old_and_not_before() {
    for (said, nothing_at, again_at) in [
        ("max-age=600", 479, 600),
        ("max-age=600, max-age=100", 79, 100),
        ("", 239, 300),
        ("no-store", 23, 30),
        ("max-age=1", 23, 30),
        ("max-age=99999999", 2_879, 3_600),
    ] {
        let (server, clock) = (Server::start().await, clock());
        let key = named("a");
        server.says(Reply::keys(&[&key]).with("cache-control", said));
        let issuer = Issuer::at(server.url()).audience("cakes");
        let issuer = issuer.clock(clock.clone()).connect().await.unwrap();
        let guard = Guard::from(issuer.clone());
        clock.set(at(nothing_at));
        settle().await;
        let status = issuer.status();
        assert!(
            !status.fetching && status.fetches == 1,
            "{said}: {status:?}"
        );
        clock.set(at(again_at));
        server.fetched(2).await;
        assert_eq!(verdict(&guard, &token(&server, &key)), "ok");
        assert_eq!(server.asked_at_all(), 3, "the document is not read again");
    }
}

#[tokio::test]
async fn an_unchanged_set_keeps_what_was_verified_in_memory() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    let (first, second) = (Reply::keys(&[&a, &b]), Reply::keys(&[&b, &a]));
    server.says_each(move |asked| {
        if asked.head.contains("if-none-match: \"one\"") {
            return Reply::status(304).with("cache-control", "max-age=60");
        }
        let set = if asked.head.contains("if-none-match: \"two\"") {
            &first
        } else {
            &second
        };
        set.clone()
            .with("etag", "\"one\"")
            .with("cache-control", "max-age=60")
    });
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer = issuer.connect().await.unwrap();
    let guard = Guard::from(issuer.clone());
    let good = token(&server, &a);
    let before = guard.verify(&good).unwrap();
    for turn in 1..4 {
        clock.advance(seconds(60));
        until("fetched", || issuer.status().fetches > turn).await;
        assert_eq!(issuer.status().fetched_at, Some(clock.now()), "304 counts");
        assert!(
            Arc::ptr_eq(&before, &guard.verify(&good).unwrap()),
            "turn {turn}"
        );
    }
    // The same keys in another order, in full.
    server.says(Reply::keys(&[&a, &b]).with("etag", "\"two\""));
    clock.advance(seconds(60));
    until("fetched", || issuer.status().fetches > 4).await;
    assert!(Arc::ptr_eq(&before, &guard.verify(&good).unwrap()));
    // Another set.
    server.publishes(&[&a, &b, &named("c")]);
    clock.advance(seconds(300));
    until("fetched", || issuer.status().keys == 3).await;
    assert!(!Arc::ptr_eq(&before, &guard.verify(&good).unwrap()));
}

#[tokio::test]
async fn a_rotation_is_followed_and_a_retired_key_goes() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    server.publishes(&[&a]);
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer = issuer.connect().await.unwrap();
    let guard = Guard::from(issuer.clone());
    let (old, new) = (token(&server, &a), token(&server, &b));
    server.publishes(&[&a, &b]);
    clock.advance(seconds(300));
    until("published", || issuer.status().keys == 2).await;
    assert_eq!((verdict(&guard, &old), verdict(&guard, &new)), ("ok", "ok"));

    server.publishes(&[&b]);
    for turn in 0.. {
        clock.advance(seconds(300));
        let fetches = issuer.status().fetches;
        until("fetched", || issuer.status().fetches > fetches).await;
        assert_eq!(verdict(&guard, &new), "ok");
        if verdict(&guard, &old) == "token_key_unknown" {
            assert_eq!(turn, 2, "three answers lacked it");
            break;
        }
    }
    assert_eq!(issuer.keys().len(), 1);
}

#[tokio::test]
async fn while_a_key_is_missing_the_issuer_is_asked_soon_and_it_goes_within_a_minute() {
    let (server, clock) = (Server::start().await, clock());
    let (a, b) = (named("a"), named("b"));
    server.publishes(&[&a, &b]);
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer = issuer.connect().await.unwrap();
    server.publishes(&[&b]);
    clock.advance(seconds(300));
    until("missed", || issuer.status().fetches == 2).await;
    for fetches in 3..6 {
        assert_eq!(issuer.status().keys, 2);
        clock.advance(seconds(20));
        until("asked again", || issuer.status().fetches == fetches).await;
        if issuer.status().keys == 1 {
            return;
        }
    }
    panic!("still there: {:?}", issuer.status());
}

#[tokio::test]
async fn a_key_that_cannot_be_read_spoils_nothing() {
    let server = Server::start().await;
    let good = named("a").verifying_key().to_jwk().unwrap();
    let set = serde_json::json!({ "keys": [
        7,
        {},
        { "kty": "EC", "crv": "P-256", "x": "!", "y": "!" },
        { "kty": "OKP", "crv": "Ed448", "x": "AAAA" },
        { "kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "kid": "secret" },
        { "kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc" },
        good,
    ]});
    server.says(Reply::json(set));
    let guard = follow(&server, &clock()).connect().await.unwrap();
    assert_eq!(verdict(&guard, &token(&server, &named("a"))), "ok");
}

#[tokio::test]
async fn following_ends_with_the_last_that_uses_it() {
    let server = Server::start().await;
    let key = named("a");
    server.publishes(&[&key]);
    let clock = clock();
    let witness = Arc::new(());
    let held = Arc::clone(&witness);
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer = issuer.on_fetch(move |_| drop(Arc::clone(&held)));
    let issuer = issuer.connect().await.unwrap();
    let guard = Guard::from(issuer.clone());
    let verifier = Verifier::new(&issuer).clock(clock.clone());
    drop(issuer);
    drop(guard);
    clock.advance(seconds(300));
    server.fetched(2).await;
    assert!(verifier.verify(&token(&server, &key)).is_ok());
    assert_eq!(Arc::strong_count(&witness), 2);
    drop(verifier);
    until("ended", || Arc::strong_count(&witness) == 1).await;
    clock.advance(seconds(3_600));
    settle().await;
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn each_fetch_is_told_and_the_status_says_how_things_stand() {
    let (server, clock) = (Server::start().await, clock());
    server.publishes(&[&named("a")]);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer =
        issuer.on_fetch(move |outcome| tell.send(outcome.map_err(ToString::to_string)).unwrap());
    let issuer = issuer.connect().await.unwrap();
    assert_eq!(told.recv().await, Some(Ok(())));
    let status = issuer.status();
    assert!(status.known && status.fault.is_none() && status.keys == 1);
    assert_eq!(status.fetched_at, Some(at(0)));
    assert_eq!(
        (status.fresh_until, status.known_until),
        (Some(at(300)), Some(at(3_900)))
    );

    server.says(Reply::status(500));
    clock.advance(seconds(300));
    let fault = told.recv().await.unwrap().unwrap_err();
    assert!(fault.contains("answered 500"), "{fault}");
    let status = issuer.status();
    assert!(status.known && status.fault.is_some());
    assert_eq!(status.fetched_at, Some(at(0)));
    server.publishes(&[&named("a")]);
    clock.advance(seconds(10));
    assert_eq!(told.recv().await, Some(Ok(())));
    assert!(issuer.status().fault.is_none());
}

#[tokio::test]
async fn connected_guards_share_nothing() {
    let (first, _, one) = connected(&[&named("a")]).await;
    let (second, _, other) = connected(&[&named("a")]).await;
    assert_eq!(verdict(&one, &token(&first, &named("a"))), "ok");
    assert_eq!(
        verdict(&other, &token(&first, &named("a"))),
        "token_issuer_wrong"
    );
    assert_eq!(verdict(&other, &token(&second, &named("a"))), "ok");
}
