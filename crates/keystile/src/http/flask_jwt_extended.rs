//! Refusals in the words of Flask-JWT-Extended 4.7, for clients that compare them.

use std::borrow::Cow;

use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::answer::Answer;
use super::header::RequestHeader;
use super::place::Place;
use super::shape::RefusalShape;
use crate::{Guard, Reason, Refusal};

/// Refusals as Flask-JWT-Extended 4.7 answers them: `{"msg": "Token has expired"}`, with its texts and its statuses. For an API that moves and
/// whose clients compare them.
///
/// 401 is said of what is missing, expired, revoked, not fresh, of a CSRF token and of an account that is not there; 422 of every other fault of a
/// token; 400, "User claims verification failed", of a role or a scope that is lacking and of what the application denies. What that library has no words for is told in ours: 422 where the fault is the
/// token's or the header's, else the status of the [`Reason`]. It words some faults in several ways that are one reason here
/// (`Invalid header padding`, for one); the most common is taken. The challenge of RFC 6750 is added, which that library does not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaskJwtExtended {
    key: Box<str>,
}

impl Default for FlaskJwtExtended {
    fn default() -> Self {
        Self::new()
    }
}

impl FlaskJwtExtended {
    /// With the member `msg`.
    pub fn new() -> Self {
        Self { key: "msg".into() }
    }

    /// The member that holds the text, as `JWT_ERROR_MESSAGE_KEY` names it: `msg` unless said otherwise.
    #[must_use]
    pub fn error_key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = key.into();
        self
    }
}

impl RefusalShape for FlaskJwtExtended {
    fn answer(&self, guard: &Guard, refusal: &Refusal, request: &Parts) -> Answer {
        let text = text(guard, refusal, request);
        let body = serde_json::json!({ &*self.key: text }).to_string();
        Answer::ready(status(refusal), "application/json", body.into())
    }
}

fn status(refusal: &Refusal) -> u16 {
    match refusal.reason() {
        Reason::TokenMissing
        | Reason::TokenExpired
        | Reason::TokenRevoked
        | Reason::TokenInactive
        | Reason::AccountUnknown
        | Reason::NotFresh
        | Reason::CsrfTokenMissing
        | Reason::CsrfTokenWrong
        | Reason::OriginRefused => 401,
        Reason::RoleMissing | Reason::ScopeMissing | Reason::AccessDenied => 400,
        _ => match refusal.status() {
            400 | 401 => 422,
            other => other,
        },
    }
}

fn text(guard: &Guard, refusal: &Refusal, request: &Parts) -> Cow<'static, str> {
    let text = match refusal.reason() {
        Reason::TokenMissing => return missing(guard, request).into(),
        Reason::AuthorizationMalformed => {
            let header = &guard.settings().places.header;
            return format!("Bad {} header. {}", shown(header), expected(header)).into();
        }
        Reason::AccountUnknown => return user_unknown(guard, request).into(),
        Reason::TokenClaimMissing => return claim_missing(refusal).into(),
        Reason::TokenClaimMalformed => claim_malformed(refusal),
        Reason::TokenMalformed => "Not enough segments",
        Reason::TokenAlgorithmRefused => "The specified alg value is not allowed",
        Reason::TokenKeyUnknown | Reason::TokenSignatureInvalid => "Signature verification failed",
        Reason::TokenIssuerWrong => "Invalid issuer",
        Reason::TokenAudienceWrong => "Audience doesn't match",
        Reason::TokenExpired => "Token has expired",
        Reason::TokenNotYetValid => "The token is not yet valid (nbf)",
        Reason::TokenIssuedInFuture => "The token is not yet valid (iat)",
        Reason::AccessTokenNeeded => "Only non-refresh tokens are allowed",
        Reason::RefreshTokenNeeded => "Only refresh tokens are allowed",
        Reason::TokenRevoked => "Token has been revoked",
        Reason::NotFresh => "Fresh token required",
        Reason::CsrfTokenMissing => "Missing CSRF token",
        Reason::CsrfTokenWrong => "CSRF double submit tokens do not match",
        Reason::RoleMissing | Reason::ScopeMissing | Reason::AccessDenied => {
            "User claims verification failed"
        }
        _ => refusal.describe(),
    };
    text.into()
}

