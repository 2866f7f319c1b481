//! Which places a guard looks in, and the one token that stands there.

use super::body::{self, Kind};
use super::csrf::FromCookie;
use super::header::{RequestHeader, Seen};
use super::place::{Found, Head, Place};
use super::query::TokenQuery;
use crate::{Reason, Refusal};

/// Where a guard looks for a token, and what each place is called.
#[derive(Clone)]
pub(crate) struct Places {
    /// In which order; what is not among them is not looked at.
    pub(super) order: Vec<Place>,
    pub(super) header: RequestHeader,
    pub(super) cookie: Option<FromCookie>,
    pub(super) query: Option<TokenQuery>,
    pub(super) form: Option<Box<str>>,
    pub(super) json: Option<Box<str>>,
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
        if !self.looks_in(place) {
            self.order.push(place);
        }
    }

    pub(super) fn looks_in(&self, place: Place) -> bool {
        self.order.contains(&place)
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

    /// Looks in these and no others, as far as they are switched on.
    pub(super) fn only(&mut self, places: impl IntoIterator<Item = Place>) {
        self.order.clear();
        for place in places {
            if self.is_switched_on(place) {
                self.add(place);
            }
        }
    }

    /// The one token of a request; `None` if there is none. What is not its own is not looked at: neither a body that was not
    /// read, nor one that the headers say is of another kind.
    pub(super) fn find<'r>(
        &self,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Option<Found<'r>>, Refusal> {
        if self.order == [Place::Header] {
            let seen = self.header.find_unread(head.headers)?;
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
                    return Ok(token.map_or(Seen::Nothing, |t| Seen::Token(t.into())));
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
