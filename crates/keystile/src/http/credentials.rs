//! What a guard is told of where a request may carry its token.

use super::header::RequestHeader;
use super::place::Place;
use super::query::TokenQuery;
use crate::Guard;

impl Guard {
    /// Takes a token from this header in place of `Authorization: Bearer`.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::http::HeaderName;
    /// use keystile::{Guard, RequestHeader};
    ///
    /// let header = RequestHeader::named(HeaderName::from_static("x-api-token"));
    /// let guard = Guard::hs256([7; 32])?.token_from_header(header);
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn token_from_header(self, header: RequestHeader) -> Self {
        self.with(|settings| {
            settings.places.header = header;
            settings.places.add(Place::Header);
        })
    }

    /// Takes a token from this parameter of the query too, on GET and HEAD only.
    ///
    /// Prefer the header: URLs end up in logs and histories. Wrap such routes in this guard's layer or answer with
    /// `Cache-Control: no-store` yourself; an extractor alone cannot mark a handler's answer.
    #[must_use]
    pub fn token_from_query(self, query: impl Into<TokenQuery>) -> Self {
        let query = query.into();
        self.with(|settings| {
            settings.places.query = Some(query);
            settings.places.add(Place::Query);
        })
    }

    /// Takes a token from this field of a form too (`application/x-www-form-urlencoded`; RFC 6750, section 2.2), but not on GET or
    /// HEAD.
    ///
    /// A layer that is told to, by [`reading_bodies`](crate::GuardLayer::reading_bodies), reads the body and passes it on.
    /// [`verify_request`](Self::verify_request) looks there too, with the body that the application has read. Any other layer and the
    /// extractors read no body, and find no token in one.
    #[must_use]
    pub fn token_from_form(self, field: impl Into<Box<str>>) -> Self {
        let field = field.into();
        self.with(|settings| {
            settings.places.form = Some(field);
            settings.places.add(Place::Form);
        })
    }

    /// Takes a token from this member of a JSON body's outermost object too (`application/json`), but not on GET or HEAD. A body
    /// that is no JSON object has none; a member that is there and is no string is refused.
    ///
    /// A layer that is told to, by [`reading_bodies`](crate::GuardLayer::reading_bodies), reads the body and passes it on.
    /// [`verify_request`](Self::verify_request) looks there too, with the body that the application has read. Any other layer and the
    /// extractors read no body, and find no token in one.
    #[must_use]
    pub fn token_from_json(self, member: impl Into<Box<str>>) -> Self {
        let member = member.into();
        self.with(|settings| {
            settings.places.json = Some(member);
            settings.places.add(Place::Json);
        })
    }

    /// Looks in these places only, in this order: for one route, or to leave the header out. A place that was not switched on
    /// stays off.
    ///
    /// A guard looks in all its places, whatever it finds in the first: two tokens are refused, and no bad one is replaced by
    /// another. The order says which fault is told where there are several. Unless this is said, it is the header, and then the order in
    /// which the others were switched on.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{Router, routing::get};
    /// use keystile::{Guard, Place};
    ///
    /// let guard = Guard::hs256([7; 32])?.token_from_query("token");
    /// let by_header = guard.clone().only_from([Place::Header]);
    /// let app: Router = Router::new()
    ///     .route("/file", get(|| async { "a link will do" }).layer(guard.layer()))
    ///     .route("/keys", get(|| async { "a link will not do" }).layer(by_header.layer()));
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn only_from(self, places: impl IntoIterator<Item = Place>) -> Self {
        self.with(|settings| settings.places.only(places))
    }
}
