//! A refusal as axum's extractors give it.

use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::http::Passed;
use crate::{Guard, Refusal};

/// Why an extractor refused, with the guard's answer to it. Take `Result<Principal, Rejection>` to decide yourself.
#[derive(Debug)]
pub struct Rejection(Box<(Refusal, Response)>);

impl Rejection {
    pub(super) fn new(guard: &Guard, refusal: Refusal, request: &Parts) -> Self {
        let response = who_answers(guard, request).answer(&refusal, request);
        Self(Box::new((refusal, response)))
    }

    /// With an answer of the application's own.
    pub(super) fn with(guard: &Guard, refusal: Refusal, request: &Parts, answer: Response) -> Self {
        who_answers(guard, request).hear(&refusal, request);
        Self(Box::new((refusal, answer)))
    }

    /// Why.
    pub fn refusal(&self) -> &Refusal {
        &self.0.0
    }
}

/// The guard of the layer that the request came through, where it is this one but for its answers: those are the route's.
fn who_answers<'r>(guard: &'r Guard, request: &'r Parts) -> &'r Guard {
    let passed = request.extensions.get::<Passed>();
    let passed = passed.map(|passed| &passed.guard);
    passed
        .filter(|other| other.judges_as(guard))
        .unwrap_or(guard)
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.1
    }
}
