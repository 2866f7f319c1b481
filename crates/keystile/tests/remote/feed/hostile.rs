//! What cannot be believed ends the stream, and is not passed over.

use keystile::Revocations;
use keystile::remote::FeedState;
use serde_json::json;

use super::{LATER, Opened, SESSION, World, fault, felt, reached, signed, signed_by, status_is};
use crate::server::Reply;
use crate::{NOW, SHORT, code, named, seconds, settle, verdict};

/// Ends in this fault; nothing of it is marked as current, and it is not resumed behind it.
async fn ends(
    world: &mut World,
    issuer: &keystile::Issuer,
    stream: &Opened,
    expected: &str,
) -> Opened {
    stream.current("f1.999");
    reached(issuer, FeedState::Lost).await;
    let found = fault(issuer);
    assert!(found.contains(expected), "{expected}: {found}");
    let next = world.next().await;
    assert_eq!(next.last_id.as_deref(), Some("f1.1"), "{expected}");
    next.current("f1.1");
    reached(issuer, FeedState::Live).await;
    next
}

#[tokio::test]
async fn a_set_that_cannot_be_believed_ends_the_stream() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, mut stream) = world.live(World::feed()).await;
    let url = world.server.url();
    let claims = |issuer: &str| {
        let session = json!({ "format": "opaque", "id": "s" });
        json!({
            "iss": issuer, "jti": "1", "iat": NOW,
            "sub_id": { "format": "complex", "session": session },
            "events": { SESSION: { "until": LATER } },
        })
    };
    let good = signed("a", "secevent+jwt", &claims(&url));
    let mut unsigned = good.clone();
    unsigned.truncate(good.rfind('.').unwrap() + 1);
    let mut incomplete = claims(&url);
    incomplete["events"][SESSION] = json!({});
    let forged = signed_by("b", "a", "secevent+jwt", &claims(&url));
    for (set, expected) in [
        (
            signed("a", "secevent+jwt", &claims("https://other.example")),
            "another issuer",
        ),
        (signed("a", "at+jwt", &claims(&url)), "by its type"),
        (
            signed("a", "secevent+jwt", &incomplete),
            "lacks what its type",
        ),
        (world.token(&a, "s"), "by its type"),
        (unsigned, "does not hold"),
        (good[..good.len() / 2].to_owned(), "security event token"),
        (forged, "does not hold"),
        ("{}".to_owned(), "is not one"),
        ("x".repeat(17_000), "longer than may be"),
    ] {
        stream.revoked(&set);
        stream = ends(&mut world, &issuer, &stream, expected).await;
    }
    assert_eq!(
        verdict(&guard, &world.token(&a, "s")),
        "ok",
        "none of them counted"
    );
    assert_eq!(issuer.feed_status().unwrap().entries, 0);
    // What stood before the first that cannot be believed counts.
    stream.revoked(&good);
    stream.revoked("{}");
    ends(&mut world, &issuer, &stream, "is not one").await;
    assert_eq!(verdict(&guard, &world.token(&a, "s")), "token_revoked");
}

#[tokio::test]
async fn a_mark_or_a_list_that_cannot_be_read_ends_the_stream() {
    let mut world = World::start(&[&named("a")]).await;
    let (_guard, issuer, mut stream) = world.live(World::feed()).await;
    for (text, expected) in [
        ("event: current\nid: f1.2\ndata: {}\n\n", "up to when"),
        (
            "event: current\nid: f1.2\ndata: {\"at\":\"1\"}\n\n",
            "up to when",
        ),
        (
            "event: current\nid: f1.2\ndata: {\"at\":1,\"at\":2}\n\n",
            "up to when",
        ),
        ("event: current\ndata: {\"at\":1}\n\n", "has no id"),
        ("event: current\nid:\ndata: {\"at\":1}\n\n", "has no id"),
        (
            "event: current\nid: f2.2\ndata: {\"at\":1}\n\n",
            "has no id",
        ),
        ("event: current\nid: f1\ndata: {\"at\":1}\n\n", "has no id"),
        ("event: current\nid: f1.\ndata: {\"at\":1}\n\n", "has no id"),
        (
            "event: current\nid: f1.2 3\ndata: {\"at\":1}\n\n",
            "has no id",
        ),
        ("event: snapshot\ndata: {}\n\n", "of which feed"),
        (
            "event: snapshot\ndata: {\"feed\":\"\"}\n\n",
            "of which feed",
        ),
        (
            "event: snapshot\ndata: {\"feed\":\"a b\"}\n\n",
            "of which feed",
        ),
        ("event: snapshot\ndata: \n\n", "of which feed"),
    ] {
        stream.send(text);
        stream = ends(&mut world, &issuer, &stream, expected).await;
    }
    // A mark without any list before it says nothing about what is revoked.
    let (guard, issuer) = world.lazy(World::feed());
    let stream = world.next().await;
    stream.current("f1.1");
    reached(&issuer, FeedState::Lost).await;
    assert!(fault(&issuer).contains("before the first list"));
    assert_eq!(
        verdict(&guard, &world.token(&named("a"), "s")),
        "revocation_unknown"
    );
}

