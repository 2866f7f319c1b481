//! Where a request may carry its token, and which it carries.

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};

use super::body::{self, Kind};
use super::csrf::FromCookie;
use super::header::{RequestHeader, Seen};
use super::query::TokenQuery;
use crate::{Guard, Reason, Refusal, Verified};

/// Where in a request a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The header: `Authorization: Bearer`, or the one that [`Guard::token_from_header`] names.
    Header,
    /// The cookie that [`Guard::token_from_cookie`] names.
    Cookie,
    /// The query's parameter that [`Guard::token_from_query`] names; on GET and HEAD only.
    Query,
    /// The field of an `application/x-www-form-urlencoded` body that [`Guard::token_from_form`] names.
    Form,
    /// The member of an `application/json` body's outermost object that [`Guard::token_from_json`] names.
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
    pub(crate) token: Cow<'r, str>,
    pub(crate) place: Place,
}

/// What of a request is looked at before its body.
#[derive(Clone, Copy)]
pub(crate) struct Head<'r> {
    pub(super) method: &'r Method,
    uri: &'r Uri,
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

/// Where a guard looks for a token, and what each place is called.
#[derive(Clone)]
pub(crate) struct Places {
    /// In which order; what is not among them is not looked at.
    order: Vec<Place>,
    header: RequestHeader,
    pub(super) cookie: Option<FromCookie>,
    query: Option<TokenQuery>,
    form: Option<Box<str>>,
    json: Option<Box<str>>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            order: vec![Place::Header],
            header: RequestHeader::bearer(),
            cookie: None,
            query: None,
            form: None,
            json: None,
        }
    }
}

impl Places {
    /// The scheme of a challenge.
    pub(crate) fn scheme(&self) -> &str {
        self.header.challenged()
    }

    /// The ways to send a token that RFC 6750, section 2 knows, as far as they are switched on: not those with names of the
    /// application's own.
    pub(super) fn bearer_methods(&self) -> impl Iterator<Item = &'static str> {
        const NAME: &str = "access_token";
        self.order.iter().filter_map(|place| match place {
            Place::Header => (self.header == RequestHeader::bearer()).then_some("header"),
            Place::Form => (self.form.as_deref() == Some(NAME)).then_some("body"),
            Place::Query => (self.query == Some(NAME.into())).then_some("query"),
            Place::Cookie | Place::Json => None,
        })
    }

    /// Whether a body may ever have to be read.
    pub(super) const fn may_read_bodies(&self) -> bool {
        self.form.is_some() || self.json.is_some() || self.cookie.is_some()
    }

    /// Looks there too, after the others.
    pub(super) fn add(&mut self, place: Place) {
        if !self.order.contains(&place) {
            self.order.push(place);
        }
    }

    const fn is_switched_on(&self, place: Place) -> bool {
        match place {
            Place::Header => true,
            Place::Cookie => self.cookie.is_some(),
            Place::Query => self.query.is_some(),
            Place::Form => self.form.is_some(),
            Place::Json => self.json.is_some(),
        }
    }

    fn only(&mut self, places: impl IntoIterator<Item = Place>) {
        self.order.clear();
        for place in places {
            if self.is_switched_on(place) {
                self.add(place);
            }
        }
    }

    /// The one token of a request; `None` if there is none. What is not its own is not looked at: neither a body that was not
    /// read, nor one that the headers say is of another kind.
    fn find<'r>(
        &self,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Option<Found<'r>>, Refusal> {
        if self.order == [Place::Header] {
            let seen = self.header.find(head.headers)?;
            return Ok(seen.token().map(|token| Found {
                token,
                place: Place::Header,
            }));
        }
        let (mut found, mut foreign) = (None, false);
        for &place in &self.order {
            match self.look(place, head, body)? {
                Seen::Nothing => {}
                Seen::Foreign => foreign = true,
                Seen::Token(token) => {
                    if found.replace(Found { token, place }).is_some() {
                        return Err(Reason::CredentialsAmbiguous.into());
                    }
                }
            }
        }
        if foreign && found.is_some() {
            return Err(Reason::CredentialsAmbiguous.into());
        }
        Ok(found)
    }

    fn look<'r>(
        &self,
        place: Place,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Seen<'r>, Refusal> {
        let body_of = |kind| body.filter(|_| Kind::of(head.method, head.headers) == Some(kind));
        match place {
            Place::Header => return self.header.find(head.headers),
            Place::Cookie => {
                if let Some(from) = &self.cookie {
                    let token = from.cookie.find(head.headers)?;
                    return Ok(token.map_or(Seen::Nothing, |t| Seen::Token(Cow::Borrowed(t))));
                }
            }
            Place::Query => {
                if let Some(query) = &self.query {
                    return query.find(head.method, head.uri);
                }
            }
            Place::Form => {
                if let (Some(name), Some(body)) = (&self.form, body_of(Kind::Form)) {
                    return body::in_form(body, name);
                }
            }
            Place::Json => {
                if let (Some(name), Some(body)) = (&self.json, body_of(Kind::Json)) {
                    return body::in_json(body, name);
                }
            }
        }
        Ok(Seen::Nothing)
    }
}

