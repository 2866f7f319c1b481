//! A shape of the answers as a type.

use http::request::Parts;
use keystile::http::{Answer, FlaskJwtExtended, ProblemJson, RefusalShape};
use keystile::{Reason, Refusal};

use super::*;

/// Its own words for one reason, ready ones for the others.
struct Ours;

impl RefusalShape for Ours {
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Answer {
        match refusal.reason() {
            Reason::TokenMissing => Response::new("who?".to_owned()).into(),
            Reason::TokenMalformed => ProblemJson.answer(guard, refusal, request),
            _ => FlaskJwtExtended::new().answer(guard, refusal, request),
        }
    }
}

#[tokio::test]
async fn an_application_adds_words_of_its_own_to_a_ready_shape() {
    let layer = guard().layer().refusals_as(Ours);
    let app = layer.require::<Admin>().layer(Inner(hello));
    let answer = send(&app, request("")).await;
    assert_eq!(answer.status(), 200, "the status is the shape's");
    assert_eq!(
        header(&answer, "www-authenticate"),
        Some("Bearer reason=\"token_missing\"")
    );
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    assert_eq!(text(answer).await, "who?");
    let answer = send(&app, request("Bearer x")).await;
    assert_eq!(
        header(&answer, "content-type"),
        Some("application/problem+json")
    );
    let answer = send(&app, bearer("")).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(
        text(answer).await,
        r#"{"msg":"User claims verification failed"}"#
    );
}
