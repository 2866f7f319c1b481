//! Any Authorization header, cookies, query and what stands beside them: nothing panics, and nobody gets in without a token.
#![no_main]

use axum::extract::FromRequestParts;
use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use keystile::{Csrf, Guard, Principal, TokenCookie};
use libfuzzer_sys::fuzz_target;
use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

/// Made once: a guard has room for tokens that it remembers, and making it takes longer than asking it.
static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let csrf = Csrf::new([9; 32], ["https://app.example"]);
    Guard::hs256([7; 32])
        .expect("32 bytes")
        .token_from_query("token")
        .token_from_cookie(TokenCookie::on_loopback("t"), csrf)
});

fuzz_target!(|input: (Vec<&[u8]>, Vec<&[u8]>, &[u8], bool, &str)| {
    let (authorizations, cookies, beside, changes, query) = input;
    let uri = format!("/?{query}");
    let method = if changes { Method::POST } else { Method::GET };
    let Ok(request) = Request::builder().method(method).uri(uri).body(()) else {
        return;
    };
    let (mut parts, ()) = request.into_parts();
    let mut put = |name: HeaderName, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            parts.headers.append(name, value);
        }
    };
    for value in authorizations {
        put(header::AUTHORIZATION, value);
    }
    for value in cookies {
        put(header::COOKIE, value);
    }
    for name in [header::ORIGIN, header::UPGRADE, HeaderName::from_static("x-csrf-token")] {
        put(name, beside);
    }
    let found = pin!(<Principal as FromRequestParts<Guard>>::from_request_parts(&mut parts, &*GUARD));
    let Poll::Ready(found) = found.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("an extractor never waits");
    };
    assert!(found.is_err());
});
