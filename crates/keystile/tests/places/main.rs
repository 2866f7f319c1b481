//! A row for every reason in every place where a token is read: what is answered, or why it cannot come about there.
//!
//! A reason that is added fails until it has its row, and a place until it has its column.
#![cfg(all(feature = "axum", feature = "remote", feature = "testing"))]

mod asked;
mod requests;
mod rows;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keystile::http::Nothing;
use keystile::{
    Fresh, Guard, Loaded, Own, Place, Principal, Reason, Refusal, Require, Requirement,
};
use serde_json::Value;
use tower_service::Service;

use asked::{Away, Barred, Bobs, Known, Of};
use requests::{Ending, LIMIT, Way};
use rows::Expected;

keystile::role!(Admin = "admin");
keystile::scope!(Read = "read");

/// Routes for everything that is asked, guarded in every way. A body is waited for so long.
fn app(guard: &Guard, patience: Duration) -> Router {
    asking::<Nothing, Principal>(guard, patience, "")
        .merge(asking::<Admin, Require<Admin>>(guard, patience, "/role"))
        .merge(asking::<Read, Require<Read>>(guard, patience, "/scope"))
        .merge(asking::<Fresh<300>, Require<Fresh<300>>>(
            guard, patience, "/fresh",
        ))
        .merge(asking::<Of<Bobs>, Own<Path<String>>>(
            guard,
            patience,
            "/own/{id}",
        ))
        .merge(asking::<Of<Known>, Loaded<Known>>(
            guard, patience, "/known",
        ))
        .merge(asking::<Of<Barred>, Loaded<Barred>>(
            guard, patience, "/barred",
        ))
        .merge(asking::<Of<Away>, Loaded<Away>>(guard, patience, "/away"))
        .with_state(guard.clone())
}

/// The same asked in every way: `E` is what a handler says for `R`.
fn asking<R, E>(guard: &Guard, patience: Duration, what: &str) -> Router<Guard>
where
    R: Requirement + 'static,
    E: FromRequestParts<Guard> + Send + 'static,
{
    let layer = guard.layer().require::<R>();
    let reading = layer.clone().reading_bodies().limit(LIMIT);
    let reading = reading.give_up_after(move || tokio::time::sleep(patience));
    let hand = guard.clone();
    let by_hand = async move |request| by_hand::<R>(&hand, request, patience).await;
    let path = |way: Way| format!("{}{what}", way.path());
    Router::new()
        .route(&path(Way::Layer), any(async || {}).layer(layer))
        .route(&path(Way::Handler), any(async |_: E| {}))
        .route(&path(Way::Reading), any(async || {}).layer(reading))
        .route(&path(Way::Hand), any(by_hand))
}

/// As a handler of one's own does it, which reads the body.
async fn by_hand<R: Requirement>(
    guard: &Guard,
    request: Request<Body>,
    patience: Duration,
) -> Response {
    let (head, body) = request.into_parts();
    let verdict = async {
        let body = if guard.reads_body(&head) {
            Some(read(body, patience).await?)
        } else {
            None
        };
        let verified = guard.verify_request(&head, body.as_deref()).await?;
        let verified = verified.ok_or(Reason::TokenMissing)?;
        R::check(&verified, guard.now())
    };
    match verdict.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => guard.answer(&refusal, &head),
    }
}

/// The body, within bounds; and in the library's words why not.
async fn read(body: Body, patience: Duration) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, LIMIT).collect();
    let read = tokio::time::timeout(patience, whole).await;
    let whole = read.map_err(|_| Reason::BodyTooSlow)?.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Reason::BodyTooLarge
        } else {
            Reason::BodyUnreadable
        }
    })?;
    Ok(whole.to_bytes())
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
        Reason::ResourceNotOwn => "/own/bob",
        Reason::AccountUnknown => "/known",
        Reason::AccessDenied => "/barred",
        Reason::AccessUnknown => "/away",
        _ => "",
    }
}

/// For how long a body is waited for: where it is to be too slow, for a moment; elsewhere no slow machine decides.
const fn patience(reason: Reason) -> Duration {
    match reason {
        Reason::BodyTooSlow => Duration::from_millis(20),
        _ => Duration::from_secs(600),
    }
}

#[tokio::test]
async fn every_reason_in_every_place() {
    let (mut rows, mut refused) = (0, 0);
    for &reason in Reason::ALL {
        let refused_before = refused;
        for place in Place::ALL {
            for way in Way::ALL {
                let row = format!("{} in {place:?}, by {way:?}", reason.code());
                // Whole until it was tried: it may hold a server.
                let tried = rows::row(reason, place, way);
                let uri = format!("{}{}", way.path(), asked(reason));
                let mut app = app(&tried.guard, patience(reason));
                let answer = Answer::of(&mut app, tried.request.at(&uri)).await;
                match tried.expected {
                    Expected::Refused => answer.is_refusal(reason, &row),
                    Expected::Instead(other) => answer.is_refusal(other, &row),
                    Expected::LetIn => assert_eq!(answer.status, 200, "{row}: {}", answer.body),
                }
                rows += 1;
                refused += usize::from(matches!(tried.expected, Expected::Refused));
            }
        }
        assert!(refused > refused_before, "{reason} comes about nowhere");
    }
    println!("{rows} rows, {refused} of them refused for their reason");
    assert_eq!(rows, Reason::ALL.len() * Place::ALL.len() * Way::ALL.len());
    assert!(refused * 2 > rows, "only {refused} of {rows}");
}

/// The rows above refuse for what they say: with nothing wrong, every place lets in.
#[tokio::test]
async fn a_good_token_is_let_in_everywhere() {
    for place in Place::ALL {
        for way in Way::ALL {
            let issuer = keystile::testing::TestIssuer::new();
            let guard = requests::reading(place, issuer.guard());
            let token = issuer.token("ada").build();
            let mut app = app(&guard, patience(Reason::TokenMissing));
            if way.looks_in(place) {
                let request = requests::with(place, &token).at(way.path());
                let answer = Answer::of(&mut app, request).await;
                assert_eq!(answer.status, 200, "{place:?} by {way:?}: {}", answer.body);
            }
            if way.reads_bodies() {
                let request = requests::with_body(place, &token, Ending::Whole);
                let answer = Answer::of(&mut app, request.at(way.path())).await;
                assert_eq!(answer.status, 200, "{place:?} by {way:?}: {}", answer.body);
            }
        }
    }
}
