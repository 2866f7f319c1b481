//! A served issuer, followed as any other.

use std::time::Duration;

use keystile::remote::FeedState;
use keystile::testing::{Fault, ServedIssuer, TestIssuer};
use keystile::{Clock, Feed, FollowError, Guard, Issuer};

use crate::code;

const DEADLINE: Duration = Duration::from_secs(20);
const KEYS: &str = "/.well-known/jwks.json";

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let polling = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let held = tokio::time::timeout(DEADLINE, polling).await;
    assert!(held.is_ok(), "{what}: not within {DEADLINE:?}");
}

async fn felt(guard: &Guard, token: &str, expected: &str) {
    until(expected, || code(guard, token) == expected).await;
}

async fn followed() -> (ServedIssuer, Guard) {
    let issuer = TestIssuer::new().serve();
    let guard = issuer.follow().connect().await.unwrap();
    (issuer, guard)
}

#[tokio::test]
async fn a_guard_elsewhere_follows_it_by_its_address_alone() {
    let issuer = TestIssuer::new().audience("cakes").serve();
    let guard = Guard::issuer_at(issuer.url())
        .audience("cakes")
        .connect()
        .await
        .unwrap();
    let token = issuer.token("ada").build();
    assert_eq!(code(&guard, &token), "ok");
    // The two clocks are not the same one.
    issuer.clock().advance(Duration::from_secs(900));
    assert_eq!(
        (code(&issuer.guard(), &token), code(&guard, &token)),
        ("token_expired", "ok")
    );
    assert_eq!(issuer.requests(KEYS), 1);
}

#[tokio::test]
async fn revocations_reach_whoever_follows() {
    let (issuer, guard) = followed().await;
    let tokens = ["ada", "eve", "zoe"].map(|name| issuer.token(name).build());
    assert_eq!(
        tokens.each_ref().map(|token| code(&guard, token)),
        ["ok"; 3]
    );
    issuer.revoke_session_now("ada-session");
    felt(&guard, &tokens[0], "token_revoked").await;
    issuer.revoke_subject_now("eve");
    felt(&guard, &tokens[1], "token_revoked").await;
    assert_eq!(
        code(&guard, &issuer.token("eve").build()),
        "ok",
        "signed in again"
    );
    issuer.revoke_token_now(&tokens[2]);
    felt(&guard, &tokens[2], "token_revoked").await;
    // One that comes later is told of all of it.
    let late = issuer.follow().connect().await.unwrap();
    assert_eq!(
        tokens.each_ref().map(|token| code(&late, token)),
        ["token_revoked"; 3]
    );
}

