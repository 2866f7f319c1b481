//! Where in a request a token may stand, and what is looked at to find it.

use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};

use crate::sent::Sent;

/// Where in a request a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The header: `Authorization: Bearer`, or the one that [`Guard::token_from_header`](crate::Guard::token_from_header) names.
    Header,
    /// The cookie that [`Guard::token_from_cookie`](crate::Guard::token_from_cookie) names.
    Cookie,
    /// The query's parameter that [`Guard::token_from_query`](crate::Guard::token_from_query) names; on GET and HEAD only.
    Query,
    /// The field of an `application/x-www-form-urlencoded` body that [`Guard::token_from_form`](crate::Guard::token_from_form) names.
    Form,
    /// The member of an `application/json` body's outermost object that [`Guard::token_from_json`](crate::Guard::token_from_json) names.
    Json,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 5] = [
        Self::Header,
        Self::Cookie,
        Self::Query,
        Self::Form,
        Self::Json,
    ];
}

/// A token as a request carries it.
#[derive(Debug, PartialEq)]
pub(crate) struct Found<'r> {
    pub(crate) token: Sent<'r>,
    pub(crate) place: Place,
}

/// What of a request is looked at before its body.
#[derive(Clone, Copy)]
pub(crate) struct Head<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r HeaderMap,
}

impl<'r> From<&'r Parts> for Head<'r> {
    fn from(parts: &'r Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
        }
    }
}

impl<'r> From<&'r mut Parts> for Head<'r> {
    fn from(parts: &'r mut Parts) -> Self {
        Self::from(&*parts)
    }
}

impl<'r, B> From<&'r Request<B>> for Head<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        }
    }
}
