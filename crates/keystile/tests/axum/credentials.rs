//! Where a token may stand, and what is said of one that does not hold.

use axum::http::{Method, StatusCode, header};

use crate::common::{HEADER, NOW, hs256};
use crate::{app, bearer, get_with, guard, request, send, token};

#[tokio::test]
async fn without_a_token_no_error_is_named() {
    for path in ["/me", "/shop", "/admin", "/all"] {
        let answer = get_with(&app(guard()), path, &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.challenge, r#"Bearer reason="token_missing""#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.code().await, "token_missing");
    }
}

#[tokio::test]
async fn a_token_that_holds_gets_in_with_the_scheme_in_any_case() {
    let app = app(guard());
    let token = token("");
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let answer = get_with(&app, "/me", &[&format!("{scheme} {token}")]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text().await, "ada");
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_told_why() {
    let app = app(guard());
    let expired = hs256(HEADER, &format!(r#"{{"sub":"ada","exp":{NOW}}}"#));
    let answer = get_with(&app, "/me", &[&format!("Bearer {expired}")]).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.challenge,
        "Bearer error=\"invalid_token\", error_description=\"The token has expired; refresh it or sign in again.\", reason=\"token_expired\""
    );
    assert_eq!(answer.code().await, "token_expired");
}

#[tokio::test]
async fn an_authorization_that_cannot_be_read_is_a_bad_request() {
    let app = app(guard());
    let token = token("");
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "",
        "bearer\t",
        &token,
        &format!("Bearer {token} {token}"),
        &format!("Bearer {token},Bearer {token}"),
        &format!("Bearer\t{token}"),
        "B/e x",
        " ",
    ] {
        let answer = get_with(&app, "/me", &[value]).await;
        assert_eq!(answer.status, 400, "{value}");
        assert!(
            answer.challenge.contains(r#"error="invalid_request""#),
            "{value}"
        );
        assert_eq!(answer.code().await, "authorization_malformed", "{value}");
    }
    for bytes in [
        &b"Bearer \xff\xfe"[..],
        "Bearer \u{e9}".as_bytes(),
        "B\u{e9} x".as_bytes(),
    ] {
        let mut binary = request(Method::GET, "/me", &[]);
        let value = header::HeaderValue::from_bytes(bytes).unwrap();
        binary.headers_mut().insert(header::AUTHORIZATION, value);
        assert_eq!(send(&app, binary).await.status, 400);
    }
}

#[tokio::test]
async fn two_headers_and_other_schemes() {
    let app = app(guard());
    let good = bearer("");
    let twice = get_with(&app, "/me", &[&good, &good]).await;
    assert_eq!(
        (twice.status, twice.code().await.as_str()),
        (StatusCode::BAD_REQUEST, "credentials_ambiguous")
    );
    let mixed = get_with(&app, "/me", &["Basic YWRhOnB3", &good]).await;
    assert_eq!(mixed.code().await, "credentials_ambiguous");
    let basic = get_with(&app, "/me", &["Basic YWRhOnB3"]).await;
    assert_eq!(basic.status, 401);
    assert_eq!(basic.challenge, r#"Bearer reason="token_missing""#);
}

#[tokio::test]
async fn the_query_counts_only_where_it_is_switched_on() {
    let token = token("");
    let uri = format!("/me?token={token}");
    let off = get_with(&app(guard()), &uri, &[]).await;
    assert_eq!(off.code().await, "token_missing");
    let app = app(guard().token_from_query("token"));
    assert_eq!(get_with(&app, &uri, &[]).await.status, 200);
    assert_eq!(
        send(&app, request(Method::HEAD, &uri, &[])).await.status,
        200
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = send(&app, request(method, &uri, &[])).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.challenge, r#"Bearer reason="token_missing""#);
    }
    let encoded = uri.replace('.', "%2E").replace("token=", "%74oken=");
    assert_eq!(get_with(&app, &encoded, &[]).await.status, 200);
    for (uri, code) in [
        (format!("{uri}&token={token}"), "credentials_ambiguous"),
        (format!("{uri}&x=1&%74oken="), "credentials_ambiguous"),
        ("/me?token=".to_owned(), "token_malformed"),
        ("/me?token".to_owned(), "token_malformed"),
        ("/me?token=%zz%".to_owned(), "token_malformed"),
        ("/me?token=%ff%00".to_owned(), "token_malformed"),
        ("/me?Token=x&tokens=y&atoken=z".to_owned(), "token_missing"),
    ] {
        assert_eq!(get_with(&app, &uri, &[]).await.code().await, code, "{uri}");
    }
}

#[tokio::test]
async fn a_bad_token_in_one_place_never_falls_through_to_the_other() {
    let app = app(guard().token_from_query("token"));
    let uri = format!("/me?token={}", token(""));
    for authorization in [&bearer(""), "Bearer bad", "Basic YWRhOnB3"] {
        let answer = get_with(&app, &uri, &[authorization]).await;
        assert_eq!(
            answer.code().await,
            "credentials_ambiguous",
            "{authorization}"
        );
    }
    let answer = get_with(&app, &uri, &["Bearer"]).await;
    assert_eq!(answer.code().await, "authorization_malformed");
}