/// What an answer must say to caches, since its request's token stood where they do not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// They know the header.
    Theirs,
    /// `no-store`, unless the answer says something else.
    NoStoreUnlessSaid,
    /// `no-store`, whatever it says: its own URL would be the key to it.
    NoStore,
}

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

    /// Verifies the token of a request in a handler or a service of your own; `None` if it has none. `body` is what was read of the
    /// request, where [`reads_body`](Self::reads_body) asks for it: only so is a token found in a form or in JSON, and a CSRF token in a form. It
    /// waits as [`verify_async`](Self::verify_async) does.
    ///
    /// # Errors
    ///
    /// Every reason but those of what a route asks besides.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{body::to_bytes, extract::Request};
    /// use keystile::{Guard, Reason, Refusal};
    ///
    /// async fn whose(guard: Guard, request: Request) -> Result<String, Refusal> {
    ///     let (head, body) = request.into_parts();
    ///     let body = if guard.reads_body(&head) {
    ///         Some(to_bytes(body, 64 * 1024).await.map_err(|_| Reason::TokenMissing)?)
    ///     } else {
    ///         None
    ///     };
    ///     let verified = guard.verify_request(&head, body.as_deref()).await?;
    ///     Ok(verified.ok_or(Reason::TokenMissing)?.claims().sub.clone())
    /// }
    /// let guard = Guard::hs256([7; 32])?.token_from_json("access_token");
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    pub async fn verify_request(
        &self,
        request: &Parts,
        body: Option<&[u8]>,
    ) -> Result<Option<Arc<Verified>>, Refusal> {
        let head = Head::from(request);
        let Some(found) = self.find(head, body)? else {
            return Ok(None);
        };
        let verified = self.verify_async(&found.token).await?;
        self.check_csrf(found.place, head, body, &verified)?;
        Ok(Some(verified))
    }

    /// Whether [`verify_request`](Self::verify_request) has to be given this request's body: its token may stand in it, or the CSRF
    /// token of one in a cookie.
    pub fn reads_body(&self, request: &Parts) -> bool {
        self.looks_in_body(request.into())
    }

    pub(super) fn looks_in_body(&self, head: Head<'_>) -> bool {
        let places = &self.settings().places;
        let looks_in = |place| places.order.contains(&place);
        let of_kind = |kind| Kind::of(head.method, head.headers) == Some(kind);
        (looks_in(Place::Form) && of_kind(Kind::Form))
            || (looks_in(Place::Json) && of_kind(Kind::Json))
            || (looks_in(Place::Cookie) && self.csrf_is_in_form(head))
    }

    /// The one token of a request; `None` if there is none. `body` is what was read of it, where
    /// [`reads_body`](Self::reads_body) says so. Refused here too: a token in a cookie that another site's page sent.
    pub(crate) fn find<'r>(
        &self,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Option<Found<'r>>, Refusal> {
        let found = self.settings().places.find(head, body)?;
        if let Some(found) = &found {
            self.check_origin_of(found.place, head)?;
        }
        Ok(found)
    }

    /// The token of the header, whatever this guard's other places are.
    #[cfg(feature = "axum")]
    pub(crate) fn find_in_header<'r>(
        &self,
        headers: &'r HeaderMap,
    ) -> Result<Option<Cow<'r, str>>, Refusal> {
        let seen = self.settings().places.header.find(headers)?;
        Ok(seen.token())
    }

    /// What an answer to a request with its token there says to caches.
    pub(crate) fn caching(&self, place: Place) -> Caching {
        match place {
            Place::Header if self.settings().places.header.keeps_caches_away() => Caching::Theirs,
            Place::Header | Place::Cookie | Place::Form | Place::Json => Caching::NoStoreUnlessSaid,
            Place::Query => Caching::NoStore,
        }
    }
}

#[cfg(test)]
mod tests;
