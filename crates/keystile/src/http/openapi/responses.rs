//! The answers to refusals, by status.

use std::fmt::Write;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Response, ResponseBuilder};

use crate::http::places::Places;
use crate::{Guard, Place, Reason};

const PROBLEM: &str = "application/problem+json";

/// The statuses of a guard's refusals, and what is answered.
#[derive(Clone)]
pub(super) struct Refusals(Vec<(String, Response)>);

impl Refusals {
    pub(super) fn of(guard: &Guard) -> Self {
        let settings = guard.settings();
        let may_be: Vec<Reason> = Reason::ALL
            .iter()
            .copied()
            .filter(|reason| can_be_given(*reason, &settings.places))
            .collect();
        let mut statuses: Vec<u16> = may_be.iter().map(|reason| reason.status()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let ours = !settings.answers.are_its_own();
        let responses = statuses.into_iter().map(|status| {
            let reasons = may_be.iter().filter(|reason| reason.status() == status);
            let reasons: Vec<Reason> = reasons.copied().collect();
            (status.to_string(), response(status, &reasons, ours))
        });
        Self(responses.collect())
    }

    pub(super) fn by_status(&self) -> impl Iterator<Item = (&str, &Response)> {
        self.0.iter().map(|(status, answer)| (&**status, answer))
    }
}

/// Some reasons only come about where a place is switched on, and one is about another kind of token.
fn can_be_given(reason: Reason, places: &Places) -> bool {
    let looks_in = |place| places.order.contains(&place);
    match reason {
        Reason::BodyTooLarge | Reason::BodyUnreadable | Reason::BodyTooSlow => {
            looks_in(Place::Form) || looks_in(Place::Json) || looks_in(Place::Cookie)
        }
        Reason::OriginRefused | Reason::CsrfTokenMissing | Reason::CsrfTokenWrong => {
            looks_in(Place::Cookie)
        }
        Reason::RefreshTokenNeeded => false,
        _ => true,
    }
}

fn response(status: u16, reasons: &[Reason], ours: bool) -> Response {
    let mut about = "Refused, for one of these reasons:\n".to_owned();
    for reason in reasons {
        // A `String` takes whatever is written to it.
        let _ = write!(about, "\n- `{}`: {}", reason.code(), reason.describe());
    }
    let mut response = ResponseBuilder::new().description(about);
    if ours {
        let codes = reasons.iter().map(|reason| reason.code());
        response = response.content(PROBLEM, problem(codes));
    }
    // As `Guard::answer` completes every answer, whosesoever shape it has.
    let (header, about, kind) = if status >= 500 {
        let about = "After how many seconds to try again.";
        ("Retry-After", about, Type::Integer)
    } else {
        let about = "The challenge (RFC 6750, section 3), with the reason's code.";
        ("WWW-Authenticate", about, Type::String)
    };
    let header_of = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .description(Some(about));
    response.header(header, header_of.build()).build()
}

/// A problem document (RFC 9457) with one of these codes.
fn problem<'c>(codes: impl Iterator<Item = &'c str>) -> utoipa::openapi::Content {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let schema = ObjectBuilder::new()
        .property("type", text())
        .property("title", text())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .property("code", text().enum_values(Some(codes)))
        .property(
            "detail",
            text().description(Some("What is wrong, and what to do about it.")),
        )
        .property("claim", text().description(Some("The claim at fault.")))
        .property(
            "needed",
            text().description(Some("The role or scope that is lacking.")),
        )
        .required("type")
        .required("status")
        .required("code")
        .required("detail");
    ContentBuilder::new().schema(Some(schema)).build()
}
