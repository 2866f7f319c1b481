//! The shape of the answers to refusals.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::answer::Answer;
use crate::{Guard, Refusal};

pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A shape of the answers to refusals, as a type: given to [`Guard::refusals_as`] for an application,
/// to [`GuardLayer::refusals_as`](super::GuardLayer::refusals_as) for a route or a router. A closure is the shorter way: [`Guard::refusals`].
///
/// A ready one may be asked for what the application has no words of its own for:
///
/// ```
/// # #[cfg(feature = "tower")] {
/// use http::{Response, request::Parts};
/// use keystile::http::{Answer, ProblemJson, RefusalShape};
/// use keystile::{Guard, Reason, Refusal};
///
/// struct Ours;
///
/// impl RefusalShape for Ours {
///     fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Answer {
///         if refusal.reason() != Reason::TokenMissing {
///             return ProblemJson.answer(guard, refusal, request);
///         }
///         let mut answer = Response::new("Sign in first.".to_owned());
///         *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
///         answer.into()
///     }
/// }
///
/// let guard = Guard::hs256([7; 32])?.refusals_as(Ours);
/// # }
/// # Ok::<(), keystile::KeyError>(())
/// ```
pub trait RefusalShape: Send + Sync + 'static {
    /// The status, the headers and the body for this refusal by this guard. `WWW-Authenticate`, `Retry-After` and `Cache-Control` are added where
    /// they are wanted and not there.
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Answer;
}

/// A closure's.
pub(super) struct Given<F>(pub(super) F);

impl<F, A> RefusalShape for Given<F>
where
    F: Fn(&Refusal, &Parts) -> A + Send + Sync + 'static,
    A: Into<Answer>,
{
    fn answer(&self, _: &Guard, refusal: &Refusal, request: &Parts) -> Answer {
        (self.0)(refusal, request).into()
    }
}

/// `application/problem+json` (RFC 9457): `status`, the reason's `code`, and in `detail` what to do about it. The shape unless another is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProblemJson;

impl RefusalShape for ProblemJson {
    fn answer(&self, _: &Guard, refusal: &Refusal, _: &Parts) -> Answer {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        Answer::ready(status.as_u16(), PROBLEM_JSON, problem(refusal, status))
    }
}

/// A problem document (RFC 9457).
pub(super) fn problem(refusal: &Refusal, status: StatusCode) -> Bytes {
    let mut body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": refusal.code(),
        "detail": refusal.describe(),
    });
    if let Some(claim) = refusal.claim() {
        body["claim"] = claim.into();
    }
    if let Some(needed) = refusal.needed() {
        body["needed"] = needed.into();
    }
    body.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one verified the other need not verify again, nor remember twice.
    #[test]
    fn a_guard_of_another_shape_shares_the_memory() {
        let guard = Guard::hs256([7; 32]).unwrap();
        let memory = |guard: &Guard| guard.remembered().map(std::ptr::from_ref);
        for derived in [
            guard.clone().refusals_as(ProblemJson),
            guard
                .clone()
                .refusals(|_, _| http::Response::new(String::new())),
            guard.clone().on_refusal(|_, _| {}),
        ] {
            assert!(memory(&derived).is_some() && memory(&derived) == memory(&guard));
        }
    }
}