#[tokio::test]
async fn what_is_not_known_is_passed_over() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    stream.send(
        "retry: 1\n\n: comment\nx: y\n\nevent: new-thing\ndata: whatever\n\ndata: nameless\n\n",
    );
    let unknown = world.set("a", &json!({}), "urn:example:something-new", &json!({}));
    stream.revoked(&unknown);
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
    assert_eq!(issuer.feed_status().unwrap().connections, 1);
}

#[tokio::test]
async fn a_key_that_turned_amid_the_stream_is_fetched() {
    let (a, b) = (named("a"), named("b"));
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    world.publishes(&[&a, &b]);
    world.clock.advance(seconds(2));
    stream.revoked(&world.session("b", "s"));
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
    assert_eq!(
        (
            world.server.fetches(),
            issuer.feed_status().unwrap().connections
        ),
        (2, 1)
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_had_ends_the_stream() {
    let mut world = World::start(&[&named("a")]).await;
    let (_guard, issuer, stream) = world.live(World::feed()).await;
    world.clock.advance(seconds(2));
    stream.revoked(&world.session("nobody", "s"));
    ends(&mut world, &issuer, &stream, "could not be had").await;
    assert_eq!(world.server.fetches(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_at_once_with_the_key_server_down_and_signs_no_more() {
    let (a, b) = (named("a"), named("b"));
    let mut world = World::start(&[&a, &b]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    let (by_a, by_b) = (world.token(&a, "s"), world.token(&b, "s"));
    assert_eq!(
        (verdict(&guard, &by_a), verdict(&guard, &by_b)),
        ("ok", "ok")
    );
    *world.keys.lock().unwrap() = Reply::Silence;
    let key = json!({ "format": "opaque", "id": "a" });
    let withdrawn = world.set("b", &key, "urn:keystile:event:key-withdrawn", &json!({}));
    stream.revoked(&withdrawn);
    felt(&guard, &by_a, "token_revoked").await;
    assert_eq!(
        code(&guard.verify_async(&by_a).await),
        "token_revoked",
        "without a fetch"
    );
    assert_eq!(verdict(&guard, &by_b), "ok");
    stream.current("f1.1");
    // What it signs from now on is not believed: not even the withdrawal of another.
    stream.revoked(&world.set(
        "a",
        &json!({ "format": "opaque", "id": "b" }),
        "urn:keystile:event:key-withdrawn",
        &json!({}),
    ));
    ends(&mut world, &issuer, &stream, "was withdrawn").await;
    assert_eq!(verdict(&guard, &by_b), "ok");
}

#[tokio::test]
async fn a_flood_is_read_without_anybody_waiting() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed()).await;
    let innocent = world.token(&a, "innocent");
    for sid in 0..3_000 {
        stream.revoked(&world.session("a", &sid.to_string()));
    }
    stream.current("f1.2");
    while issuer.feed_status().unwrap().told < 3_000 {
        assert_eq!(verdict(&guard, &innocent), "ok");
        tokio::task::yield_now().await;
    }
    felt(&guard, &world.token(&a, "2999"), "token_revoked").await;
    assert_eq!(issuer.feed_status().unwrap().entries, 3_000);
}

#[tokio::test]
async fn a_full_list_makes_the_answer_unknown_and_the_stream_goes_on() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, issuer, stream) = world.live(World::feed().most_entries(2)).await;
    let innocent = world.token(&a, "innocent");
    for sid in ["1", "2", "3"] {
        assert_eq!(verdict(&guard, &innocent), "ok");
        stream.revoked(&world.session("a", sid));
        let told: u64 = sid.parse().unwrap();
        status_is(&issuer, sid, |status| status.told == told).await;
        settle().await;
    }
    felt(&guard, &innocent, "revocation_unknown").await;
    assert_eq!(
        verdict(&guard, &world.token(&a, "1")),
        "token_revoked",
        "that much is known"
    );
    let key = json!({ "format": "opaque", "id": "b" });
    stream.revoked(&world.set("a", &key, "urn:keystile:event:key-withdrawn", &json!({})));
    stream.current("f1.2");
    status_is(&issuer, "read on", |status| status.entries == 3).await;
    let status = issuer.feed_status().unwrap();
    assert_eq!((status.connections, status.current), (1, false));
}

#[tokio::test]
async fn a_list_that_never_ends_a_line_is_cut_off() {
    let mut world = World::start(&[&named("a")]).await;
    let (_guard, issuer, stream) = world.live(World::feed().dead_after(SHORT * 20)).await;
    for _ in 0..20 {
        if stream.to.is_closed() {
            break;
        }
        stream.send("x".repeat(1_000));
        tokio::task::yield_now().await;
    }
    stream.is_left().await;
    reached(&issuer, FeedState::Lost).await;
    assert!(fault(&issuer).contains("longer than may be"));
}

/// What an application keeps of its own stays beside what is told.
#[tokio::test]
async fn a_list_of_the_guards_own_does_not_replace_the_issuers() {
    let a = named("a");
    let mut world = World::start(&[&a]).await;
    let (guard, _issuer, stream) = world.live(World::feed()).await;
    let own = Revocations::new();
    let guard = guard.revocations(own.clone());
    stream.revoked(&world.session("a", "s"));
    felt(&guard, &world.token(&a, "s"), "token_revoked").await;
    let other = world.token(&a, "t");
    assert_eq!(verdict(&guard, &other), "ok");
    own.revoke_token_id("jti-t", crate::at(3_600));
    assert_eq!(verdict(&guard, &other), "token_revoked");
}
