//! What a route asks beyond a valid token: one's own resource, what the application looks up, a refresh token.

use axum::Router;
use axum::extract::{FromRef, Path};
use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::from_extractor_with_state;
use axum::routing::{get, post};
use keystile::{
    Csrf, Denied, FromCaller, Guard, Loaded, Own, Place, Principal, Reason, RefreshGuard,
    RefreshPrincipal, RequestHeader, TokenCookie, TokenQuery,
};

use crate::{Admin, bearer, get_with, guard, me, request, send, token};

#[tokio::test]
async fn what_is_ones_own_is_told_by_the_path() {
    let guard = guard();
    let layer = from_extractor_with_state::<Own<Path<String>>, _>(guard.clone());
    let app = Router::new()
        .route("/own/{id}", get(async |own: Own<Path<String>>| own.path.0))
        .route(
            "/or/{id}",
            get(async |own: Own<Path<String>, Admin>| own.caller.sub.clone()),
        )
        .route("/number/{id}", get(async |_: Own<Path<u64>>| {}))
        .route("/layer/{id}", get(async || {}).layer(layer))
        .with_state(guard);
    let (ada, admin) = (bearer(""), bearer(r#","roles":["admin"]"#));
    for (path, token, status) in [
        ("/own/ada", Some(&ada), 200),
        ("/own/%61da", Some(&ada), 200),
        ("/own/Ada", Some(&ada), 403),
        ("/own/ada%20", Some(&ada), 403),
        ("/own/bob", Some(&ada), 403),
        ("/own/bob", Some(&admin), 403),
        ("/own/ada", None, 401),
        ("/or/ada", Some(&ada), 200),
        ("/or/bob", Some(&ada), 403),
        ("/or/bob", Some(&admin), 200),
        ("/number/7", Some(&ada), 403),
        ("/number/ada", Some(&ada), 400),
        ("/number/ada", None, 401),
        ("/layer/ada", Some(&ada), 200),
        ("/layer/bob", Some(&ada), 403),
        ("/layer/ada", None, 401),
    ] {
        let headers: Vec<&str> = token.iter().map(|token| token.as_str()).collect();
        let answer = get_with(&app, path, &headers).await;
        assert_eq!(answer.status, status, "{path} {token:?}");
    }
    for (path, code) in [
        ("/own/bob", "resource_not_own"),
        ("/layer/bob", "resource_not_own"),
        ("/number/7", "resource_not_own"),
        // Who else would be let in is told by what they lack.
        ("/or/bob", "role_missing"),
    ] {
        let refused = get_with(&app, path, &[&ada]).await;
        // No other token of the caller's would do: RFC 6750 has no error for that.
        let challenge = format!("Bearer reason=\"{code}\"");
        assert!(
            refused.challenge == challenge || code == "role_missing",
            "{path}"
        );
        assert_eq!(refused.code().await, code, "{path}");
    }
}

#[derive(Clone)]
struct State {
    guard: Guard,
    known: &'static str,
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

#[derive(Debug)]
struct Account {
    greeting: String,
}

impl FromCaller<State> for Account {
    async fn from_caller(
        caller: &Principal,
        request: &Parts,
        state: &State,
    ) -> Result<Self, Denied> {
        tokio::task::yield_now().await;
        if request.uri.path() == "/away" {
            return Err(Reason::AccessUnknown.into());
        }
        if request.uri.path() == "/plain" && caller.sub != state.known {
            return Err(Reason::AccountUnknown.into());
        }
        if caller.sub != state.known {
            let own = (StatusCode::NOT_FOUND, "nobody of that name");
            return Err(Denied::answered(Reason::AccountUnknown, own));
        }
        Ok(Self {
            greeting: format!("Hello, {}", caller.sub),
        })
    }
}

#[tokio::test]
async fn an_account_is_loaded_by_the_applications_own_look_up() {
    let app = |known| {
        let state = State {
            guard: guard(),
            known,
        };
        let hello = async |account: Loaded<Account>| account.greeting.clone();
        Router::new()
            .route("/hello", get(hello))
            .route("/away", get(hello))
            .route("/plain", get(hello))
            .route(
                "/admin",
                get(async |account: Loaded<Account, Admin>| account.value.greeting),
            )
            .route(
                "/look",
                get(
                    async |account: Result<Loaded<Account>, keystile::Rejection>| {
                        account
                            .err()
                            .map_or("in", |refused| refused.refusal().code())
                    },
                ),
            )
            .with_state(state)
    };
    let ada = bearer("");
    assert_eq!(
        get_with(&app("ada"), "/hello", &[&ada]).await.text().await,
        "Hello, ada"
    );
    let unknown = get_with(&app("bob"), "/hello", &[&ada]).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("cache-control"), Some("no-store"));
    assert_eq!(unknown.challenge, "", "its own answer is no 401");
    assert_eq!(unknown.text().await, "nobody of that name");
    assert_eq!(
        get_with(&app("bob"), "/look", &[&ada]).await.text().await,
        "account_unknown"
    );
    let plain = get_with(&app("bob"), "/plain", &[&ada]).await;
    assert_eq!(plain.status, 401);
    assert!(
        plain
            .challenge
            .starts_with("Bearer error=\"invalid_token\"")
    );
    assert_eq!(plain.code().await, "account_unknown");
    let away = get_with(&app("ada"), "/away", &[&ada]).await;
    assert_eq!(away.status, 503);
    assert_eq!(away.code().await, "access_unknown");
    // Nothing is looked up for a token that does not hold, or of whoever lacks what is required.
    assert_eq!(
        get_with(&app("bob"), "/hello", &["Bearer x"])
            .await
            .code()
            .await,
        "token_malformed"
    );
    assert_eq!(
        get_with(&app("bob"), "/hello", &[]).await.code().await,
        "token_missing"
    );
    assert_eq!(
        get_with(&app("bob"), "/admin", &[&ada]).await.code().await,
        "role_missing"
    );
    let admin = bearer(r#","roles":["admin"]"#);
    assert_eq!(get_with(&app("ada"), "/admin", &[&admin]).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_is_told_from_an_access_token_both_ways() {
    let access = guard().require_claim("type", "access");
    let refresh = RefreshGuard::new(access.clone(), "type");
    let of_layer = refresh.clone();
    let app = Router::new()
        .route("/me", get(me))
        .route(
            "/refresh",
            post(async |caller: RefreshPrincipal| caller.sub.clone()),
        )
        .route("/layer", post(async || {}).layer(of_layer.layer()))
        .with_state((access, refresh));
    let of = |kind: &str| bearer(&format!(r#","type":"{kind}""#));
    for (method, path, kind, code) in [
        (Method::GET, "/me", "access", ""),
        (Method::GET, "/me", "refresh", "access_token_needed"),
        (Method::POST, "/refresh", "refresh", ""),
        (Method::POST, "/refresh", "access", "refresh_token_needed"),
        (Method::POST, "/refresh", "other", "refresh_token_needed"),
        (Method::POST, "/layer", "refresh", ""),
        (Method::POST, "/layer", "access", "refresh_token_needed"),
    ] {
        let answer = send(&app, request(method, path, &[&of(kind)])).await;
        let told = if answer.status.is_success() {
            String::new()
        } else {
            answer.code().await
        };
        assert_eq!(told, code, "{path} {kind}");
    }
    let without = send(&app, request(Method::POST, "/refresh", &[&bearer("")])).await;
    assert_eq!(without.code().await, "token_claim_missing");
}

#[tokio::test]
async fn a_handler_of_ones_own_verifies_what_stands_in_a_body() {
    let csrf = Csrf::new([5; 32], ["https://app.example"]).form_field("csrf");
    let guard = guard()
        .token_from_cookie(TokenCookie::host("access"), csrf.clone())
        .token_from_form("token")
        .token_from_json("token");
    let good = token(r#","sid":"s""#);
    let form = "application/x-www-form-urlencoded";
    let cookie = format!("__Host-access={good}");
    let shown = csrf.token("s");
    for (kind, cookie, body, expected) in [
        (form, "", format!("token={good}"), "ada"),
        (form, "", "token=bad".to_owned(), "token_malformed"),
        (
            form,
            "",
            format!("token={good}&token={good}"),
            "credentials_ambiguous",
        ),
        (form, "", "other=1".to_owned(), "none"),
        (
            form,
            &*cookie,
            format!("token={good}&csrf={shown}"),
            "credentials_ambiguous",
        ),
        (form, &*cookie, format!("csrf={shown}"), "ada"),
        (form, &*cookie, "csrf=AAAA".to_owned(), "csrf_token_wrong"),
        (
            form,
            &*cookie,
            format!("csrf={shown}&csrf={shown}"),
            "csrf_token_wrong",
        ),
        (form, &*cookie, String::new(), "csrf_token_missing"),
        (
            "application/json",
            "",
            format!(r#"{{"token":"{good}"}}"#),
            "ada",
        ),
        (
            "application/json",
            "",
            r#"{"token":7}"#.to_owned(),
            "token_malformed",
        ),
        ("application/json", "", "{}".to_owned(), "none"),
        (
            "application/json",
            &*cookie,
            format!(r#"{{"csrf":"{shown}"}}"#),
            "csrf_token_missing",
        ),
    ] {
        let mut request = axum::http::Request::post("/").header("content-type", kind);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert!(guard.reads_body(&head), "{kind}");
        let told = match guard.verify_request(&head, Some(body.as_bytes())).await {
            Ok(Some(verified)) => verified.claims().sub.clone(),
            Ok(None) => "none".to_owned(),
            Err(refusal) => refusal.code().to_owned(),
        };
        assert_eq!(told, expected, "{kind} {body:.40}");
    }
}

#[tokio::test]
async fn the_header_may_be_another_and_caches_are_told() {
    let header = RequestHeader::named(HeaderName::from_static("x-api-token"));
    let plain = guard().token_from_header(header.clone());
    let schemed = guard().token_from_header(header.scheme("J WT"));
    let older = guard().token_from_header(RequestHeader::named(AUTHORIZATION).scheme("JWT"));
    let good = token("");
    let jwt = format!("jwt {good}");
    for (guard, name, value, expected) in [
        (&plain, "x-api-token", &*good, ""),
        (&plain, "x-api-token", &*jwt, "authorization_malformed"),
        (&plain, "x-api-token", "", "authorization_malformed"),
        (&plain, "authorization", &*bearer(""), "token_missing"),
        (&schemed, "x-api-token", &*jwt, ""),
        (&schemed, "x-api-token", &*good, "authorization_malformed"),
        (&older, "authorization", &*jwt, ""),
        (&older, "authorization", &*bearer(""), "token_missing"),
    ] {
        let app = Router::new()
            .route("/", get(async || {}))
            .layer(guard.layer());
        let request = axum::http::Request::get("/").header(name, value);
        let answer = send(&app, request.body(axum::body::Body::empty()).unwrap()).await;
        let kept = answer.header("cache-control").map(str::to_owned);
        if expected.is_empty() {
            assert_eq!(answer.status, 200, "{name}: {value:.10}");
            assert_eq!(kept.is_some(), name == "x-api-token", "{name}");
        } else {
            assert_eq!(answer.code().await, expected, "{name}: {value:.10}");
        }
    }
    let refused = get_with(
        &Router::new()
            .route("/", get(async || {}))
            .layer(older.layer()),
        "/",
        &[],
    )
    .await;
    assert_eq!(refused.challenge, r#"JWT reason="token_missing""#);
}

#[tokio::test]
async fn a_guard_may_be_narrowed_for_one_route() {
    let wide = guard().token_from_query(TokenQuery::named("t").prefix("Bearer "));
    let narrow = wide.clone().only_from([Place::Header]);
    let app = Router::new()
        .route("/wide", get(async || {}).layer(wide.layer()))
        .route("/narrow", get(async || {}).layer(narrow.layer()))
        .route(
            "/place",
            get(async |caller: Principal| format!("{:?}", caller.place())),
        )
        .with_state(wide);
    let query = format!("t=Bearer%20{}", token(""));
    assert_eq!(
        get_with(&app, &format!("/wide?{query}"), &[]).await.status,
        200
    );
    let refused = get_with(&app, &format!("/narrow?{query}"), &[]).await;
    assert_eq!(refused.code().await, "token_missing");
    let both = format!("/narrow?{query}");
    assert_eq!(get_with(&app, &both, &[&bearer("")]).await.status, 200);
    let stood = get_with(&app, &format!("/place?{query}"), &[]).await;
    assert_eq!(stood.text().await, "Query");
    let bare = get_with(&app, &format!("/wide?t={}", token("")), &[]).await;
    assert_eq!(bare.code().await, "token_malformed");
}
