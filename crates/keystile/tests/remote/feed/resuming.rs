//! A feed that breaks off is resumed, and nothing is missed or taken away.

use keystile::Guard;
use keystile::remote::FeedState;

use super::{World, fault, felt, reached, status_is};
use crate::server::{Reply, Step};
use crate::{SHORT, at, named, seconds, settle, verdict};

#[tokio::test]
async fn the_place_of_the_last_mark_is_where_it_goes_on() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    assert_eq!(stream.last_id, None);
    stream.current("f1.2");
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
    // Cut in the midst of a poll: what was told of it is told again.
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    assert!(
        fault(&issuer).contains("cannot be reached"),
        "{}",
        fault(&issuer)
    );
    let stream = world.next().await;
    assert_eq!(stream.last_id.as_deref(), Some("f1.2"));
    stream.revoked(&world.session("a", "s"));
    stream.revoked(&world.session("a", "t"));
    stream.current("f1.3");
    felt(&guard, &world.token(&a, "t"), "token_revoked").await;
    reached(&issuer, FeedState::Live).await;
    let status = issuer.feed_status().unwrap();
    assert_eq!(
        (status.entries, status.snapshots, status.connections),
        (2, 1, 2)
    );
    assert_eq!(status.fault, None, "all was told since");
}

#[tokio::test]
async fn cut_within_the_first_list_it_is_told_all_of_it_again() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer) = world.lazy(World::feed());
    let stream = world.next().await;
    stream.snapshot("f1");
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    assert_eq!(verdict(&guard, &world.token(&a, "t")), "revocation_unknown");
    let stream = world.next().await;
    assert_eq!(stream.last_id, None);
    stream.snapshot("f1");
    stream.current("f1.1");
    felt(&guard, &world.token(&a, "t"), "ok").await;
    assert_eq!(
        verdict(&guard, &world.token(&a, "s")),
        "token_revoked",
        "nothing is taken away"
    );
}

#[tokio::test]
async fn another_history_is_told_from_its_beginning_and_united_with_what_is_held() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    stream.revoked(&world.session("a", "old"));
    stream.current("f1.2");
    felt(&guard, &world.token(&a, "old"), "token_revoked").await;
    drop(stream);
    let stream = world.next().await;
    assert_eq!(stream.last_id.as_deref(), Some("f1.2"));
    // Restored from a backup: of what was revoked after it, the server knows nothing.
    stream.snapshot("f2");
    stream.revoked(&world.session("a", "new"));
    stream.to.send(Step::Cut).unwrap();
    status_is(&issuer, "lost", |status| {
        status.state == FeedState::Lost && status.snapshots == 2
    })
    .await;
    // Within that list there is no place to resume at, and the old one is of another history.
    let stream = world.next().await;
    assert_eq!(stream.last_id, None);
    stream.snapshot("f2");
    stream.revoked(&world.session("a", "new"));
    stream.current("f2.1");
    reached(&issuer, FeedState::Live).await;
    for sid in ["old", "new"] {
        assert_eq!(verdict(&guard, &world.token(&a, sid)), "token_revoked");
    }
    // And amid a stream, as after a failover behind a living node.
    stream.snapshot("f3");
    stream.current("f3.1");
    drop(stream);
    assert_eq!(world.next().await.last_id.as_deref(), Some("f3.1"));
    assert_eq!(issuer.feed_status().unwrap().entries, 2);
}

#[tokio::test]
async fn after_an_end_that_the_server_made_it_comes_back_at_once() {
    let mut world = World::start(&[&named("a")]).await;
    let (_, issuer, stream) = world.live(World::feed()).await;
    // As long as a stream must last not to be one that ends as soon as it has begun.
    tokio::time::sleep(seconds(1)).await;
    drop(stream);
    let stream = world.next_at_once().await;
    assert_eq!(stream.last_id.as_deref(), Some("f1.1"));
    // One that ends at once, again and again, is not asked at once again and again.
    stream.current("f1.2");
    reached(&issuer, FeedState::Live).await;
    drop(stream);
    reached(&issuer, FeedState::Lost).await;
    settle().await;
    assert!(world.opened.try_recv().is_err());
    world.next().await;
}

