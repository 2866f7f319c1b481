//! What the text asks its reader to see: its own token, a changed secret, a lifetime of one's own, idleness; and whom a
//! token is for.

mod support;

use std::time::Duration;

use drink_ratings::{App, Lifetimes};
use examples_common::testing::{assert_kind, decoded, fastest};
use keystile::{Clock, Random, Timestamp};
use serde_json::json;
use support::{Bar, NOW, SECRET, folder, original, pair, signed, user};

/// The secret and the token that the text prints, for the user `caleb`. It lasted for a quarter of an hour.
const TEXT_SECRET: &str = "26452948404D635166546A576E5A7234753777217A25432A462D4A614E645267";
const TEXT_TOKEN: &str = "Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
    eyJpYXQiOjE2MTEyNTEwOTYsIm5iZiI6MTYxMTI1MTA5NiwianRpIjoiMTgyY2IyMzgtYTIwMy00MjMyLTk0ZjgtMDFjOGI3NjU1YmEwIiwiZXhw\
    IjoxNjExMjUxOTk2LCJpZGVudGl0eSI6eyJ1c2VybmFtZSI6ImNhbGViIiwicm9sZSI6ImFkbWluIn0sImZyZXNoIjpmYWxzZSwidHlwZSI6ImFj\
    Y2VzcyJ9.t0J-toWbO4n_4NFOjwmHuFu-ySA_XjqSHB2f-muBI8A";
const TEXT_ISSUED: Timestamp = Timestamp::from_seconds(1_611_251_096);
/// What the text changes its secret to.
const TEXT_NEXT_SECRET: &str = "58703273357538782F413F4428472B4B6250655368566D597133743677397924";

const CALEB: &str = r#"{"logged_in_as":{"username":"caleb","role":"user"}}"#;
const EXPIRED: &str = r#"{"msg":"Token has expired"}"#;
const REVOKED: &str = r#"{"msg":"Token has been revoked"}"#;
const FORGED: &str = r#"{"msg":"Signature verification failed"}"#;

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn unauthorized(body: &str) -> (u16, String) {
    (401, body.to_owned())
}

#[test]
fn the_text_s_token_verifies_under_its_secret_while_it_lasted() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, TEXT_SECRET, TEXT_ISSUED);
    assert_eq!(
        bar.who(TEXT_TOKEN),
        unauthorized(REVOKED),
        "no such user yet"
    );
    bar.sign_up("caleb");
    assert_eq!(
        bar.who(TEXT_TOKEN),
        ok(CALEB),
        "the role that it says is not believed"
    );
    bar.clock.advance(Duration::from_secs(899));
    assert_eq!(bar.who(TEXT_TOKEN), ok(CALEB));
    bar.clock.advance(Duration::from_secs(1));
    assert_eq!(bar.who(TEXT_TOKEN), unauthorized(EXPIRED));
    bar.clock.set(Clock::system().now());
    assert_eq!(bar.who(TEXT_TOKEN), unauthorized(EXPIRED), "and today");
}

/// A name that is given out later is not the one that the token was for.
#[test]
fn the_text_s_token_is_for_nobody_who_came_after_it() {
    let (_folder, file) = folder();
    let bar = Bar::open(
        &file,
        TEXT_SECRET,
        TEXT_ISSUED.saturating_add(Duration::from_secs(1)),
    );
    bar.sign_up("caleb");
    assert_eq!(bar.who(TEXT_TOKEN), unauthorized(REVOKED));
}

#[test]
fn a_changed_secret_logs_everyone_out_and_loses_nothing_else() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, TEXT_SECRET, NOW);
    let [access, refresh] = bar.bearers("caleb");
    let theirs = signed(TEXT_SECRET, &original(json!({ "type": "refresh" })));
    drop(bar);
    let bar = Bar::open(&file, TEXT_SECRET, NOW);
    assert_eq!(bar.who(&access), ok(CALEB), "a restart logs nobody out");
    drop(bar);
    let bar = Bar::open(&file, TEXT_NEXT_SECRET, NOW);
    assert_eq!(
        bar.who(&access),
        (422, FORGED.to_owned()),
        "the text's words"
    );
    for token in [&refresh, &theirs] {
        let answer = bar.refresh(token);
        assert_eq!((answer.status, answer.body.as_str()), (422, FORGED));
    }
    let [access, _] = bar.sign_in("caleb");
    assert_eq!(bar.who(&access), ok(CALEB));
}