/// With the caller's name, by the token that was found good just before.
fn user_unknown(guard: &Guard, request: &Parts) -> String {
    let body = guard.body_of(&request.extensions);
    let found = guard.find(request.into(), body).ok().flatten();
    let verified = found.and_then(|found| guard.decide(found.token.text().ok()?, guard.now()).ok());
    let name = verified.map_or(String::new(), |verified| verified.claims().sub.clone());
    format!("Error loading the user {name}")
        .trim_end()
        .to_owned()
}

fn claim_missing(refusal: &Refusal) -> String {
    match refusal.claim().unwrap_or("sub") {
        "sub" => "Missing claim: sub".to_owned(),
        claim => format!("Token is missing the \"{claim}\" claim"),
    }
}

fn claim_malformed(refusal: &Refusal) -> &'static str {
    match refusal.claim() {
        Some("sub") => "Subject must be a string",
        Some("iss") => "Payload Issuer (iss) must be a string",
        Some("aud") => "Invalid claim format in token",
        Some("exp") => "Expiration Time claim (exp) must be an integer.",
        Some("nbf") => "Not Before claim (nbf) must be an integer.",
        Some("iat") => "Issued At claim (iat) must be an integer.",
        Some("jti") => "JWT ID must be a string",
        _ => refusal.describe(),
    }
}

/// That no place had a token, and why each had none.
fn missing(guard: &Guard, request: &Parts) -> String {
    let order = &guard.settings().places.order;
    let why: Vec<String> = order
        .iter()
        .map(|place| missing_in(*place, guard, request))
        .collect();
    let names: Vec<&str> = order.iter().map(|place| location(*place)).collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => {
            let (first, why) = (first.join(", "), why.join("; "));
            format!("Missing JWT in {first} or {last} ({why})")
        }
        _ => why.concat(),
    }
}

/// What the library calls a place; it has none for forms.
const fn location(place: Place) -> &'static str {
    match place {
        Place::Header => "headers",
        Place::Cookie => "cookies",
        Place::Query => "query_string",
        Place::Form => "form",
        Place::Json => "json",
    }
}

fn missing_in(place: Place, guard: &Guard, request: &Parts) -> String {
    let places = &guard.settings().places;
    let named = |name: Option<&str>| name.unwrap_or_default().to_owned();
    match place {
        Place::Header => missing_in_header(&places.header, request),
        Place::Cookie => {
            let name = named(places.cookie.as_ref().map(|from| from.cookie.name()));
            format!("Missing cookie \"{name}\"")
        }
        // Spelt as the library does.
        Place::Query => {
            let name = named(places.query.as_ref().map(|query| &*query.name));
            format!("Missing '{name}' query paramater")
        }
        Place::Form => format!("Missing '{}' form field", named(places.form.as_deref())),
        Place::Json => {
            let kind = request.headers.get(CONTENT_TYPE);
            let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            if is_json {
                let key = named(places.json.as_deref());
                return format!("Missing \"{key}\" key in json data.");
            }
            "Invalid content-type. Must be application/json.".to_owned()
        }
    }
}

fn missing_in_header(header: &RequestHeader, request: &Parts) -> String {
    let name = shown(header);
    match &header.scheme {
        Some(scheme) if request.headers.contains_key(&header.name) => {
            format!(
                "Missing '{scheme}' type in '{name}' header. {}",
                expected(header)
            )
        }
        _ => format!("Missing {name} Header"),
    }
}

fn expected(header: &RequestHeader) -> String {
    let name = shown(header);
    match &header.scheme {
        Some(scheme) => format!("Expected '{name}: {scheme} <JWT>'"),
        None => format!("Expected '{name}: <JWT>'"),
    }
}

/// A header's name as people write it: `X-Api-Token`.
fn shown(header: &RequestHeader) -> String {
    let words = header.name.as_str().split('-');
    let words = words.map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}
