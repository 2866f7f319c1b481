//! By a caller with a good token of their own, who wants what is another's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post};
use keystile::testing::TestIssuer;
use keystile::{
    Clock, Denied, FromCaller, Guard, KeySet, Loaded, Own, Place, Principal, Reason, RefreshGuard,
    RefreshPrincipal, Revocations, SubjectRule, Trust, Verified, Verifier, VerifyingKey,
};

use super::sent;
use crate::common::{HEADER, NOW, SECRET, clock, hs256, payload};
use crate::{bearer, get_with, guard, me, send};

/// A path that names nobody, where tokens without a subject are taken.
#[tokio::test]
async fn who_is_nobody_owns_nothing() {
    struct Named(String);

    impl std::ops::Deref for Named {
        type Target = String;

        fn deref(&self) -> &String {
            &self.0
        }
    }

    impl<S: Sync> FromRequestParts<S> for Named {
        type Rejection = Infallible;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
            Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
        }
    }

    let verifier = Verifier::new(Trust {
        issuer: keystile::Expected::Unchecked,
        audience: keystile::Expected::Absent,
        token_type: "at+jwt".into(),
        keys: KeySet::from(VerifyingKey::hs256(SECRET).unwrap()),
    });
    let guard = Guard::new(verifier.subject(SubjectRule::Unchecked)).clock(clock());
    let app = Router::new()
        .route("/", get(async |_: Own<Named>| {}))
        .with_state(guard);
    let of = |payload: &str| format!("Bearer {}", hs256(HEADER, payload));
    let nobody = of(&format!(r#"{{"exp":{}}}"#, NOW + 60));
    let empty = of(&format!(r#"{{"sub":"","exp":{}}}"#, NOW + 60));
    for caller in [&nobody, &empty] {
        for uri in ["/", "/?"] {
            let answer = get_with(&app, uri, &[caller]).await;
            assert_eq!(answer.code().await, "resource_not_own");
        }
    }
    let ada = of(&payload(""));
    assert_eq!(get_with(&app, "/?ada", &[&ada]).await.status, 200);
    assert_eq!(get_with(&app, "/", &[&ada]).await.status, 403);
}

/// Names that look like another's, or become one when they are decoded once more.
#[tokio::test]
async fn a_path_is_decoded_once_and_compared_byte_for_byte() {
    let app = Router::new()
        .route("/{id}", get(async |_: Own<Path<String>>| {}))
        .with_state(guard());
    let of = |sub: &str| {
        let payload = payload("").replace("\"ada\"", &serde_json::json!(sub).to_string());
        format!("Bearer {}", hs256(HEADER, &payload))
    };
    for (sub, path, status) in [
        ("a/b", "/a%2Fb", 200),
        ("a/b", "/a%252Fb", 403),
        ("..", "/%2e%2e", 200),
        ("ada", "/%2e%2e%2fada", 403),
        ("ada", "/ada%00", 403),
        ("ada", "/ADA", 403),
        ("ada", "/%EF%BD%81da", 403),
        ("ada", "/a%CC%8Ada", 403),
        ("ada", "/ada%20", 403),
        ("ada", "/ada;x=1", 403),
        ("ada", "/ada,bob", 403),
        ("ada", "/%FF", 400),
        ("\u{e5}da", "/%C3%A5da", 200),
        ("a\u{30a}da", "/%C3%A5da", 403),
    ] {
        let answer = get_with(&app, path, &[&of(sub)]).await;
        assert_eq!(answer.status, status, "{sub} at {path}");
    }
}

/// A refresh token lives long: nothing that was seen or remembered at its own route lets it in at another.
#[tokio::test]
async fn a_refresh_token_opens_nothing_else_however_often_it_was_seen() {
    let tokens = guard();
    let refresh = RefreshGuard::new(tokens.clone(), "type");
    let access = tokens.require_claim("type", "access");
    let of_refresh = refresh.clone();
    let app = Router::new()
        .route("/me", get(me))
        .route("/refresh", post(async |_: RefreshPrincipal| {}))
        // Below the other's layer, what it passed on is not taken for one's own.
        .route("/below", get(me).layer(of_refresh.layer()))
        .with_state((access, refresh));
    let kind = |json: &str| bearer(&format!(r#","type":{json}"#));
    let (right, wrong) = (kind("\"refresh\""), kind("\"access\""));
    for _ in 0..3 {
        let ask = |method, path, token: &str| sent(method, path, &[("authorization", token)]);
        for (method, path, token, status) in [
            ("POST", "/refresh", &right, 200),
            ("GET", "/me", &right, 401),
            ("GET", "/below", &right, 401),
            ("GET", "/me", &wrong, 200),
            ("POST", "/refresh", &wrong, 401),
            ("GET", "/below", &wrong, 401),
        ] {
            assert_eq!(
                send(&app, ask(method, path, token)).await.status,
                status,
                "{path}"
            );
        }
        for odd in [
            "[\"refresh\"]",
            "{\"refresh\":1}",
            "\"Refresh\"",
            "\"refresh \"",
            "\"refresh\\u0000\"",
            "null",
            "true",
            "\"access\",\"type\":\"refresh\"",
        ] {
            for (method, path) in [("POST", "/refresh"), ("GET", "/me")] {
                let answer = send(&app, ask(method, path, &kind(odd))).await;
                assert_eq!(answer.status, 401, "{path} {odd}");
            }
        }
    }
}

/// Two guards on one way: what the outer one let through is nothing to the inner one.
#[tokio::test]
async fn one_guards_word_is_not_anothers() {
    let (ours, theirs) = (
        TestIssuer::named("https://ours.test"),
        TestIssuer::named("https://theirs.test"),
    );
    let app = Router::new()
        .route("/", get(me))
        .route(
            "/maybe",
            get(async |caller: Option<Principal>| caller.is_some().to_string()),
        )
        .layer(theirs.guard().layer())
        .with_state(ours.guard());
    let (our, their) = (ours.token("ada").bearer(), theirs.token("ada").bearer());
    for path in ["/", "/maybe"] {
        for token in [&our, &their] {
            let answer = get_with(&app, path, &[token]).await;
            assert_eq!(answer.status, 401, "{path}");
        }
    }
}

/// Whatever the application answers in its own words, the handler is not reached, and the answer is the caller's alone.
#[tokio::test]
async fn an_answer_of_the_applications_own_opens_nothing() {
    struct Never;

    impl FromCaller<Guard> for Never {
        async fn from_caller(_: &Principal, request: &Parts, _: &Guard) -> Result<Self, Denied> {
            let status = match request.uri.path() {
                "/200" => StatusCode::OK,
                "/304" => StatusCode::NOT_MODIFIED,
                _ => StatusCode::UNAUTHORIZED,
            };
            Err(Denied::answered(
                Reason::AccountUnknown,
                (status, "own words"),
            ))
        }
    }

    let reached = async |_: Loaded<Never>| "the secret";
    let app = Router::new().fallback(reached).with_state(guard());
    for (path, challenge) in [("/200", false), ("/304", false), ("/401", true)] {
        let answer = get_with(&app, path, &[&bearer("")]).await;
        assert_eq!(answer.status.as_str(), &path[1..]);
        assert_eq!(
            answer.challenge.contains("error=\"invalid_token\""),
            challenge
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_ne!(answer.text().await, "the secret");
    }
}

type Change = fn(Guard) -> Guard;

/// A layer's guard that asks less than the state's: whatever it is that it asks less of, the handler's own guard judges anew.
#[tokio::test]
async fn what_a_laxer_layer_let_through_is_judged_again() {
    let issuer = TestIssuer::new();
    let lax = issuer.guard();
    let token = issuer.token("ada").bearer();
    let no = |_: &Arc<Verified>| Err::<(), Reason>(Reason::AccessDenied);
    let later = issuer
        .clock()
        .now()
        .saturating_add(Duration::from_secs(86_400));
    let revoked = Revocations::new();
    revoked.revoke_session(None, "ada-session", later);
    let strict: [(&str, Change); 5] = [
        ("token_audience_wrong", |guard| guard.audience("another")),
        ("token_type_wrong", |guard| guard.token_type("another+jwt")),
        ("token_issuer_wrong", |guard| {
            guard.issuer("https://another.test")
        }),
        ("token_claim_missing", |guard| {
            guard.require_claim("type", "access")
        }),
        ("token_missing", |guard| {
            guard.token_from_query("t").only_from([Place::Query])
        }),
    ];
    let strict = strict.map(|(code, make)| (code, make(lax.clone())));
    let more = [
        ("access_denied", lax.clone().also_check(no)),
        ("token_expired", lax.clone().clock(Clock::manual(later))),
        ("token_revoked", lax.clone().revocations(revoked)),
    ];
    for (code, strict) in strict.into_iter().chain(more) {
        // Narrowed in its answers besides, which changes nothing of that.
        for layer in [lax.clone(), lax.clone().realm("shop")] {
            let app = Router::new()
                .route("/", get(me))
                .layer(layer.layer())
                .with_state(strict.clone());
            let answer = get_with(&app, "/", &[&token]).await;
            assert_eq!(answer.code().await, code);
        }
        // The other way round the layer refuses.
        let app = Router::new()
            .route("/", get(me))
            .layer(strict.layer())
            .with_state(lax.clone());
        assert_eq!(get_with(&app, "/", &[&token]).await.code().await, code);
    }
}
