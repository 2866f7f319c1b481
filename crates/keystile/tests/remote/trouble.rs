//! Key servers that are down, half broken or late.

use keystile::Issuer;

use crate::common::clock;
use crate::server::{Reply, Server};
use crate::{
    SHORT, at, connected, follow, named, seconds, settle, token, until, verdict, verdict_async,
};

#[tokio::test]
async fn a_server_that_is_down_takes_nothing_away_for_a_while_and_then_the_answer_is_503() {
    let a = named("a");
    let (server, clock, guard) = connected(&[&a]).await;
    let good = token(&server, &a);
    assert_eq!(verdict(&guard, &good), "ok");
    server.stop().await;
    for second in [299, 301, 3_899] {
        clock.set(at(second));
        settle().await;
        assert_eq!(verdict(&guard, &good), "ok", "{second}");
    }
    clock.set(at(3_900));
    let refused = guard.verify(&good).unwrap_err();
    assert_eq!(
        (refused.code(), refused.status()),
        ("keys_unknown", 503),
        "remembered or not"
    );
    assert_eq!(verdict_async(&guard, &good).await, "keys_unknown");

    let again = Server::at(server.address).await;
    again.publishes(&[&a]);
    clock.advance(seconds(60));
    until("back", || verdict(&guard, &good) == "ok").await;
}

#[tokio::test]
async fn the_bound_is_settable_and_a_clock_that_jumps_is_put_up_with() {
    let (server, clock) = (Server::start().await, clock());
    let a = named("a");
    server.publishes(&[&a]);
    let guard = follow(&server, &clock)
        .serve_stale(seconds(10))
        .connect()
        .await
        .unwrap();
    let good = token(&server, &a);
    // An hour back: the keys are fetched anew at once.
    clock.set(at(-3_600));
    server.fetched(2).await;
    until("known", || verdict(&guard, &good) == "ok").await;
    // A day forward: the same.
    clock.set(at(24 * 3_600));
    until("known", || verdict(&guard, &good) == "ok").await;
    server.stop().await;
    clock.set(at(24 * 3_600 + 309));
    assert_eq!(verdict(&guard, &good), "ok");
    clock.set(at(24 * 3_600 + 310));
    assert_eq!(verdict(&guard, &good), "keys_unknown");
    clock.set(at(0));
    assert_eq!(
        verdict(&guard, &good),
        "keys_unknown",
        "how old they are is not known"
    );
}

#[tokio::test]
async fn a_lazy_guard_answers_503_until_its_issuer_is_there() {
    let server = Server::start().await;
    let (a, clock) = (named("a"), clock());
    let address = server.address;
    let good = token(&server, &a);
    server.stop().await;
    let guard = follow(&server, &clock).connect_lazy().unwrap();
    assert_eq!(verdict(&guard, &good), "keys_unknown");
    assert_eq!(verdict_async(&guard, &good).await, "keys_unknown");
    assert_eq!(verdict_async(&guard, "a.b").await, "token_malformed");
    let late = Server::at(address).await;
    late.publishes(&[&a]);
    clock.advance(seconds(60));
    until("there", || verdict(&guard, &good) == "ok").await;
}

#[tokio::test]
async fn the_first_tokens_of_a_lazy_guard_wait_for_its_first_keys() {
    let (server, clock) = (Server::start().await, clock());
    let a = named("a");
    server.publishes(&[&a]);
    let guard = follow(&server, &clock).connect_lazy().unwrap();
    assert_eq!(verdict_async(&guard, &token(&server, &a)).await, "ok");
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_failing_server_is_asked_less_and_less_often_and_as_it_says() {
    let (server, clock) = (Server::start().await, clock());
    server.publishes(&[&named("a")]);
    let issuer = Issuer::at(server.url())
        .audience("cakes")
        .clock(clock.clone());
    let issuer = issuer.connect().await.unwrap();
    server.says(Reply::status(503));
    clock.advance(seconds(300));
    let mut pauses = Vec::new();
    for fetches in 2..12 {
        let mut pause = 0;
        while issuer.status().fetches < fetches {
            settle().await;
            if issuer.status().fetching {
                until("ended", || issuer.status().fetches >= fetches).await;
            } else if issuer.status().fetches < fetches {
                clock.advance(seconds(1));
                pause += 1;
            }
        }
        pauses.push(pause);
    }
    assert!(pauses[1] <= 3, "{pauses:?}");
    assert!(
        pauses[8..].iter().all(|pause| (15..=31).contains(pause)),
        "{pauses:?}"
    );

    server.says(Reply::status(429).with("retry-after", "29"));
    let fetches = issuer.status().fetches;
    clock.advance(seconds(31));
    until("fetched", || issuer.status().fetches > fetches).await;
    let asked = server.fetches();
    let guard = keystile::Guard::from(issuer.clone());
    assert_eq!(
        verdict(&guard, &token(&server, &named("b"))),
        "token_key_unknown"
    );
    clock.advance(seconds(28));
    settle().await;
    assert_eq!(server.fetches(), asked, "not for a missing key either");
    clock.advance(seconds(5));
    server.fetched(asked + 1).await;
}

#[tokio::test]
async fn an_empty_or_broken_answer_takes_no_key_away() {
    let a = named("a");
    let (server, clock, guard) = connected(&[&a]).await;
    let good = token(&server, &a);
    for reply in [
        Reply::json("{\"keys\":[]}"),
        Reply::json("{}"),
        Reply::json("<html>login</html>").with("content-type", "text/html"),
        Reply::status(200),
        Reply::status(404),
        Reply::redirect("https://elsewhere.example"),
        Reply::Raw(
            "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\":[",
            "",
            0,
        ),
    ] {
        server.says(reply);
        let asked = server.fetches();
        clock.advance(seconds(40));
        until("asked", || {
            clock.advance(seconds(1));
            server.fetches() > asked
        })
        .await;
        settle().await;
        assert_eq!(verdict(&guard, &good), "ok");
    }
}

#[tokio::test]
async fn keys_that_moved_are_found_by_the_document_again() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    let document = server.document(format!("{}/moved", server.url()));
    let keys = Reply::keys(&[&a, &b]);
    server.replies(move |asked| match &*asked.path {
        "/.well-known/oauth-authorization-server" => document.clone(),
        "/moved" => keys.clone(),
        _ => Reply::status(404),
    });
    let new = token(&server, &b);
    until("found", || {
        clock.advance(seconds(30));
        verdict(&guard, &new) == "ok"
    })
    .await;
    assert_eq!(verdict(&guard, &token(&server, &a)), "ok");
}