#[tokio::test]
async fn a_failing_feed_is_asked_less_and_less_often_and_as_it_says() {
    let mut world = World::start(&[&named("a")]).await;
    for _ in 0..8 {
        world.refuses(Reply::status(503));
    }
    let (_guard, issuer) = world.lazy(World::feed());
    let (server, clock) = (world.server.clone(), world.clock.clone());
    let mut pauses = Vec::new();
    for asked in 1..=9 {
        let mut pause = 0;
        crate::until("asked", || {
            let enough = server.asked("/feed") >= asked;
            if !enough && issuer.feed_status().unwrap().state == FeedState::Lost {
                clock.advance(SHORT);
                pause += SHORT.as_millis();
            }
            enough
        })
        .await;
        pauses.push(pause);
    }
    assert!(pauses[1] <= 2_000, "{pauses:?}");
    assert!(
        pauses[7..]
            .iter()
            .all(|pause| (4_000..=9_000).contains(pause)),
        "{pauses:?}"
    );

    let stream = world.next_at_once().await;
    stream.snapshot("f1");
    stream.current("f1.1");
    reached(&issuer, FeedState::Live).await;
    world.refuses(Reply::status(503).with("retry-after", "120"));
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    clock.advance(seconds(1));
    crate::until("asked again", || server.asked("/feed") == 10).await;
    status_is(&issuer, "refused", |status| {
        let fault = status.fault.as_ref().map(ToString::to_string);
        fault.is_some_and(|fault| fault.contains("answered 503"))
    })
    .await;
    reached(&issuer, FeedState::Lost).await;
    clock.advance(seconds(119));
    settle().await;
    assert_eq!(server.asked("/feed"), 10);
    world.next().await;
}

#[tokio::test]
async fn silence_is_an_end_and_any_byte_is_a_sign_of_life() {
    let mut world = World::start(&[&named("a")]).await;
    let (_, issuer, stream) = world.live(World::feed().dead_after(SHORT)).await;
    let begun = issuer.feed_status().unwrap().connections;
    for _ in 0..6 {
        tokio::time::sleep(SHORT / 4).await;
        stream.send(": still here\n");
    }
    assert_eq!(issuer.feed_status().unwrap().connections, begun);
    stream.is_left().await;
    reached(&issuer, FeedState::Lost).await;
    assert!(fault(&issuer).contains("silent for"), "{}", fault(&issuer));
    assert_eq!(world.next().await.last_id.as_deref(), Some("f1.1"));
}

/// A server that tells an endless list slowly is read as it comes.
#[tokio::test]
async fn a_slow_stream_is_read_as_it_comes() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, _issuer) = world.lazy(World::feed());
    let stream = world.next().await;
    let text = format!(
        "event: snapshot\ndata: {{\"feed\":\"f1\"}}\n\nevent: revoked\ndata: {}\n\n",
        world.session("a", "s")
    );
    for byte in text.chars() {
        stream.send(byte.to_string());
    }
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
}

#[tokio::test]
async fn what_has_ended_is_dropped() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (_guard, issuer, stream) = world.live(World::feed()).await;
    stream.revoked(&world.session("a", "s"));
    stream.current("f1.2");
    status_is(&issuer, "held", |status| status.entries == 1).await;
    world.clock.set(at(3_600));
    stream.current("f1.3");
    status_is(&issuer, "dropped", |status| status.entries == 0).await;
}

/// Guards made of one issuer share its one connection.
#[tokio::test]
async fn one_issuer_is_connected_to_once() {
    let mut world = World::start(&[&named("a")]).await;
    let (_guard, issuer, stream) = world.live(World::feed()).await;
    let guards: Vec<Guard> = (0..50).map(|_| Guard::from(issuer.clone())).collect();
    let token = world.token(&named("a"), "s");
    assert!(guards.iter().all(|guard| verdict(guard, &token) == "ok"));
    stream.revoked(&world.session("a", "s"));
    felt(&guards[0], &token, "token_revoked").await;
    assert!(
        guards
            .iter()
            .all(|guard| verdict(guard, &token) == "token_revoked")
    );
    assert_eq!(world.server.asked("/feed"), 1);
}
