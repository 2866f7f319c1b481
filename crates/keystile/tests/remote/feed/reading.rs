//! What is told is felt.

use keystile::remote::{FeedChange, FeedState};
use keystile::{FollowError, Guard, Issuer, Verifier};
use serde_json::json;
use std::sync::{Arc, Mutex};

use super::{LATER, World, felt, reached, status_is};
use crate::server::Reply;
use crate::{NOW, at, named, seconds, verdict, verdict_async};

#[tokio::test]
async fn a_sign_out_is_felt_and_touches_nobody_else() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    let (mine, other) = (world.token(&a, "s"), world.token(&a, "t"));
    assert_eq!(
        (verdict(&guard, &mine), verdict(&guard, &other)),
        ("ok", "ok")
    );
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &mine, "token_revoked").await;
    assert_eq!(verdict(&guard, &other), "ok");
    assert_eq!(verdict_async(&guard, &mine).await, "token_revoked");

    let status = issuer.feed_status().unwrap();
    assert_eq!((status.state, status.current), (FeedState::Live, true));
    assert_eq!((status.entries, status.told), (1, 1));
    assert_eq!((status.snapshots, status.connections), (1, 1));
    assert_eq!(
        status.told_up_to.map(keystile::Timestamp::as_millis),
        Some(NOW * 1_000 + 123)
    );
    assert_eq!(
        (status.marked_at, status.fault),
        (Some(world.clock.now()), None)
    );
}

#[tokio::test]
async fn each_kind_of_revocation_is_felt() {
    let (a, b) = (named("a"), named("b"));
    let mut world = World::start(&[&a, &b]).await;
    let (guard, _, stream) = world.live(World::feed()).await;
    let issuer = world.server.url();
    let token = |sid: &str| world.token(&a, sid);
    let subject = |sub: &str| json!({ "format": "iss_sub", "iss": issuer, "sub": sub });
    let (until, kind) = (LATER, "urn:keystile:event:subject-revoked");
    let jwt_id = json!({ "format": "jwt_id", "iss": issuer, "jti": "jti-1" });
    let of_token = json!({ "until": until });
    stream.revoked(&world.set("a", &jwt_id, "urn:keystile:event:token-revoked", &of_token));
    felt(&guard, &token("1"), "token_revoked").await;

    // A generation below which nothing is good; this one is good still.
    let below = |generation: i64| json!({ "until": until, "generation_below": generation });
    stream.revoked(&world.set("a", &subject("sub-2"), kind, &below(6)));
    stream.revoked(&world.set("a", &subject("sub-3"), kind, &below(5)));
    felt(&guard, &token("2"), "token_revoked").await;
    // Of tokens that have a generation, the time of issue says nothing.
    let issued = json!({ "until": until, "issued_up_to": NOW });
    stream.revoked(&world.set("a", &subject("sub-4"), kind, &issued));
    let key = json!({ "format": "opaque", "id": "b" });
    stream.revoked(&world.set("a", &key, "urn:keystile:event:key-withdrawn", &json!({})));
    felt(&guard, &world.token(&b, "5"), "token_revoked").await;
    for sid in ["3", "4", "5"] {
        assert_eq!(verdict(&guard, &token(sid)), "ok", "{sid}");
    }
}

#[tokio::test]
async fn connect_waits_for_all_that_was_revoked_before() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let following = world.follow(World::feed());
    let connecting = tokio::spawn(async move { following.connect().await });
    let stream = world.next_at_once().await;
    stream.snapshot("f1");
    for sid in 0..500 {
        stream.revoked(&world.session("a", &sid.to_string()));
    }
    crate::settle().await;
    assert!(!connecting.is_finished());
    stream.current("f1.1");
    let issuer = connecting.await.unwrap().unwrap();
    let guard = Guard::from(issuer.clone());
    assert_eq!(verdict(&guard, &world.token(&a, "499")), "token_revoked");
    assert_eq!(verdict(&guard, &world.token(&a, "500")), "ok");
    assert_eq!(issuer.feed_status().unwrap().entries, 500);
    assert_eq!(issuer.revocations().unwrap().len(), 500);
}

#[tokio::test]
async fn what_is_told_before_the_list_is_complete_counts_already() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer) = world.lazy(World::feed());
    let stream = world.next().await;
    stream.snapshot("f1");
    stream.revoked(&world.session("a", "s"));
    let (revoked, other) = (world.token(&a, "s"), world.token(&a, "t"));
    felt(&guard, &revoked, "token_revoked").await;
    assert_eq!(verdict(&guard, &other), "revocation_unknown");
    assert_eq!(issuer.feed_status().unwrap().state, FeedState::CatchingUp);
    stream.current("f1.1");
    felt(&guard, &other, "ok").await;
}