#[tokio::test]
async fn a_document_that_is_of_another_now_leads_nowhere_and_one_that_is_gone_changes_nothing() {
    let (a, b) = (named("a"), named("b"));
    let (server, clock, guard) = connected(&[&a]).await;
    let keys = Reply::keys(&[&a, &b]);
    let mut failures = 1;
    server.replies(move |asked| match &*asked.path {
        "/jwks" if failures > 0 => {
            failures -= 1;
            Reply::status(500)
        }
        "/jwks" => keys.clone(),
        _ => Reply::status(500),
    });
    until("by the known address", || {
        clock.advance(seconds(30));
        verdict(&guard, &token(&server, &b)) == "ok"
    })
    .await;

    let evil = Server::start().await;
    evil.publishes(&[&named("evil")]);
    let document = serde_json::json!({ "issuer": "https://evil.example", "jwks_uri": evil.url() });
    server.replies(move |asked| match &*asked.path {
        "/jwks" => Reply::status(500),
        _ => Reply::json(&document),
    });
    for _ in 0..40 {
        clock.advance(seconds(30));
        settle().await;
        assert_ne!(verdict(&guard, &token(&server, &named("evil"))), "ok");
    }
    assert_eq!(evil.asked_at_all(), 0);
    assert_eq!(verdict(&guard, &token(&server, &b)), "ok");
}

/// Two hundred requests at any moment, a server of which one answer in two is of use, and keys that turn all the while,
/// each published before it signs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_half_broken_rotating_server_has_no_good_token_refused() {
    let (server, clock) = (Server::start().await, clock());
    let keys: Vec<_> = (0..8).map(|n| named(&format!("key-{n}"))).collect();
    let publish = |turn: usize| {
        let set: Vec<_> = keys.iter().skip(turn).take(3).collect();
        let (whole, behind) = (Reply::keys(&set), Reply::keys(&set[..1]));
        let mut asked = 0;
        server.says_each(move |_| {
            asked += 1;
            match asked % 6 {
                0 => Reply::status(500),
                2 => behind.clone(),
                4 => Reply::json("{\"keys\":[]}"),
                _ => whole.clone(),
            }
        });
    };
    publish(0);
    let guard = follow(&server, &clock).connect().await.unwrap();
    for turn in 0..6 {
        publish(turn);
        for round in 0..10 {
            let mut asking = tokio::task::JoinSet::new();
            for request in 0..200 {
                let junk = request % 10 == 9;
                let key = &keys[turn + request % 2];
                let key = if junk {
                    &key.clone().with_key_id(format!("j{request}-{round}"))
                } else {
                    key
                };
                let (guard, token) = (guard.clone(), token(&server, key));
                if !junk {
                    asking.spawn(async move { verdict_async(&guard, &token).await });
                } else if request == 199 {
                    // One of the others has the keys fetched meanwhile.
                    let _ = verdict(&guard, &token);
                }
            }
            clock.advance(seconds(20));
            let verdicts = asking.join_all().await;
            assert!(
                verdicts.iter().all(|code| *code == "ok"),
                "{turn}.{round}: {verdicts:?}"
            );
        }
    }
    assert!(server.fetches() > 10, "{}", server.fetches());
}

#[tokio::test]
async fn a_connection_that_never_comes_about_ends_with_the_time_out() {
    // A listener whose queue is never taken from: connections come about, and nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", silent.local_addr().unwrap());
    let following = Issuer::at(issuer).audience("cakes").timeout(SHORT);
    let fault = following.connect().await.unwrap_err();
    assert!(
        matches!(fault, keystile::FollowError::TimedOut { .. }),
        "{fault}"
    );
}
