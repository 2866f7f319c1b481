//! A feed that is lost: what was last heard counts for a while, then the policy.

use keystile::{Guard, Issuer};
use serde_json::json;

use super::{SECRET, World, felt, reached};
use crate::server::{Reply, Step};
use crate::{SHORT, at, code, named, seconds, settle, until, verdict, verdict_async};
use keystile::remote::FeedState;

#[tokio::test]
async fn what_was_heard_counts_for_its_time_and_then_the_answer_is_503_until_it_is_back() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let feed = World::feed().serve_stale(seconds(60)).then_refuse();
    let (guard, issuer, stream) = world.live(feed).await;
    let (token, revoked) = (world.token(&a, "s"), world.token(&a, "t"));
    stream.revoked(&world.session("a", "t"));
    felt(&guard, &revoked, "token_revoked").await;
    let marked = world.clock.now();
    let marked_at = move |seconds: u64| marked.saturating_add(crate::seconds(seconds));
    world.server.stop().await;
    world.clock.set(marked_at(60));
    assert_eq!(verdict(&guard, &token), "ok");
    world.clock.set(marked_at(61));
    let refused = guard.verify(&token).unwrap_err();
    assert_eq!(
        (refused.code(), refused.status()),
        ("revocation_unknown", 503)
    );
    assert_eq!(verdict_async(&guard, &token).await, "revocation_unknown");
    assert_eq!(
        verdict(&guard, &revoked),
        "token_revoked",
        "that much is known"
    );
    let status = issuer.feed_status().unwrap();
    assert_eq!(
        (status.current, status.stale_for),
        (false, Some(seconds(61)))
    );
    assert_eq!(status.marked_at, Some(marked));
}

#[tokio::test]
async fn a_feed_that_comes_back_tells_what_was_missed_before_anybody_is_let_in() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    let token = world.token(&a, "s");
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    let stream = world.next().await;
    world.clock.advance(seconds(120));
    assert_eq!(verdict(&guard, &token), "revocation_unknown");
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &token, "token_revoked").await;
    assert_eq!(verdict(&guard, &world.token(&a, "t")), "revocation_unknown");
    stream.current("f1.2");
    felt(&guard, &world.token(&a, "t"), "ok").await;
    // The guard's clock is set: nothing is known by the mark of another time.
    world.clock.set(at(-50));
    assert_eq!(verdict(&guard, &world.token(&a, "t")), "revocation_unknown");
    stream.current("f1.3");
    until("marked", || issuer.feed_status().unwrap().current).await;
}

/// A guard whose feed was lost too long ago, and which asks its issuer then.
async fn asking(world: &mut World) -> (Guard, Issuer) {
    let feed = World::feed().serve_stale(seconds(5)).then_introspect();
    let (guard, issuer, stream) = world.live(feed).await;
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    for _ in 0..1_000 {
        world.refuses(Reply::status(503));
    }
    world.clock.advance(seconds(6));
    (guard, issuer)
}

#[tokio::test]
async fn the_issuer_is_asked_while_the_feed_is_lost_and_its_answer_counts_for_a_while() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer) = asking(&mut world).await;
    let token = world.token(&a, "s");
    assert_eq!(
        verdict(&guard, &token),
        "revocation_unknown",
        "who does not wait asks nobody"
    );
    assert_eq!(world.posted("/introspect").len(), 0);
    for _ in 0..3 {
        assert_eq!(verdict_async(&guard, &token).await, "ok");
    }
    let asked = world.posted("/introspect");
    assert_eq!(asked.len(), 1, "remembered");
    assert_eq!(
        asked[0].form,
        format!("token={token}&token_type_hint=access_token")
    );
    assert_eq!(asked[0].credentials, world.posted("/token")[0].credentials);
    assert_eq!(issuer.feed_status().unwrap().introspections, 1);

    // Asked anew after a while, and then it is no good.
    world.clock.advance(seconds(5));
    world.answers(Reply::json(json!({ "active": false })));
    assert_eq!(verdict_async(&guard, &token).await, "token_revoked");
    world.clock.advance(seconds(30));
    assert_eq!(verdict_async(&guard, &token).await, "token_revoked");
    assert_eq!(world.posted("/introspect").len(), 2);
    // Another token is another question.
    assert_eq!(verdict_async(&guard, &world.token(&a, "t")).await, "ok");
    assert_eq!(world.posted("/introspect").len(), 3);
}

