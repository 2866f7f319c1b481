//! A guard's places as security schemes (`OpenAPI` 3.1, section 4.8.27).

use http::Method;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, OpenIdConnect, SecurityScheme,
};

use crate::entry::Entry;
use crate::http::csrf::Csrf;
use crate::http::header::RequestHeader;
use crate::http::places::Places;
use crate::{Expected, Guard, Place};

const CSRF: &str = "csrf";

/// The schemes of a guard, each by the end of its name.
#[derive(Clone)]
pub(super) struct Schemes {
    /// In the order in which the guard looks.
    of_places: Vec<(Place, Box<str>, SecurityScheme)>,
    /// What requests with the token in a cookie must show beside it.
    csrf: Option<(Csrf, SecurityScheme)>,
    /// Those that are followed.
    issuers: Vec<String>,
}

impl Schemes {
    pub(super) fn of(guard: &Guard) -> Self {
        let places = &guard.settings().places;
        let schemes = places.order.iter().filter_map(|&place| {
            let (name, scheme) = scheme(place, places)?;
            Some((place, name.into(), scheme))
        });
        let mut of_places: Vec<_> = schemes.collect();
        if let Some((_, _, SecurityScheme::Http(http))) = of_places
            .iter_mut()
            .find(|(place, _, _)| *place == Place::Header)
        {
            let issuers = issuers(guard, |_| true);
            http.description =
                (!issuers.is_empty()).then(|| format!("Issued by {}.", issuers.join(", or by ")));
        }
        let from_cookie = places.cookie.as_ref();
        let from_cookie = from_cookie.filter(|_| places.order.contains(&Place::Cookie));
        let csrf = from_cookie.map(|from| (from.csrf.clone(), csrf_header(&from.csrf)));
        Self {
            of_places,
            csrf,
            issuers: issuers(guard, |entry| entry.followed().is_some()),
        }
    }

    /// A scheme for each issuer that is followed.
    pub(super) fn by_open_id_connect(&mut self) {
        for (at, issuer) in self.issuers.clone().iter().enumerate() {
            let issuer = issuer.trim_end_matches('/');
            let url = format!("{issuer}/.well-known/openid-configuration");
            let name = match at {
                0 => "openid".to_owned(),
                _ => format!("openid{}", at + 1),
            };
            self.also_by(
                &name,
                SecurityScheme::OpenIdConnect(OpenIdConnect::new(url)),
            );
        }
    }

    pub(super) fn also_by(&mut self, place: &str, scheme: SecurityScheme) {
        let header = self
            .of_places
            .iter()
            .rposition(|(known, _, _)| *known == Place::Header);
        if let Some(at) = header {
            self.of_places
                .insert(at + 1, (Place::Header, place.into(), scheme));
        }
    }

    /// Every scheme by the end of its name.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &SecurityScheme)> {
        let places = self.of_places.iter();
        let places = places.map(|(_, name, scheme)| (&**name, scheme));
        let csrf = self.csrf.iter().filter(|(csrf, _)| csrf.is_checked());
        places.chain(csrf.map(|(_, scheme)| (CSRF, scheme)))
    }

    /// Of which schemes one is enough on this method; of each, those that it takes together.
    pub(super) fn alternatives(&self, method: &Method) -> Vec<Vec<&str>> {
        let reads_query = [Method::GET, Method::HEAD].contains(method);
        let places = self.of_places.iter();
        let places = places.filter(|(place, _, _)| *place != Place::Query || reads_query);
        let together = places.map(|(place, name, _)| {
            let csrf = self.csrf.iter();
            let beside = csrf.filter(|(csrf, _)| *place == Place::Cookie && csrf.checks(method));
            let mut names = vec![&**name];
            names.extend(beside.map(|_| CSRF));
            names
        });
        together.collect()
    }
}

/// How a token stands in this place. None for a body's: there is no scheme for that.
fn scheme(place: Place, places: &Places) -> Option<(&'static str, SecurityScheme)> {
    match place {
        Place::Header => Some(("header", header(&places.header))),
        Place::Cookie => {
            let cookie = &places.cookie.as_ref()?.cookie;
            let key = ApiKeyValue::new(cookie.name());
            Some(("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(key))))
        }
        Place::Query => {
            let query = places.query.as_ref()?;
            let mut key = ApiKeyValue::new(query.name());
            if !query.before().is_empty() {
                key.description = Some(format!("`{}`, then the token.", query.before()));
            }
            Some(("query", SecurityScheme::ApiKey(ApiKey::Query(key))))
        }
        Place::Form | Place::Json => None,
    }
}

fn header(header: &RequestHeader) -> SecurityScheme {
    if *header == RequestHeader::bearer() {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        return SecurityScheme::Http(bearer.bearer_format("JWT").build());
    }
    let mut key = ApiKeyValue::new(header.name().as_str());
    if let Some(word) = header.word() {
        key.description = Some(format!("`{word}`, a space, then the token."));
    }
    SecurityScheme::ApiKey(ApiKey::Header(key))
}

fn csrf_header(csrf: &Csrf) -> SecurityScheme {
    let about = "The session's CSRF token, beside a token in a cookie.";
    let key = ApiKeyValue::with_description(csrf.header_name().as_str(), about);
    SecurityScheme::ApiKey(ApiKey::Header(key))
}

/// The issuers of these entries, as far as they are named.
fn issuers(guard: &Guard, of: impl Fn(&Entry) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for entry in guard.verifier().entries().iter().filter(|entry| of(entry)) {
        match &entry.issuer {
            Expected::Exactly(name) => names.push(name.clone()),
            Expected::AnyOf(some) => names.extend_from_slice(some),
            Expected::Absent | Expected::Unchecked => {}
        }
    }
    names
}
