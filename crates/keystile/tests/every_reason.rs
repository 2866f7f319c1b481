//! Each reason of the list can be had, and none is had that is not in the list.
#![cfg(feature = "axum")]

mod common;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::{Request, header};
use common::{HEADER, NOW, SECRET, clock, encode, hs256, hs256_keys, payload};
use keystile::{
    Csrf, Fresh, Guard, OpaqueToken, Principal, REFRESH_TOKEN_PREFIX, Random, Reason, Requirement,
    Revocations, Timestamp, TokenCookie, Trust, Verifier, WhenStale,
};

keystile::role!(Admin = "admin");
keystile::scope!(Read = "read");

fn of_request(guard: &Guard, headers: &[&str]) -> Reason {
    let mut request = Request::builder().uri("/");
    for value in headers {
        request = request.header(header::AUTHORIZATION, *value);
    }
    refused(guard, request.body(()).unwrap())
}

fn of_posted(guard: &Guard, headers: &[(&str, &str)]) -> Reason {
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    refused(guard, request.body(()).unwrap())
}

fn refused(guard: &Guard, request: Request<()>) -> Reason {
    let count = request.headers().len();
    let (mut parts, ()) = request.into_parts();
    let found = pin!(<Principal as FromRequestParts<Guard>>::from_request_parts(
        &mut parts, guard
    ));
    match found.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(refused)) => refused.refusal().reason(),
        _ => panic!("a request with {count} headers was let in, or waits"),
    }
}

fn guard() -> Guard {
    Guard::new(
        Verifier::new(Trust {
            issuer: "ours".into(),
            audience: "cakes".into(),
            token_type: "at+jwt".into(),
            keys: hs256_keys(),
        })
        .require_claim("type", "access")
        .clock(clock()),
    )
}

fn good(more: &str) -> String {
    let members = r#","iss":"ours","aud":"cakes","type":"access""#;
    hs256(HEADER, &payload(&format!("{members}{more}")))
}

fn tokens() -> Vec<String> {
    let body = payload(r#","iss":"ours","aud":"cakes","type":"access""#);
    let header = |text: &str| hs256(text, &body);
    let claims = |text: &str| hs256(HEADER, text);
    vec![
        "x".repeat(20_000),
        "a.b".to_owned(),
        header(r#"{"alg":"HS256","alg":"HS256"}"#),
        header(r#"{"alg":"HS256","crit":[]}"#),
        header(r#"{"alg":"none"}"#),
        header(r#"{"alg":"HS256","kid":"?"}"#),
        format!("{}.{}.{}", encode(HEADER), encode(&body), encode([0; 32])),
        header(r#"{"alg":"HS256","typ":"JWT"}"#),
        claims(&payload(r#","iss":7"#)),
        claims(&payload(r#","iss":"theirs""#)),
        claims(&payload(r#","iss":"ours","aud":"tea""#)),
        claims(&payload(r#","iss":"ours","aud":"cakes""#)),
        claims(&payload(r#","iss":"ours","aud":"cakes","type":"other""#)),
        OpaqueToken::generate(REFRESH_TOKEN_PREFIX, &Random::seeded(1))
            .expose()
            .to_owned(),
        claims(&body.replace(&(NOW + 900).to_string(), &NOW.to_string())),
        good(&format!(r#","nbf":{}"#, NOW + 100)),
        good(&format!(r#","iat":{}"#, NOW + 100)),
    ]
}

#[cfg(feature = "remote")]
fn of_an_issuer_that_is_not_there() -> Reason {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let following = Guard::issuer_at("http://127.0.0.1:1").audience("cakes");
    let guard = following.connect_lazy().unwrap();
    let members = r#","iss":"http://127.0.0.1:1","aud":"cakes""#;
    let refusal = guard.verify(&hs256(HEADER, &payload(members)));
    refusal.unwrap_err().reason()
}

#[test]
fn each_reason_can_be_had() {
    let guard = guard();
    let mut had: Vec<Reason> = tokens()
        .iter()
        .map(|token| guard.verify(token).unwrap_err().reason())
        .collect();

    let token = good(r#","sid":"s""#);
    let verified = guard.verify(&token).unwrap();
    let now = Timestamp::from_seconds(NOW);
    had.push(Admin::check(&verified, now).unwrap_err().reason());
    had.push(Read::check(&verified, now).unwrap_err().reason());
    had.push(Fresh::<60>::check(&verified, now).unwrap_err().reason());

    let exchanging = guard.clone().require_claim("use", "refresh");
    let refusal = exchanging.verify(&good(r#","use":"access""#)).unwrap_err();
    had.push(refusal.reason());

    let bearer = format!("Bearer {token}");
    had.push(of_request(&guard, &[]));
    had.push(of_request(&guard, &["Bearer"]));
    had.push(of_request(&guard, &[&bearer, &bearer]));

    let by_cookie = guard.clone().token_from_cookie(
        TokenCookie::on_loopback("access"),
        Csrf::new([1; 32], ["https://ours"]),
    );
    let cookie = format!("access={token}");
    for more in [
        ("origin", "https://theirs"),
        ("x-other", ""),
        ("x-csrf-token", "AAAA"),
    ] {
        had.push(of_posted(&by_cookie, &[("cookie", cookie.as_str()), more]));
    }

    let revocations = Revocations::new();
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    let followed = guard.revocations(revocations.clone());
    had.push(of_request(&followed, &[&bearer]));
    revocations.revoke_session(Some("ours"), "s", Timestamp::MAX);
    had.push(of_request(&followed, &[&bearer]));

    #[cfg(feature = "remote")]
    had.push(of_an_issuer_that_is_not_there());
    // Without the feature nobody's keys are fetched, so they are never unknown.
    #[cfg(not(feature = "remote"))]
    had.push(Reason::KeysUnknown);

    let codes: BTreeSet<_> = had.iter().map(|reason| reason.code()).collect();
    let listed: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes, listed);
    assert_eq!(had.len(), Reason::ALL.len(), "each once");
    assert!(Guard::hs256(SECRET).is_ok());
}
