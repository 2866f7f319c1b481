//! A refusal as axum's extractors give it.

use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::{Guard, Refusal};

/// Why an extractor refused, with the guard's answer to it. Take `Result<Principal, Rejection>` to decide yourself.
#[derive(Debug)]
pub struct Rejection(Box<(Refusal, Response)>);

impl Rejection {
    pub(super) fn new(guard: &Guard, refusal: Refusal, request: &Parts) -> Self {
        let response = guard.answer(&refusal, request);
        Self(Box::new((refusal, response)))
    }

    /// With an answer of the application's own.
    pub(super) fn with(refusal: Refusal, answer: Response) -> Self {
        Self(Box::new((refusal, answer)))
    }

    /// Why.
    pub fn refusal(&self) -> &Refusal {
        &self.0.0
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.1
    }
}
