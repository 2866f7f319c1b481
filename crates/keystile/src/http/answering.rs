//! A refusal in the type of body with which a service answers; and as gRPC wants it.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};

use crate::{Guard, Refusal};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Makes a refusal the answer of a service whose bodies are `B`. Every closure that makes one of the guard's own answer does.
pub trait Answering<B> {
    /// The answer to `request`, which the guard refused for this reason.
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Response<B>;

    /// Whether OPTIONS goes to the service without a token, as a browser's preflight must.
    fn lets_preflights_pass(&self) -> bool {
        true
    }
}

/// The guard's answer, in any body that is had `From<Bytes>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct InBytes;

impl<B: From<Bytes> + 'static> Answering<B> for InBytes {
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Response<B> {
        guard.answer(refusal, request)
    }
}

impl<B, F> Answering<B> for F
where
    F: Fn(Response<Bytes>, &Refusal) -> Response<B>,
{
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Response<B> {
        self(guard.answer(refusal, request), refusal)
    }
}

/// An answer of gRPC: no body, and its status in the headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grpc;

impl Grpc {
    /// The status code of gRPC for a refusal: `PERMISSION_DENIED` (7) for what is answered 403 elsewhere, `UNAVAILABLE` (14) for 503,
    /// `UNAUTHENTICATED` (16) for everything else.
    pub const fn status(refusal: &Refusal) -> u8 {
        match refusal.status() {
            403 => 7,
            500.. => 14,
            _ => 16,
        }
    }
}

impl<B: Default> Answering<B> for Grpc {
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Response<B> {
        guard.hear(refusal, request);
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        // gRPC-Web's kinds differ, and its clients want their own back.
        let asked = request.headers.get(CONTENT_TYPE);
        let kind = asked.filter(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let grpc = HeaderValue::from_static("application/grpc");
        headers.insert(CONTENT_TYPE, kind.cloned().unwrap_or(grpc));
        headers.insert(STATUS, HeaderValue::from(u16::from(Self::status(refusal))));
        if let Ok(message) = HeaderValue::try_from(message(&refusal.to_string())) {
            headers.insert(MESSAGE, message);
        }
        if let Some(challenge) = guard.challenge(refusal) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Never: services of gRPC do not look at the method, so a call that says OPTIONS would be served.
    fn lets_preflights_pass(&self) -> bool {
        false
    }
}

/// Written as gRPC over HTTP/2 wants messages: what is not printable ASCII, and `%`, as `%XX` of its UTF-8.
fn message(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn a_message_is_ascii_and_can_be_read_back() {
        assert_eq!(message("a b~"), "a b~");
        assert_eq!(message("5 %\nü"), "5 %25%0A%C3%BC");
    }

    #[test]
    fn every_reason_has_a_status_of_grpc() {
        for reason in Reason::ALL {
            let expected = match reason.status() {
                503 => 14,
                403 => 7,
                _ => 16,
            };
            assert_eq!(Grpc::status(&(*reason).into()), expected, "{reason}");
        }
    }
}
