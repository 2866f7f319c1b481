//! A refusal as an HTTP answer: RFC 6750, section 3; RFC 9457; RFC 9470.

use std::any::{Any, TypeId};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;

use super::hearing::Heard;
use super::shape::{Given, PROBLEM_JSON, ProblemJson, RefusalShape, problem};
use crate::{Guard, Refusal};

/// How refusals are answered, and who hears of them.
#[derive(Clone, Default)]
pub(crate) struct Answers {
    /// The problem document where there is none.
    pub(super) shape: Option<Arc<dyn RefusalShape>>,
    /// Where the metadata of the resource is to be had (RFC 9728).
    pub(super) metadata: Option<Box<str>>,
    pub(super) heard: Heard,
}

#[cfg(feature = "utoipa")]
impl Answers {
    /// Whether the application gives them a shape of its own.
    pub(crate) const fn are_its_own(&self) -> bool {
        self.shape.is_some()
    }
}

/// The answer to a refusal, whatever its body is made of: [`Guard::refusals`] makes it of a
/// [`Response`] with any body that yields [`Bytes`]. A `String` is one; so are hyper's, axum's and tonic's bodies.
pub struct Answer(Response<Content>);

enum Content {
    Ready(Bytes),
    Other(Box<dyn AnyBody>),
}

impl<B> From<Response<B>> for Answer
where
    B: Body<Data = Bytes> + Send + 'static,
{
    fn from(response: Response<B>) -> Self {
        Self(response.map(|body| Content::Other(Box::new(body))))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.0.status())
            .finish_non_exhaustive()
    }
}

/// A body of some type, which is given back as that type or read to its end.
trait AnyBody: Send {
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn is(&self, of: TypeId) -> bool;
    fn read_now(self: Box<Self>) -> Option<Bytes>;
}

impl<B> AnyBody for B
where
    B: Body<Data = Bytes> + Send + 'static,
{
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn is(&self, of: TypeId) -> bool {
        TypeId::of::<B>() == of
    }

    /// All of it, where it is there at once. `None` where it would have to be waited for, or fails.
    fn read_now(self: Box<Self>) -> Option<Bytes> {
        let mut body = Pin::from(self);
        let mut context = Context::from_waker(Waker::noop());
        let mut whole = Bytes::new();
        loop {
            match body.as_mut().poll_frame(&mut context) {
                Poll::Ready(None) => return Some(whole),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(next) if whole.is_empty() => whole = next,
                    Ok(next) => whole = [whole, next].concat().into(),
                    Err(_trailers) => {}
                },
                Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
            }
        }
    }
}

impl Answer {
    /// A body that is there.
    pub(super) fn ready(status: u16, kind: &'static str, body: Bytes) -> Self {
        let mut response = Response::new(Content::Ready(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Self(response)
    }

    /// With the body that a service answers with.
    fn with_body<B: From<Bytes> + 'static>(self, refusal: &Refusal) -> Response<B> {
        let (mut head, content) = self.0.into_parts();
        let body = match content {
            Content::Ready(bytes) => bytes.into(),
            Content::Other(body) if body.is(TypeId::of::<B>()) => {
                match body.into_any().downcast() {
                    Ok(body) => *body,
                    Err(_) => Bytes::new().into(),
                }
            }
            Content::Other(body) => {
                let bytes = body.read_now().unwrap_or_else(|| {
                    head.headers.remove(CONTENT_LENGTH);
                    let kind = HeaderValue::from_static(PROBLEM_JSON);
                    head.headers.insert(CONTENT_TYPE, kind);
                    problem(refusal, head.status)
                });
                bytes.into()
            }
        };
        Response::from_parts(head, body)
    }
}

impl Guard {
    /// Answers refusals in the application's own shape: status and body are the closure's.
    ///
    /// `WWW-Authenticate`, `Retry-After` and `Cache-Control: no-store` are added where RFC 6750 and RFC 9110 want them
    /// and the answer does not have them.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Json, http::StatusCode, response::IntoResponse};
    /// use keystile::{Guard, Reason};
    ///
    /// let guard = Guard::hs256([7; 32])?.refusals(|refusal, _request| {
    ///     let message = match refusal.reason() {
    ///         Reason::TokenMissing => "Token is missing!",
    ///         Reason::TokenExpired => "Token has expired!",
    ///         _ => "Token is invalid!",
    ///     };
    ///     (StatusCode::UNAUTHORIZED, Json(serde_json::json!({ "message": message }))).into_response()
    /// });
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    ///
    /// Without axum, give a [`Response`] with a `String`:
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// let guard = keystile::Guard::hs256([7; 32])?.refusals(|refusal, _request| {
    ///     let mut answer = http::Response::new(refusal.code().to_owned());
    ///     *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
    ///     answer
    /// });
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    ///
    /// Where a service answers with bodies of another type, the body is read and made into one. One that is not there at once
    /// (a stream) cannot be: such a service answers with the problem document, and the closure's status and headers.
    #[must_use]
    pub fn refusals<A: Into<Answer>>(
        self,
        answer: impl Fn(&Refusal, &Parts) -> A + Send + Sync + 'static,
    ) -> Self {
        self.refusals_as(Given(answer))
    }

    /// Answers refusals in this shape: a ready one ([`ProblemJson`], [`FlaskJwtExtended`](super::FlaskJwtExtended)), or a type of the
    /// application's own. What [`refusals`](Self::refusals) says of headers and of bodies holds here too.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// use keystile::{Guard, http::FlaskJwtExtended};
    ///
    /// let guard = Guard::hs256([7; 32])?.refusals_as(FlaskJwtExtended::new().error_key("message"));
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn refusals_as(self, shape: impl RefusalShape) -> Self {
        let shape: Arc<dyn RefusalShape> = Arc::new(shape);
        self.speaking(|settings| settings.answers.shape = Some(shape))
    }

    /// The answer to a refusal, as the extractors and the layer give it, with any body that can be made of bytes: `Full<Bytes>`
    /// for hyper, axum's `Body`. The refusal is counted: see [`refused`](Self::refused).
    pub fn answer<B: From<Bytes> + 'static>(
        &self,
        refusal: &Refusal,
        request: &Parts,
    ) -> Response<B> {
        self.hear(refusal, request);
        let answer = match &self.settings().answers.shape {
            Some(shape) => shape.answer(self, refusal, request),
            None => ProblemJson.answer(self, refusal, request),
        };
        let mut response = answer.with_body(refusal);
        // The answer to HEAD keeps its body here: axum and hyper leave it out and state its true length (RFC 9110,
        // section 8.6, forbids any other).
        self.complete(refusal, response.headers_mut());
        response
    }

    fn complete(&self, refusal: &Refusal, headers: &mut HeaderMap) {
        if !headers.contains_key(WWW_AUTHENTICATE)
            && let Some(challenge) = self.challenge(refusal)
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if refusal.status() == 503 && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}