#[tokio::test]
async fn keys_rotate_and_are_withdrawn() {
    let (issuer, guard) = followed().await;
    let first = issuer.token("ada").build();
    issuer.rotate_now();
    assert_eq!(
        code(&guard, &issuer.token("ada").build()),
        "ok",
        "it was published before"
    );
    assert_eq!(issuer.requests(KEYS), 1);
    issuer.rotate_now();
    let third = issuer.token("ada").build();
    assert!(guard.verify_async(&third).await.is_ok());
    assert_eq!(issuer.requests(KEYS), 2);
    issuer.withdraw_now();
    felt(&guard, &third, "token_revoked").await;
    assert_eq!(code(&guard, &first), "ok");
    assert!(
        guard
            .verify_async(&issuer.token("ada").build())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_clock_that_is_turned_far_loses_nothing() {
    let (issuer, guard) = followed().await;
    for _ in 0..3 {
        issuer.clock().advance(Duration::from_secs(24 * 3_600));
        let token = issuer.token("ada").build();
        assert!(guard.verify_async(&token).await.is_ok());
    }
    let token = issuer.token("ada").build();
    issuer.revoke_token_now(&token);
    felt(&guard, &token, "token_revoked").await;
}

#[tokio::test]
async fn a_lost_feed_is_told_and_found_again() {
    let issuer = TestIssuer::new().serve();
    let second = Duration::from_secs(1);
    let feed = Feed::client(TestIssuer::CLIENT_ID, TestIssuer::CLIENT_SECRET);
    let feed = feed.serve_stale(second).then_refuse();
    let guard = issuer.follow().revocations(feed).connect().await.unwrap();
    let token = issuer.token("ada").build();
    assert_eq!(code(&guard, &token), "ok");
    issuer.lose_feed();
    assert_eq!(code(&issuer.guard(), &token), "revocation_unknown");
    until("revocation_unknown", || {
        issuer.clock().advance(second);
        code(&guard, &token) == "revocation_unknown"
    })
    .await;
    issuer.find_feed();
    until("ok", || {
        issuer.clock().advance(second);
        code(&guard, &issuer.token("ada").build()) == "ok"
    })
    .await;
}

#[tokio::test]
async fn whoever_loses_the_feed_may_ask() {
    let issuer = TestIssuer::new().serve();
    let feed = Feed::client(TestIssuer::CLIENT_ID, TestIssuer::CLIENT_SECRET);
    let feed = feed.serve_stale(Duration::from_secs(1)).then_introspect();
    let guard = issuer.follow().revocations(feed).connect().await.unwrap();
    let (good, bad) = (issuer.token("ada").build(), issuer.token("eve").build());
    issuer.lose_feed();
    issuer.revoke_token_now(&bad);
    until("the feed is lost", || {
        issuer.clock().advance(Duration::from_secs(1));
        code(&guard, &good) == "revocation_unknown"
    })
    .await;
    assert!(guard.verify_async(&good).await.is_ok());
    let refused = guard.verify_async(&bad).await.unwrap_err();
    assert_eq!(refused.code(), "token_revoked");
}

#[tokio::test]
async fn only_its_client_reads_the_feed() {
    let issuer = TestIssuer::new().serve();
    let stranger = Feed::client(TestIssuer::CLIENT_ID, "a guess");
    let connected = issuer.follow().revocations(stranger).connect().await;
    assert!(
        matches!(
            connected,
            Err(FollowError::ClientRefused { status: 401, .. })
        ),
        "{connected:?}"
    );
    let token = issuer.token("ada").audience(issuer.url()).build();
    let without_scope = Feed::tokens(move || std::future::ready(Ok::<_, String>(token.clone())));
    let connected = issuer.follow().revocations(without_scope).connect().await;
    assert!(
        matches!(connected, Err(FollowError::TokenRefused { .. })),
        "{connected:?}"
    );
}

#[tokio::test]
async fn every_fault_is_told_by_whoever_follows_and_passes() {
    let issuer = TestIssuer::new().serve();
    let connect = async |timeout: u64| {
        let follow = Guard::issuer_at(issuer.url()).audience("https://api.test");
        follow
            .timeout(Duration::from_millis(timeout))
            .connect()
            .await
    };
    for (fault, timeout, expected) in [
        (Fault::Down, 10_000, "Unreachable"),
        (Fault::Silent, 50, "TimedOut"),
        (Fault::Slow(Duration::from_secs(60)), 50, "TimedOut"),
        (Fault::Status(500), 10_000, "Status"),
        (Fault::Garbled, 10_000, "Unreachable"),
        (Fault::NoKeys, 10_000, "NoKeys"),
        (Fault::OtherIssuer, 10_000, "IssuerDiffers"),
    ] {
        issuer.fail(fault);
        let failed = connect(timeout).await.map(drop).unwrap_err();
        assert!(
            format!("{failed:?}").starts_with(expected),
            "{fault:?}: {failed:?}"
        );
        issuer.work();
        assert!(connect(10_000).await.is_ok(), "after {fault:?}");
    }
    issuer.fail(Fault::Slow(Duration::from_millis(1)));
    assert!(connect(10_000).await.is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_unknown() {
    let issuer = TestIssuer::new().serve();
    issuer.fail(Fault::Down);
    let guard = issuer.follow().connect_lazy().unwrap();
    let token = issuer.token("ada").build();
    assert_eq!(code(&guard, &token), "keys_unknown");
    issuer.work();
    until("ok", || {
        issuer.clock().advance(Duration::from_secs(1));
        code(&guard, &issuer.token("ada").build()) == "ok"
    })
    .await;
}

#[tokio::test]
async fn open_feeds_are_cut_by_a_server_that_is_down() {
    let issuer = TestIssuer::new().serve();
    let follow = Issuer::at(issuer.url())
        .audience("https://api.test")
        .revocations(issuer.feed());
    let followed = follow
        .clock(issuer.clock().clone())
        .connect()
        .await
        .unwrap();
    let state = || followed.feed_status().unwrap().state;
    assert_eq!(state(), FeedState::Live);
    issuer.fail(Fault::Down);
    until("it is noticed", || state() != FeedState::Live).await;
    issuer.work();
    until("it is back", || {
        issuer.clock().advance(Duration::from_secs(1));
        state() == FeedState::Live
    })
    .await;
}

#[tokio::test]
async fn it_ends_with_its_last_handle() {
    let issuer = TestIssuer::new().with_clock(Clock::system()).serve();
    let address = issuer.url().strip_prefix("http://").unwrap().to_owned();
    let clone = issuer.clone();
    drop(issuer);
    assert!(clone.follow().connect().await.is_ok());
    drop(clone);
    until("the port is free", || {
        std::net::TcpListener::bind(&*address).is_ok()
    })
    .await;
}

#[test]
#[should_panic(expected = "keys of HS256 are never published")]
fn a_secret_is_not_served() {
    let _ = TestIssuer::new()
        .algorithm(keystile::Algorithm::Hs256)
        .serve();
}
