//! The tokens that open the feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keystile::remote::FeedState;
use keystile::{Feed, FollowError};

use super::{World, fault, reached};
use crate::server::{Reply, Step};
use crate::{named, seconds};

#[tokio::test]
async fn a_client_asks_for_a_token_and_keeps_it_while_it_is_good() {
    let mut world = World::start(&[&named("a")]).await;
    let (_guard, issuer, stream) = world.live(Feed::client("cakes:api", "p%&s")).await;
    let asked = &world.posted("/token")[0];
    let credentials = "Basic Y2FrZXMlM0FhcGk6cCUyNSUyNnM=";
    assert_eq!(asked.credentials, credentials, "RFC 6749, section 2.3.1");
    let resource: String =
        world
            .server
            .url()
            .bytes()
            .fold(String::new(), |text, byte| match byte {
                b':' => text + "%3A",
                b'/' => text + "%2F",
                other => text + &char::from(other).to_string(),
            });
    let form = "grant_type=client_credentials&scope=revocations%3Aread&resource=";
    assert_eq!(asked.form, format!("{form}{resource}"));
    assert_eq!(stream.bearer, "Bearer token-1");

    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    let stream = world.next().await;
    assert_eq!(stream.bearer, "Bearer token-1", "it is good still");
    // It has 900 seconds, and is used for all but the last minute.
    world.clock.advance(seconds(900));
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    assert_eq!(world.next().await.bearer, "Bearer token-2");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_in_an_attempt() {
    let mut world = World::start(&[&named("a")]).await;
    world.refuses(Reply::status(401));
    let (_guard, issuer) = world.lazy(World::feed());
    let stream = world.next().await;
    assert_eq!(
        (stream.bearer.as_str(), world.posted("/token").len()),
        ("Bearer token-2", 2)
    );
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    world.refuses(Reply::status(401));
    world.refuses(Reply::status(401));
    world.clock.advance(seconds(1));
    crate::until("twice", || {
        fault(&issuer).contains("does not take the token: 401")
    })
    .await;
    assert_eq!(world.posted("/token").len(), 3);
    // A token that lacks the scope is not asked for again within the attempt.
    world.refuses(Reply::status(403));
    world.clock.advance(seconds(2));
    crate::until("once", || {
        fault(&issuer).contains("does not take the token: 403")
    })
    .await;
    assert_eq!(world.posted("/token").len(), 3);
}

#[tokio::test]
async fn an_application_gives_tokens_of_its_own() {
    let mut world = World::start(&[&named("a")]).await;
    let given = Arc::new(AtomicUsize::new(0));
    let giving = Arc::clone(&given);
    let feed = Feed::tokens(move || {
        let number = giving.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            match number {
                0 => Err("the vault is\nsealed"),
                1 => Ok("not\na token".to_owned()),
                number => Ok(format!("mine-{number}\n")),
            }
        }
    });
    let (_guard, issuer) = world.lazy(feed);
    crate::until("fault", || fault(&issuer).contains("the vault is\\nsealed")).await;
    world.clock.advance(seconds(1));
    crate::until("fault", || fault(&issuer).contains("this is no token")).await;
    assert!(!fault(&issuer).contains("a token\""), "{}", fault(&issuer));
    world.refuses(Reply::status(401));
    let stream = world.next().await;
    assert_eq!(
        (stream.bearer.as_str(), world.posted("/token").len()),
        ("Bearer mine-3", 0)
    );
    stream.to.send(Step::Cut).unwrap();
    reached(&issuer, FeedState::Lost).await;
    assert_eq!(
        world.next().await.bearer,
        "Bearer mine-3",
        "kept while it is taken"
    );
}

#[tokio::test]
async fn answers_that_are_no_token_are_told() {
    for (answer, expected) in [
        (Reply::json("{}"), "not the JSON object"),
        (
            Reply::json(r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#),
            "not the JSON object",
        ),
        (
            Reply::json(r#"{"access_token":"a","token_type":"mac"}"#),
            "no bearer's",
        ),
        (
            Reply::json(r#"{"access_token":"a b","token_type":"Bearer"}"#),
            "that is none",
        ),
        (
            Reply::json(r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#),
            "not the JSON object",
        ),
        (Reply::json("x".repeat(100_000)), "more than 65536 bytes"),
        (Reply::status(500), "answered 500"),
        (Reply::status(400), "refuses the client: 400"),
        (
            Reply::redirect("https://elsewhere.example/"),
            "redirects to",
        ),
    ] {
        let world = World::start(&[&named("a")]).await;
        world.answers(answer);
        let fault = world.follow(World::feed()).connect().await.unwrap_err();
        assert!(fault.to_string().contains(expected), "{expected}: {fault}");
        assert_eq!(world.server.asked("/feed"), 0);
    }
}

#[tokio::test]
async fn addresses_that_the_application_gives_need_no_document() {
    let mut world = World::start(&[&named("a")]).await;
    let url = world.server.url();
    let feed = World::feed()
        .at(format!("{url}/feed"))
        .token_at(format!("{url}/token"))
        .introspect_at(format!("{url}/introspect"))
        .then_introspect();
    let following = world.follow(feed).keys_at(format!("{url}/jwks"));
    let connecting = tokio::spawn(async move { following.connect().await });
    let stream = world.next_at_once().await;
    stream.snapshot("f1");
    stream.current("f1.1");
    connecting.await.unwrap().unwrap();
    assert_eq!(
        world
            .server
            .asked("/.well-known/oauth-authorization-server"),
        0
    );
}

#[tokio::test]
async fn a_feed_that_is_silent_from_the_first_is_told_in_time() {
    let world = World::start(&[&named("a")]).await;
    world.refuses(Reply::Silence);
    let following = world.follow(World::feed()).timeout(crate::SHORT);
    let fault = following.connect().await.unwrap_err();
    assert!(matches!(fault, FollowError::TimedOut { .. }), "{fault}");
}