#[tokio::test]
async fn connect_tells_what_is_wrong() {
    type Wrong = fn(&World);
    let cases: [(&str, Wrong); 9] = [
        ("names no revocation_feed_uri", |world| {
            world.says(&json!({ "revocation_feed_uri": null }));
        }),
        ("names no token_endpoint", |world| {
            world.says(&json!({ "token_endpoint": null }));
        }),
        ("not at the issuer's own address", |world| {
            world.says(&json!({ "revocation_feed_uri": "https://feeds.example/" }));
        }),
        ("not at the issuer's own address", |world| {
            world.says(&json!({ "token_endpoint": "http://127.0.0.1:1/token" }));
        }),
        ("refuses the client: 401 invalid_client", |world| {
            let refusal = json!({ "error": "invalid_client" })
                .to_string()
                .into_bytes();
            world.answers(Reply::Answer(401, vec![], refusal));
        }),
        ("does not take the token: 403", |world| {
            world.refuses(Reply::status(403));
        }),
        ("answered 404", |world| world.refuses(Reply::status(404))),
        ("is no stream of events", |world| {
            world.refuses(Reply::json("{}"));
        }),
        ("redirects to", |world| {
            world.refuses(Reply::redirect("https://elsewhere.example/"));
        }),
    ];
    for (expected, wrong) in cases {
        let world = World::start(&[&named("a")]).await;
        wrong(&world);
        let fault = world.follow(World::feed()).connect().await.unwrap_err();
        let message = fault.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(
            !message.contains(super::SECRET) && !message.contains("token-"),
            "{message}"
        );
    }
    let world = World::start(&[&named("a")]).await;
    let plain = World::feed().at("http://id.example/feed");
    let fault = world.follow(plain).connect_lazy().unwrap_err();
    assert!(matches!(fault, FollowError::Setting { .. }), "{fault}");
}

#[tokio::test]
async fn each_issuers_list_is_its_own_and_the_guards_stands_beside_them() {
    let (a, b) = (named("a"), named("b"));
    let (mut ours, mut theirs) = (World::start(&[&a]).await, World::start(&[&b]).await);
    let (_, one, stream) = ours.live(World::feed()).await;
    let (_, other, other_stream) = theirs.live(World::feed()).await;
    let verifier = Verifier::new(&one)
        .or_trust(&other)
        .clock(ours.clock.clone());
    let guard = Guard::new(verifier).remember(0);
    let entries = |at: usize| guard.issuers()[at].feed_status().unwrap().entries;
    let (mine, yours) = (ours.token(&a, "s"), theirs.token(&b, "s"));
    assert_eq!(
        (verdict(&guard, &mine), verdict(&guard, &yours)),
        ("ok", "ok")
    );
    stream.revoked(&ours.session("a", "s"));
    felt(&guard, &mine, "token_revoked").await;
    assert_eq!(verdict(&guard, &yours), "ok");
    assert_eq!((entries(0), entries(1)), (1, 0));
    // One feed is lost, and its issuer's tokens alone are not known.
    ours.clock.set(at(61));
    stream.current("f1.2");
    let innocent = ours.token(&a, "t");
    felt(&guard, &innocent, "ok").await;
    assert_eq!(verdict(&guard, &yours), "revocation_unknown");
    theirs.clock.set(at(61));
    other_stream.current("f1.2");
    felt(&guard, &yours, "ok").await;
    guard.revoked().revoke_session(None, "t", at(3_600));
    assert_eq!(verdict(&guard, &innocent), "token_revoked");
    assert_eq!(verdict(&guard, &yours), "ok");
}

#[tokio::test]
async fn changes_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    world.refuses(Reply::status(503));
    let telling = Arc::clone(&told);
    let feed = World::feed().on_change(move |change| {
        let word = match change {
            FeedChange::Connected => "connected",
            FeedChange::Current => "current",
            FeedChange::Ended => "ended",
            FeedChange::Lost(_) => "lost",
            _ => "another",
        };
        telling.lock().unwrap().push(word);
    });
    let (_, issuer, stream) = world.live(feed).await;
    stream.current("f1.2");
    drop(stream);
    reached(&issuer, FeedState::Lost).await;
    let stream = world.next().await;
    stream.current("f1.3");
    reached(&issuer, FeedState::Live).await;
    let expected = [
        "lost",
        "connected",
        "current",
        "ended",
        "connected",
        "current",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn it_ends_with_the_last_that_uses_it() {
    let mut world = World::start(&[&named("a")]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    drop(issuer);
    crate::settle().await;
    assert!(!stream.to.is_closed());
    drop(guard);
    stream.is_left().await;
}

/// A runtime that has ended takes the follower with it; another one goes on.
#[test]
fn another_runtime_takes_over() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    // The issuer lives in a runtime of its own.
    let theirs = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let a = named("a");
    let mut world = theirs.block_on(World::start(&[&a]));
    let first = runtime();
    let (guard, issuer, stream) = first.block_on(world.live(World::feed()));
    drop(first);
    let second = runtime();
    second.block_on(async {
        stream.is_left().await;
        let token = world.token(&a, "s");
        assert_eq!(verdict(&guard, &token), "ok", "by what was last heard");
        let stream = world.next().await;
        stream.snapshot("f1");
        stream.revoked(&world.session("a", "s"));
        felt(&guard, &token, "token_revoked").await;
        status_is(&issuer, "two connections", |status| status.connections == 2).await;
    });
}

#[tokio::test]
async fn an_issuer_without_a_feed_has_none() {
    let world = World::start(&[&named("a")]).await;
    let issuer = Issuer::at(world.server.url())
        .audience("cakes")
        .clock(world.clock.clone());
    let issuer = issuer.connect().await.unwrap();
    assert!(issuer.feed_status().is_none() && issuer.revocations().is_none());
    world.clock.advance(seconds(3_000));
    let guard = Guard::from(issuer);
    assert_eq!(verdict(&guard, &world.token(&named("a"), "s")), "ok");
}
