//! A token in a cookie, for pages in a browser, and the CSRF token that shows that a page is ours.

use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use keystile::{BearerToken, Csrf, Guard, Place, Principal, Rejection, SetCookies, TokenCookie};

/// What the routes share.
#[derive(Clone)]
struct Site {
    guard: Guard,
    csrf: Csrf,
    access: TokenCookie,
    /// A page's script reads this one, and sends it back in a header.
    shown: TokenCookie,
}

impl FromRef<Site> for Guard {
    fn from_ref(site: &Site) -> Self {
        site.guard.clone()
    }
}

/// Puts the token of the header into a cookie: a page calls it once it has signed in, wherever that was.
async fn open(
    State(site): State<Site>,
    headers: HeaderMap,
    caller: Principal,
    token: BearerToken,
) -> Result<Response, Response> {
    // Else another site's page could put its own token into this browser.
    if let Err(refusal) = site.csrf.require_origin(&headers) {
        return Err((StatusCode::FORBIDDEN, refusal.code()).into_response());
    }
    // Without a session (`sid`) there is no CSRF token, and the cookie could be used for nothing but reading.
    let Some(csrf_token) = site.csrf.token_for(caller.verified()) else {
        return Err((StatusCode::BAD_REQUEST, "the token has no session").into_response());
    };
    let rest = caller.exp - site.guard.now().as_seconds();
    let lives = Duration::from_secs(u64::try_from(rest).unwrap_or_default());
    let cookies = SetCookies::new()
        .set(&site.access, token.expose(), lives)
        .and_then(|cookies| cookies.set(&site.shown, &csrf_token, lives))
        .map_err(|_| StatusCode::BAD_REQUEST.into_response())?;
    let not_stored = [("cache-control", "no-store")];
    Ok((cookies, not_stored, StatusCode::NO_CONTENT).into_response())
}

/// Takes both away, whether the token is still good or not.
async fn close(State(site): State<Site>, _: Result<Principal, Rejection>) -> impl IntoResponse {
    let cookies = SetCookies::new().clear(&site.access).clear(&site.shown);
    (cookies, StatusCode::NO_CONTENT)
}

/// The routes, for pages of this origin. `csrf_key` is a secret of its own.
pub fn router(guard: Guard, csrf_key: [u8; 32], origin: &str) -> Router {
    let csrf = Csrf::new(csrf_key, [origin]);
    let access = TokenCookie::host("access");
    let guard = guard.token_from_cookie(access.clone(), csrf.clone());
    let site = Site {
        guard: guard.clone(),
        csrf,
        access,
        shown: TokenCookie::host("csrf").for_scripts(),
    };
    // The first token comes in the header, and nowhere else.
    let by_header = Site {
        guard: guard.only_from([Place::Header]),
        ..site.clone()
    };
    Router::new()
        .route("/me", get(async |caller: Principal| caller.sub.clone()))
        .route(
            "/cakes",
            post(async |caller: Principal| format!("one for {}", caller.sub)),
        )
        .route("/session", delete(close))
        .with_state(site)
        .merge(
            Router::new()
                .route("/session", post(open))
                .with_state(by_header),
        )
}
