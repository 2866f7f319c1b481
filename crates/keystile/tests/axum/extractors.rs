//! What a handler may ask for.

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::routing::get;
use keystile::Guard;

use crate::common::NOW;
use crate::{app, bearer, get_with, guard, me};

#[tokio::test]
async fn only_absence_is_forgiven() {
    let app = app(guard());
    assert_eq!(get_with(&app, "/maybe", &[]).await.text().await, "nobody");
    assert_eq!(
        get_with(&app, "/maybe", &[&bearer("")]).await.text().await,
        "ada"
    );
    for value in ["Bearer", "Bearer x", &format!("{}A", bearer(""))] {
        assert!(
            get_with(&app, "/maybe", &[value])
                .await
                .status
                .is_client_error(),
            "{value}"
        );
    }
}

#[tokio::test]
async fn extra_claims_are_typed() {
    let app = app(guard());
    let answer = get_with(&app, "/shop", &[&bearer(r#","shop":"north""#)]).await;
    assert_eq!(answer.text().await, "north");
    for more in ["", r#","shop":7"#] {
        let answer = get_with(&app, "/shop", &[&bearer(more)]).await;
        assert_eq!(
            (answer.status, answer.code().await.as_str()),
            (StatusCode::UNAUTHORIZED, "token_claim_malformed")
        );
    }
}

#[tokio::test]
async fn requirements_are_403_and_name_what_lacks() {
    let app = app(guard());
    let fresh = format!(r#","auth_time":{}"#, NOW - 300);
    let stale = format!(r#","auth_time":{}"#, NOW - 301);
    let admin = r#","roles":["admin"]"#;
    for (path, claims, status) in [
        ("/admin", admin, 200),
        ("/admin", r#","roles":["Admin","administrator"]"#, 403),
        ("/read", r#","scope":"x cakes:read""#, 200),
        ("/read", r#","scope":"cakes:reader""#, 403),
        ("/fresh", &fresh, 200),
        ("/fresh", &stale, 401),
        ("/fresh", "", 401),
        ("/fresh", r#","auth_time":9007199254740992"#, 401),
        ("/fresh", r#","auth_time":-9007199254740992"#, 401),
        ("/all", &format!("{admin}{fresh}"), 200),
        ("/all", admin, 401),
        ("/all", &fresh, 403),
        ("/any", admin, 200),
        ("/any", r#","scope":"cakes:read""#, 200),
        ("/any", "", 403),
    ] {
        let answer = get_with(&app, path, &[&bearer(claims)]).await;
        assert_eq!(answer.status, status, "{path} {claims}");
    }
    let role = get_with(&app, "/admin", &[&bearer("")]).await;
    assert!(role.challenge.contains(r#"error="insufficient_scope""#));
    assert!(role.challenge.ends_with(r#"reason="role_missing""#));
    let scope = get_with(&app, "/read", &[&bearer("")]).await;
    assert!(
        scope
            .challenge
            .contains(r#"scope="cakes:read", reason="scope_missing""#)
    );
    let fresh = get_with(&app, "/fresh", &[&bearer("")]).await;
    assert!(
        fresh
            .challenge
            .contains(r#"error="insufficient_user_authentication""#)
    );
    assert!(fresh.challenge.contains(r#"max_age="300""#));
}

#[derive(Clone)]
struct State {
    guard: Guard,
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

#[tokio::test]
async fn the_guard_may_be_a_part_of_the_state() {
    let app = Router::new()
        .route("/me", get(me))
        .with_state(State { guard: guard() });
    assert_eq!(get_with(&app, "/me", &[]).await.status, 401);
    assert_eq!(get_with(&app, "/me", &[&bearer("")]).await.status, 200);
}

#[tokio::test]
async fn a_handler_may_look_at_the_refusal_itself() {
    let app = app(guard());
    assert_eq!(
        get_with(&app, "/look", &["Bearer x"]).await.text().await,
        "token_malformed"
    );
    assert_eq!(
        get_with(&app, "/look", &[&bearer("")]).await.text().await,
        "in"
    );
}
