//! A token in a cookie that waits for its key: what its page must show is looked at all the same, when the key is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use keystile::testing::{ServedIssuer, TestIssuer};
use keystile::{Csrf, Guard, Principal, Reason, TokenCookie, Verified};
use tower_service::Service;

use crate::DEADLINE;

const KEYS: &str = "/.well-known/jwks.json";

fn csrf() -> Csrf {
    Csrf::new([5; 32], ["https://app.example"])
}

/// One that has not heard of the key by which the next token is signed.
async fn guard(issuer: &ServedIssuer, asked: &Arc<AtomicUsize>) -> Guard {
    let asked = Arc::clone(asked);
    let check = move |_: &Arc<Verified>| {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok::<(), Reason>(())
    };
    let guard = issuer.follow().timeout(DEADLINE).connect().await.unwrap();
    // The first one is published before it signs.
    issuer.rotate_now();
    issuer.rotate_now();
    let cookie = TokenCookie::on_loopback("access");
    guard.also_check(check).token_from_cookie(cookie, csrf())
}

#[tokio::test]
async fn a_token_that_waits_for_its_key_needs_its_csrf_token_too() {
    let issuer = TestIssuer::new().serve();
    let (right, anothers) = (csrf().token("ada-session"), csrf().token("eve-session"));
    for (shown, status) in [(None, 403), (Some(&anothers), 403), (Some(&right), 200)] {
        for layered in [false, true] {
            let asked = Arc::new(AtomicUsize::new(0));
            let guard = guard(&issuer, &asked).await;
            let cookie = format!("access={}", issuer.token("ada").build());
            let mut app = Router::new().route("/", post(async |_: Principal| {}));
            if layered {
                app = app.layer(guard.layer());
            }
            let mut request = Request::post("/").header("cookie", &cookie);
            if let Some(shown) = shown {
                request = request.header("x-csrf-token", shown);
            }
            let request = request.body(Body::empty()).unwrap();
            let fetched = issuer.requests(KEYS);
            let answer = app.with_state(guard).call(request).await.unwrap();
            assert_eq!(answer.status(), status, "{shown:?} {layered}");
            assert_eq!(issuer.requests(KEYS), fetched + 1, "it waited");
            let asked = asked.load(Ordering::SeqCst);
            assert_eq!(asked, usize::from(status == 200), "{shown:?} {layered}");
        }
    }
}