#[test]
fn a_token_says_what_the_extension_library_s_says() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let [access, refresh] = bar.bearers("caleb");
    let header = decoded(access.trim_start_matches("Bearer "), 0);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    let claims = decoded(&access, 1);
    assert_kind("drink-ratings", access.trim_start_matches("Bearer "));
    let now = NOW.as_seconds();
    assert_eq!(
        claims["identity"],
        json!({ "username": "caleb", "role": "user" })
    );
    assert_eq!(
        (&claims["sub"], &claims["type"]),
        (&json!("1"), &json!("access"))
    );
    assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(now), &json!(now)));
    assert_eq!(
        (&claims["exp"], &claims["fresh"]),
        (&json!(now + 900), &json!(true))
    );
    let [next, _] = pair(&bar.refresh(&refresh));
    let next = decoded(&next, 1);
    assert_eq!(next["fresh"], false);
    assert_ne!(
        next["jti"], claims["jti"],
        "the clock stands still, and yet they differ"
    );
}

#[test]
fn the_text_s_week() {
    let (_folder, file) = folder();
    let week = Lifetimes {
        access: Duration::from_secs(604_800),
        ..Lifetimes::default()
    };
    let bar = Bar::with(&file, SECRET, NOW, week);
    let [access, _] = bar.bearers("caleb");
    bar.clock.advance(Duration::from_secs(604_799));
    assert_eq!(bar.who(&access), ok(CALEB));
    bar.clock.advance(Duration::from_secs(1));
    assert_eq!(bar.who(&access), unauthorized(EXPIRED));
}

/// "A log out after, say, 10 minutes of inactivity": who refreshes stays, who does not is signed out.
#[test]
fn the_text_s_ten_minutes_of_inactivity() {
    let (_folder, file) = folder();
    let lifetimes = Lifetimes {
        access: Duration::from_secs(300),
        inactivity: Some(Duration::from_secs(600)),
        ..Lifetimes::default()
    };
    let bar = Bar::with(&file, SECRET, NOW, lifetimes);
    let [mut access, mut refresh] = bar.bearers("caleb");
    for _ in 0..10 {
        bar.clock.advance(Duration::from_secs(599));
        assert_eq!(bar.who(&access), unauthorized(EXPIRED));
        [access, refresh] = pair(&bar.refresh(&refresh));
        assert_eq!(
            bar.who(&access),
            ok(CALEB),
            "an hour and more on one sign-in"
        );
    }
    bar.clock.advance(Duration::from_secs(600));
    let answer = bar.refresh(&refresh);
    assert_eq!((answer.status, answer.body.as_str()), (401, EXPIRED));
    assert_eq!(bar.who(&access), unauthorized(EXPIRED));
}

#[test]
fn the_role_is_the_server_s_to_give() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    let boasting = bar.post(
        "/api/create_user",
        None,
        r#"{"username":"caleb","password":"bestpass123","role":"admin"}"#,
    );
    assert_eq!(boasting.status, 201);
    let [access, refresh] = bar.sign_in("caleb");
    assert_eq!(bar.who(&access), ok(CALEB));
    let open = App::open(
        &file,
        SECRET,
        Lifetimes::default(),
        Clock::manual(NOW),
        Random::system(),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let app = open.await.expect("it opens");
        app.make_admin("Caleb").await.expect("there is one");
        let error = app.make_admin("nobody").await.expect_err("there is none");
        assert!(error.to_string().contains("create it first"), "{error}");
    });
    let mut answer = bar.who(&access);
    for _ in 0..500 {
        if answer == unauthorized(REVOKED) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        answer = bar.who(&access);
    }
    assert_eq!(answer, unauthorized(REVOKED), "its token says the old role");
    let [access, _] = pair(&bar.refresh(&refresh));
    let admin = CALEB.replace("user\"}", "admin\"}");
    assert_eq!(bar.who(&access), ok(&admin));
    assert_eq!(decoded(&access, 1)["identity"]["role"], "admin");
}

#[test]
fn an_unknown_user_costs_the_work_of_a_wrong_password() {
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    bar.sign_up("caleb");
    let ask = |name: &str| {
        let guess = user(name).replace("best", "worst");
        assert_eq!(bar.post("/api/login", None, &guess).status, 400);
    };
    let [known, unknown] = fastest([&|| ask("caleb"), &|| ask("nobody")]);
    assert!(unknown > known / 3, "known {known:?}, unknown {unknown:?}");
}
