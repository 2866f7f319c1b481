//! What an attacker makes of introspection: with made-up tokens, with another service's, or in the issuer's place.

use std::sync::Arc;
use std::time::Duration;

use keystile::remote::Introspection;
use keystile::{Clock, ExpiryRule, FollowError, Guard, SubjectRule, Trust, Trusted, Verifier};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::common::{NOW, clock};
use crate::server::{Reply, Server};
use crate::{DEADLINE, at, seconds, until, verdict, verdict_async};

const PATH: &str = "/introspect";

fn introspection(server: &Server) -> Introspection {
    let url = format!("{}{PATH}", server.url());
    let asked = Introspection::at(url, "cakes-api", "a secret").unwrap();
    asked.timeout(DEADLINE)
}

fn trust(server: &Server, audience: &str, introspection: &Introspection) -> Trusted {
    Trusted::from(Trust {
        issuer: server.url().into(),
        audience: audience.into(),
        token_type: "Bearer".into(),
        keys: introspection,
    })
}

fn guard(trusted: Trusted, clock: &Clock) -> Guard {
    Guard::new(Verifier::new(trusted).clock(clock.clone()))
}

/// A server, its clock, what asks it, and a guard of cakes.
async fn world() -> (Server, Clock, Introspection, Guard) {
    let (server, clock) = (Server::start().await, clock());
    let asked = introspection(&server);
    let guard = guard(trust(&server, "cakes", &asked), &clock);
    (server, clock, asked, guard)
}

fn active(server: &Server) -> Value {
    json!({
        "active": true, "token_type": "Bearer", "iss": server.url(), "sub": "ada", "aud": "cakes",
        "exp": NOW + 90_000, "iat": NOW, "jti": "j",
    })
}

/// Tokens whose text begins with `good` are active; of all others it is said that they are not.
fn knows_good_ones(server: &Server) {
    let answer = active(server);
    server.replies(move |asked| {
        let good = asked.body.starts_with("token=good");
        Reply::json(if good {
            answer.clone()
        } else {
            json!({ "active": false })
        })
    });
}

/// One answer, remembered once: each guard holds it to its own audience.
#[tokio::test]
async fn what_was_said_to_one_service_lets_nobody_into_another() {
    let (server, clock, asked, cakes) = world().await;
    let pies = guard(trust(&server, "pies", &asked), &clock);
    knows_good_ones(&server);
    for _ in 0..2 {
        assert_eq!(verdict_async(&cakes, "good").await, "ok");
        assert_eq!(verdict_async(&pies, "good").await, "token_audience_wrong");
    }
    assert_eq!(server.asked(PATH), 1);
}

/// Only the very bytes that were asked about are known.
#[tokio::test]
async fn a_token_that_is_almost_one_is_another() {
    let (server, _, _, guard) = world().await;
    let answer = active(&server);
    server.replies(move |asked| {
        let is_it = asked.body == "token=Opaque-1&token_type_hint=access_token";
        Reply::json(if is_it {
            answer.clone()
        } else {
            json!({ "active": false })
        })
    });
    assert_eq!(verdict_async(&guard, "Opaque-1").await, "ok");
    for almost in [
        "opaque-1",
        "Opaque-1=",
        "Opaque-",
        "Opaque-11",
        "Opaque-1.",
        ".Opaque-1",
    ] {
        assert_eq!(
            verdict_async(&guard, almost).await,
            "token_inactive",
            "{almost}"
        );
    }
    for odd in [
        "Opaque-1 ",
        "Opaque-1\n",
        "Opaque-1\0",
        "Opaque-1%00",
        "Opaque-1&active=true",
        "Opaque-1#",
    ] {
        assert_eq!(
            verdict_async(&guard, odd).await,
            "token_malformed",
            "{odd:?}"
        );
    }
    assert_eq!(verdict(&guard, "Opaque-1"), "ok");
}

