//! Any Authorization header and any query: nothing panics, and nobody gets in without a token.
#![no_main]

use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, Request, header};
use keystile::{Guard, Principal};
use libfuzzer_sys::fuzz_target;
use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

/// Made once: a guard has room for tokens that it remembers, and making it takes longer than asking it.
static GUARD: LazyLock<Guard> =
    LazyLock::new(|| Guard::hs256([7; 32]).expect("32 bytes").token_from_query("token"));

fuzz_target!(|input: (&[u8], &str)| {
    let uri = format!("/?{}", input.1);
    let Ok(request) = Request::builder().uri(uri).body(()) else {
        return;
    };
    let (mut parts, ()) = request.into_parts();
    if let Ok(value) = HeaderValue::from_bytes(input.0) {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    let found = pin!(<Principal as FromRequestParts<Guard>>::from_request_parts(&mut parts, &*GUARD));
    let Poll::Ready(found) = found.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("an extractor never waits");
    };
    assert!(found.is_err());
});
