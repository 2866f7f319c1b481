//! A row for every reason in every place where a token is read: what is answered, or why it cannot come about there.
//!
//! A reason that is added fails until it has its row, and a place until it has its column.
#![cfg(all(feature = "axum", feature = "remote", feature = "testing"))]

mod requests;
mod rows;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::any;
use http_body_util::BodyExt;
use keystile::{Fresh, Guard, Principal, Reason, Require};
use serde_json::Value;
use tower_service::Service;

use requests::Place;
use rows::{Expected, Row};

keystile::role!(Admin = "admin");
keystile::scope!(Read = "read");

/// The same routes twice: asked for by the handlers, and by layers around them.
fn app(guard: &Guard) -> Router {
    let by_layer = Router::new().route("/layer", any(async || {}).layer(guard.layer()));
    let by_layer = by_layer
        .route(
            "/layer/role",
            any(async || {}).layer(guard.layer().require::<Admin>()),
        )
        .route(
            "/layer/scope",
            any(async || {}).layer(guard.layer().require::<Read>()),
        )
        .route(
            "/layer/fresh",
            any(async || {}).layer(guard.layer().require::<Fresh<300>>()),
        );
    let by_handler = Router::new()
        .route("/handler", any(async |_: Principal| {}))
        .route("/handler/role", any(async |_: Require<Admin>| {}))
        .route("/handler/scope", any(async |_: Require<Read>| {}))
        .route("/handler/fresh", any(async |_: Require<Fresh<300>>| {}));
    by_layer.merge(by_handler).with_state(guard.clone())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    async fn of(app: &mut Router, request: Request<Body>) -> Self {
        let response = app.call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    fn header(&self, name: header::HeaderName) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Status, code in the body, code in the challenge, and what caches and clients are told.
    fn is_refusal(&self, reason: Reason, row: &str) {
        assert_eq!(
            self.status.as_u16(),
            reason.status(),
            "{row}: {}",
            self.body
        );
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["code"], reason.code(), "{row}");
        assert_eq!(problem["status"], reason.status(), "{row}");
        let challenge = self.header(header::WWW_AUTHENTICATE);
        let code = format!("reason=\"{}\"", reason.code());
        assert_eq!(
            challenge.ends_with(&code),
            reason.status() < 500,
            "{row}: {challenge}"
        );
        let error = reason
            .oauth_error()
            .map(|error| format!("error=\"{error}\""));
        assert_eq!(
            challenge.contains("error="),
            error.is_some(),
            "{row}: {challenge}"
        );
        assert!(
            challenge.contains(&error.unwrap_or_default()),
            "{row}: {challenge}"
        );
        let retry = self.header(header::RETRY_AFTER);
        assert_eq!(retry.is_empty(), reason.status() != 503, "{row}");
        assert_eq!(self.header(header::CACHE_CONTROL), "no-store", "{row}");
    }
}

/// What a route asks for, as its path says it.
const fn asked(reason: Reason) -> &'static str {
    match reason {
        Reason::RoleMissing => "/role",
        Reason::ScopeMissing => "/scope",
        Reason::NotFresh => "/fresh",
        _ => "",
    }
}

#[tokio::test]
async fn every_reason_in_every_place() {
    let (mut rows, mut refused) = (0, 0);
    for &reason in Reason::ALL {
        for place in Place::ALL {
            for way in ["layer", "handler"] {
                if !requests::is_read(place, way) {
                    continue;
                }
                let row = format!("{} in {place:?}, by {way}", reason.code());
                let Row {
                    guard,
                    request,
                    expected,
                    ..
                } = rows::row(reason, place);
                let uri = format!("/{way}{}", asked(reason));
                let answer = Answer::of(&mut app(&guard), request.at(&uri)).await;
                match expected {
                    Expected::Refused => answer.is_refusal(reason, &row),
                    Expected::Instead(other) => answer.is_refusal(other, &row),
                    Expected::LetIn => assert_eq!(answer.status, 200, "{row}: {}", answer.body),
                }
                rows += 1;
                refused += usize::from(matches!(expected, Expected::Refused));
            }
        }
    }
    println!("{rows} rows, {refused} of them refused for their reason");
    assert!(
        refused > Reason::ALL.len() * Place::ALL.len(),
        "only {refused}"
    );
}

/// The rows above refuse for what they say: with nothing wrong, every place lets in.
#[tokio::test]
async fn a_good_token_is_let_in_everywhere() {
    for place in Place::ALL {
        for way in ["layer", "handler"] {
            if requests::is_read(place, way) {
                let issuer = keystile::testing::TestIssuer::new();
                let guard = requests::reading(place, issuer.guard());
                let request = requests::with(place, &issuer.token("ada").build());
                let answer = Answer::of(&mut app(&guard), request.at(&format!("/{way}"))).await;
                assert_eq!(answer.status, 200, "{place:?} by {way}: {}", answer.body);
            }
        }
    }
}