/// Whoever sits in the issuer's place, or breaks into the line: what is no answer by the letter is none.
#[tokio::test]
async fn a_forged_answer_is_an_answer_by_the_letter_or_none() {
    let (server, clock, ..) = world().await;
    let good = active(&server).to_string();
    let with = |member: &str| good.replacen('{', &format!("{{{member},"), 1);
    let deep = format!(r#""x":{}1{}"#, "[".repeat(40), "]".repeat(40));
    let cases = [
        (good.clone(), "ok"),
        (with(r#""\u0061ctive":false"#), "revocation_unknown"),
        (with(r#""sub":"eve""#), "revocation_unknown"),
        (with(r#""x":{"a":1,"a":2}"#), "revocation_unknown"),
        (with(&deep), "revocation_unknown"),
        (format!("{good}{good}"), "revocation_unknown"),
        (format!("{good} x"), "revocation_unknown"),
        (format!("\u{feff}{good}"), "revocation_unknown"),
        (format!("[{good}]"), "revocation_unknown"),
        (format!("<html>{good}</html>"), "revocation_unknown"),
        (good.replace("true", "True"), "revocation_unknown"),
        (good.replace("true", "\"true\""), "revocation_unknown"),
        (good.replace("active", "Active"), "revocation_unknown"),
        (
            good.replace(r#""ada""#, "[\"ada\"]"),
            "token_claim_malformed",
        ),
        (good.replace(r#""ada""#, "\"\""), "token_claim_missing"),
        (good.replace(r#""j""#, "7"), "token_claim_malformed"),
        (good.replace(r#""cakes""#, "[]"), "token_claim_malformed"),
        (
            good.replace(r#""cakes""#, r#"["cakes",7]"#),
            "token_claim_malformed",
        ),
        (
            good.replace(r#""cakes""#, r#""Cakes""#),
            "token_audience_wrong",
        ),
        (with(r#""roles":"admin""#), "token_claim_malformed"),
        (with(r#""gen":-1"#), "token_claim_malformed"),
        (with(r#""scope":["a"]"#), "token_claim_malformed"),
        (
            good.replace(&format!("{}", NOW + 90_000), "1e300"),
            "token_claim_malformed",
        ),
        (
            good.replace(&format!("{}", NOW + 90_000), "-9223372036854775808"),
            "token_claim_malformed",
        ),
        (
            good.replace(&format!("{}", NOW + 90_000), "0"),
            "token_expired",
        ),
    ];
    for (body, expected) in cases {
        let said = Reply::json(&body);
        server.replies(move |_| said.clone());
        let asked = introspection(&server);
        let guard = guard(trust(&server, "cakes", &asked), &clock);
        assert_eq!(verdict_async(&guard, "opaque").await, expected, "{body}");
    }
    for status in [
        100, 201, 202, 203, 204, 206, 300, 304, 400, 403, 404, 418, 429, 502,
    ] {
        let Reply::Answer(_, headers, body) = Reply::json(&good) else {
            unreachable!("it is an answer");
        };
        let said = Reply::Answer(status, headers, body);
        server.replies(move |_| said.clone());
        let asked = introspection(&server).timeout(crate::SHORT);
        let guard = guard(trust(&server, "cakes", &asked), &clock);
        assert_eq!(
            verdict_async(&guard, "opaque").await,
            "revocation_unknown",
            "{status}"
        );
    }
}

/// The client's secret and the token go to the address that was named, and to no other.
#[tokio::test]
async fn a_redirect_carries_no_token_elsewhere() {
    let (server, _, _, guard) = world().await;
    let other = Server::start().await;
    let answer = Reply::json(active(&server));
    other.replies(move |_| answer.clone());
    for status in [301, 302, 303, 307, 308] {
        let to = Reply::status(status).with("location", format!("{}{PATH}", other.url()));
        server.replies(move |_| to.clone());
        let found = verdict_async(&guard, &format!("opaque-{status}")).await;
        assert_eq!(found, "revocation_unknown");
    }
    assert_eq!(other.asked_at_all(), 0);
}

/// Each made up, each answered at once with "not active": 256 questions in a cool-down. Tokens that were active are asked about
/// all the same.
#[tokio::test]
async fn a_flood_of_made_up_tokens_is_no_flood_of_questions() {
    let (server, clock, asked, _) = world().await;
    let asked = asked.remember_for(seconds(1)).cool_down(seconds(2));
    let guard = guard(trust(&server, "cakes", &asked), &clock);
    knows_good_ones(&server);
    assert_eq!(verdict_async(&guard, "good").await, "ok");
    for number in 0..400 {
        let expected = if number < 256 {
            "token_inactive"
        } else {
            "revocation_unknown"
        };
        let made_up = format!("made-up-{number}");
        assert_eq!(verdict_async(&guard, &made_up).await, expected, "{number}");
    }
    assert_eq!(server.asked(PATH), 257);
    clock.set(at(1));
    assert_eq!(verdict_async(&guard, "good").await, "ok");
    assert_eq!(server.asked(PATH), 258);
    assert_eq!(
        verdict_async(&guard, "good-too").await,
        "revocation_unknown"
    );
    clock.set(at(2));
    assert_eq!(verdict_async(&guard, "good-too").await, "ok");
}

/// Answers of nearly 64 KiB each: in so many bytes, and the least of them still lets a token in.
#[tokio::test]
async fn answers_are_remembered_in_so_many_bytes() {
    let (server, clock, asked, _) = world().await;
    let mut answer = active(&server);
    answer["padding"] = "x".repeat(60 * 1024).into();
    server.replies(move |_| Reply::json(&answer));
    let guard = guard(trust(&server, "cakes", &asked.remember(0)), &clock);
    for _ in 0..2 {
        for number in 0..10 {
            let token = format!("good-{number}");
            for _ in 0..2 {
                assert_eq!(verdict_async(&guard, &token).await, "ok");
            }
        }
    }
    // Two of them have room, so of the second round no more were known.
    let times = server.asked(PATH);
    assert!((18..=20).contains(&times), "{times}");
}

/// One token by as many as there are: so many wait for the answer, the others are answered at once.
#[tokio::test]
async fn those_who_wait_for_one_answer_are_bounded() {
    let (server, _, _, guard) = world().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Reply::Held(Arc::clone(&gate), Box::new(Reply::json(active(&server))));
    server.replies(move |_| held.clone());
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2_100 {
        let guard = guard.clone();
        waiting.spawn(async move { verdict_async(&guard, "good").await });
    }
    for _ in 0..2_100 - 2_048 {
        let answered = tokio::time::timeout(DEADLINE / 2, waiting.join_next()).await;
        assert_eq!(answered.unwrap().unwrap().unwrap(), "revocation_unknown");
    }
    gate.add_permits(1);
    assert!(
        waiting
            .join_all()
            .await
            .iter()
            .all(|answer| *answer == "ok")
    );
    assert_eq!(server.asked(PATH), 1);
}

/// A question that waits for its answer is no fault: whoever watches for faults would hear of one whenever somebody asks.
#[tokio::test]
async fn a_question_under_way_is_no_fault() {
    let (server, _, asked, guard) = world().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Reply::Held(Arc::clone(&gate), Box::new(Reply::json(active(&server))));
    server.replies(move |_| held.clone());
    let waits = tokio::spawn(async move { verdict_async(&guard, "good").await });
    until("the issuer is asked", || server.asked(PATH) == 1).await;
    assert_eq!(asked.fault(), None);
    gate.add_permits(1);
    assert_eq!(waits.await.unwrap(), "ok");
    assert_eq!(asked.fault(), None);
    // One that nothing comes of is.
    let hasty = asked.timeout(Duration::from_millis(50));
    let guard = self::guard(trust(&server, "cakes", &hasty), &clock());
    assert_eq!(verdict_async(&guard, "another").await, "revocation_unknown");
    until("it is told", || hasty.fault().is_some()).await;
    assert!(matches!(hasty.fault(), Some(FollowError::TimedOut { .. })));
}

/// However the token's life is measured: what was said counts for no longer than the token, and no staleness is forgiven.
#[tokio::test]
async fn nothing_that_was_said_outlives_its_token_or_its_time() {
    let (server, clock, asked, _) = world().await;
    let asked = asked.remember_for(Duration::MAX);
    let lasting = trust(&server, "cakes", &asked).expiry(ExpiryRule::Optional);
    let guard = guard(lasting.leeway(seconds(5)), &clock);
    let mut answer = active(&server);
    answer["exp"] = (NOW + 60).into();
    server.replies(move |_| Reply::json(&answer));
    assert_eq!(verdict_async(&guard, "good").await, "ok");
    server.stop().await;
    for (later, expected) in [
        (64, "ok"),
        (65, "token_expired"),
        (1_000_000_000, "token_expired"),
    ] {
        clock.set(at(later));
        assert_eq!(verdict_async(&guard, "good").await, expected, "{later}");
    }
    // Before it was asked about nothing was known.
    clock.set(at(-1));
    assert_eq!(verdict_async(&guard, "good").await, "revocation_unknown");
    assert_eq!(
        verdict_async(&guard, "good-too").await,
        "revocation_unknown"
    );
}

/// What holds for an issuer's tokens holds for what it says of them: where subject and roles stand, and of which type.
#[tokio::test]
async fn an_answer_is_read_by_the_words_of_its_trust() {
    let (server, clock, asked, _) = world().await;
    let mut answer = active(&server);
    answer["sub"] = 7.into();
    answer["realm_access"] = json!({ "roles": ["baker"] });
    answer["kind"] = "access".into();
    server.replies(move |_| Reply::json(&answer));
    let trusted = || trust(&server, "cakes", &asked).subject(SubjectRule::Integer);
    let guard = |trusted| guard(trusted, &clock);
    let roles = trusted().roles_from(["realm_access", "roles"]);
    let verified = guard(roles.require_claim("kind", "access"));
    let verified = verified.verify_async("good").await.unwrap();
    assert_eq!(verified.claims().sub, "7");
    assert!(verified.claims().roles.contains("baker"));
    let other = trusted().require_claim("kind", "refresh");
    assert_eq!(
        verdict_async(&guard(other), "good").await,
        "refresh_token_needed"
    );
    let by_client = trusted().subject_from("client_id");
    assert_eq!(
        verdict_async(&guard(by_client), "good").await,
        "token_claim_missing"
    );
    assert_eq!(server.asked(PATH), 1);
}

/// What is said of it gives a new one, and its clones go on; certificates that are none are told at once.
#[tokio::test]
async fn certificates_that_are_none_are_told_at_once() {
    let (server, clock, asked, _) = world().await;
    knows_good_ones(&server);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for none in [broken, "none", " "] {
        let fault = asked.clone().root_certificates(none).unwrap_err();
        assert!(
            matches!(fault, FollowError::Client { .. }),
            "{none}: {fault:?}"
        );
    }
    let asked = asked.root_certificates("").unwrap();
    let asked = asked.connect_timeout(DEADLINE);
    let guard = guard(trust(&server, "cakes", &asked), &clock);
    assert_eq!(verdict(&guard, "good"), "revocation_unknown");
    until("it is known", || verdict(&guard, "good") == "ok").await;
}