#[tokio::test]
async fn nobody_is_asked_while_the_feed_is_heard_or_the_token_holds_anyhow_not() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let feed = World::feed().serve_stale(seconds(5)).then_introspect();
    let (guard, _issuer, stream) = world.live(feed).await;
    assert_eq!(verdict_async(&guard, &world.token(&a, "s")).await, "ok");
    stream.revoked(&world.session("a", "t"));
    felt(&guard, &world.token(&a, "t"), "token_revoked").await;
    world.clock.advance(seconds(6));
    assert_eq!(
        verdict_async(&guard, &world.token(&a, "t")).await,
        "token_revoked"
    );
    assert_eq!(
        verdict_async(&guard, &world.token(&named("b"), "s")).await,
        "token_key_unknown"
    );
    assert_eq!(verdict_async(&guard, "a.b.c").await, "token_malformed");
    guard.revoked().withdraw_key(&"a".into());
    assert_eq!(
        verdict_async(&guard, &world.token(&a, "s")).await,
        "token_revoked"
    );
    assert_eq!(world.posted("/introspect").len(), 0);
}

#[tokio::test]
async fn two_hundred_requests_with_one_token_are_one_question() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, _issuer) = asking(&mut world).await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    world.answers(Reply::Held(
        gate.clone(),
        Box::new(Reply::json(json!({ "active": true }))),
    ));
    let token = world.token(&a, "s");
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (guard, token) = (guard.clone(), token.clone());
        requests.spawn(async move { code(&guard.verify_async(&token).await) });
    }
    // Whoever asked first gives up: the others get the answer all the same.
    let first = tokio::spawn({
        let (guard, token) = (guard.clone(), token.clone());
        async move { code(&guard.verify_async(&token).await) }
    });
    until("asked", || world.posted("/introspect").len() == 1).await;
    first.abort();
    settle().await;
    gate.add_permits(1);
    assert_eq!(requests.join_all().await, ["ok"; 200]);
    assert_eq!(world.posted("/introspect").len(), 1);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_leaves_it_unknown_and_nobody_waits_longer_than_the_time_out()
 {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let feed = World::feed().serve_stale(seconds(0)).then_introspect();
    let issuer = world.follow(feed).timeout(SHORT).connect_lazy().unwrap();
    let guard = Guard::from(issuer.clone());
    let _stream = world.next().await;
    let token = world.token(&a, "s");
    assert_eq!(
        verdict_async(&guard, &token).await,
        "ok",
        "before the first list too"
    );
    world.clock.advance(seconds(5));
    for reply in [
        Reply::Silence,
        Reply::status(503),
        Reply::status(401),
        Reply::json("{}"),
        Reply::json(r#"{"active":"true"}"#),
        Reply::json(r#"{"active":true,"active":false}"#),
        Reply::json("x".repeat(100_000)),
        Reply::redirect("https://elsewhere.example/"),
    ] {
        world.answers(reply);
        // The first one's question is still asked when the next request comes: it joins that.
        while !world.answers.lock().unwrap().is_empty() {
            let verdict = tokio::time::timeout(SHORT * 10, verdict_async(&guard, &token)).await;
            assert_eq!(verdict, Ok("revocation_unknown"));
        }
    }
    settle().await;
    // None of these was remembered.
    assert_eq!(verdict_async(&guard, &token).await, "ok");
}

#[tokio::test]
async fn what_the_guards_own_list_does_not_know_nobody_elses_word_replaces() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, _issuer) = asking(&mut world).await;
    let own = keystile::Revocations::new();
    own.require_known(|| false);
    let guard = guard.revocations(own);
    assert_eq!(
        verdict_async(&guard, &world.token(&a, "s")).await,
        "revocation_unknown"
    );
    assert_eq!(world.posted("/introspect").len(), 0);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let mut world = World::start(&[&named("a")]).await;
    let feed = World::feed().then_introspect();
    let shown = format!("{feed:?} {:?}", world.follow(feed.clone()));
    assert!(
        shown.contains("cakes-api") && !shown.contains(SECRET),
        "{shown}"
    );
    world.answers(Reply::Answer(
        401,
        vec![],
        format!("{{\"error\":\"{SECRET}\"}}").into_bytes(),
    ));
    let (guard, issuer, _stream) = world.live(feed).await;
    let shown = format!("{guard:?} {issuer:?} {:?}", issuer.feed_status());
    for secret in ["token-", "Basic", "Bearer"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    let given = keystile::Feed::tokens(|| async { Ok::<_, String>("token-of-mine") });
    assert!(!format!("{given:?}").contains("token-of-mine"));
}
