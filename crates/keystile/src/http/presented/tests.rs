//! Where a token is found, and where it is not.

use http::{Method, Request};

use super::*;
use crate::{Csrf, TokenCookie};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";

const BEARER: Headers = &[("authorization", "Bearer b")];

type Case = (&'static str, Headers, Option<&'static str>, &'static str);
type Headers = &'static [(&'static str, &'static str)];

pub(super) fn everywhere() -> Guard {
    let csrf = Csrf::new([9; 32], ["https://app.example"]).form_field("csrf");
    Guard::hs256([7; 32])
        .unwrap()
        .token_from_cookie(TokenCookie::host("access"), csrf)
        .token_from_query("token")
        .token_from_form("token")
        .token_from_json("token")
}

fn posted(kind: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::post("/?token=ignored").header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// Where the token stood, and its text.
pub(super) fn read(
    guard: &Guard,
    head: Head<'_>,
    body: Option<&[u8]>,
) -> Result<Option<(Place, String)>, Refusal> {
    let text = |found: Found<'_>| Ok((found.place, found.token.text()?.to_owned()));
    guard.find(head, body)?.map(text).transpose()
}

/// Where the token stood and which it is, or why there is none.
fn told(guard: &Guard, request: &Request<()>, body: Option<&str>) -> String {
    match read(guard, request.into(), body.map(str::as_bytes)) {
        Ok(Some((place, token))) => format!("{place:?} {token}"),
        Ok(None) => "none".to_owned(),
        Err(refusal) => refusal.code().to_owned(),
    }
}

#[test]
fn a_body_is_a_place_of_its_own_kind_only() {
    let guard = everywhere();
    let cases: [Case; 11] = [
        (FORM, &[], Some("a=1&token=x"), "Form x"),
        (JSON, &[], Some(r#"{"token":"x"}"#), "Json x"),
        (JSON, &[], Some("token=x"), "none"),
        (FORM, &[], Some(r#"{"token":"x"}"#), "none"),
        ("text/plain", &[], Some("token=x"), "none"),
        (FORM, &[], None, "none"),
        (FORM, BEARER, Some("token=x"), "credentials_ambiguous"),
        (JSON, BEARER, Some(r#"{"token":7}"#), "token_malformed"),
        (JSON, BEARER, Some("{}"), "Header b"),
        (
            FORM,
            &[("authorization", "Basic x")],
            Some("token=x"),
            "credentials_ambiguous",
        ),
        (
            FORM,
            &[("cookie", "__Host-access=c")],
            Some("token=x"),
            "credentials_ambiguous",
        ),
    ];
    for (kind, headers, body, expected) in cases {
        assert_eq!(
            told(&guard, &posted(kind, headers), body),
            expected,
            "{kind} {body:?}"
        );
    }
}

#[test]
fn a_body_is_read_only_where_something_may_stand_in_it() {
    let (form, json) = (posted(FORM, &[]), posted(JSON, &[]));
    let reads = |guard: &Guard| {
        (
            guard.looks_in_body((&form).into()),
            guard.looks_in_body((&json).into()),
        )
    };
    let plain = Guard::hs256([7; 32]).unwrap();
    assert_eq!(reads(&plain), (false, false));
    assert_eq!(reads(&plain.clone().token_from_form("t")), (true, false));
    assert_eq!(reads(&plain.clone().token_from_json("t")), (false, true));
    assert_eq!(reads(&everywhere()), (true, true));
    assert_eq!(
        reads(&everywhere().only_from([Place::Header])),
        (false, false)
    );
    let csrf = everywhere().only_from([Place::Cookie]);
    assert_eq!(reads(&csrf), (true, false));
    let beside = posted(FORM, &[("x-csrf-token", "x")]);
    assert!(!csrf.looks_in_body((&beside).into()));
    let mut got = posted(FORM, &[]);
    *got.method_mut() = Method::GET;
    assert!(!everywhere().looks_in_body((&got).into()));
}

#[test]
fn the_order_says_which_fault_is_told() {
    let request = posted(
        FORM,
        &[("authorization", "Bearer"), ("cookie", "__Host-access=\"")],
    );
    let order = |places: &[Place]| {
        told(
            &everywhere().only_from(places.iter().copied()),
            &request,
            None,
        )
    };
    assert_eq!(
        order(&[Place::Header, Place::Cookie]),
        "authorization_malformed"
    );
    assert_eq!(order(&[Place::Cookie, Place::Header]), "token_malformed");
    assert_eq!(order(&[Place::Form]), "none");
    assert_eq!(order(&[]), "none");
}

#[test]
fn a_place_that_was_not_switched_on_stays_off() {
    let guard = Guard::hs256([7; 32]).unwrap().only_from(Place::ALL);
    let request = posted(FORM, &[("cookie", "__Host-access=c")]);
    assert_eq!(told(&guard, &request, Some("token=x")), "none");
}
