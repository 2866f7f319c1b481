//! How a request carries a token in each place.

use axum::body::Body;
use axum::http::{Request, header};
use keystile::{Csrf, Guard, TokenCookie};

const NAME: &str = "token";
const ORIGIN: &str = "https://app.example";

/// Where a token may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Header,
    Query,
    Cookie,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Header, Self::Query, Self::Cookie];
}

/// Whether this way of guarding looks there.
pub(crate) const fn is_read(place: Place, _way: &str) -> bool {
    match place {
        Place::Header | Place::Query | Place::Cookie => true,
    }
}

fn csrf() -> Csrf {
    Csrf::new([9; 32], [ORIGIN])
}

/// The guard, with this place switched on.
pub(crate) fn reading(place: Place, guard: Guard) -> Guard {
    match place {
        Place::Header => guard,
        Place::Query => guard.token_from_query(NAME),
        Place::Cookie => guard.token_from_cookie(TokenCookie::on_loopback(NAME), csrf()),
    }
}

/// A request but for its path.
#[derive(Default)]
pub(crate) struct Asking {
    method: &'static str,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Asking {
    pub(crate) fn at(&self, path: &str) -> Request<Body> {
        let uri = format!("{path}?{}", self.query);
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }
}

/// A token there, and whatever else the place demands.
pub(crate) fn with(place: Place, token: &str) -> Asking {
    holding(place, &[token])
}

/// Two tokens there.
pub(crate) fn with_two(place: Place, token: &str) -> Asking {
    holding(place, &[token, token])
}

/// A request as it comes with a token there, and there is none.
pub(crate) fn without(place: Place) -> Asking {
    holding(place, &[])
}

fn holding(place: Place, tokens: &[&str]) -> Asking {
    let pairs = |between: &str| {
        let mut pairs = vec!["other=1".to_owned()];
        pairs.extend(tokens.iter().map(|token| format!("{NAME}={token}")));
        pairs.join(between)
    };
    let get = Asking {
        method: "GET",
        ..Asking::default()
    };
    match place {
        Place::Header => tokens.iter().fold(get, |asking, token| {
            asking.header(header::AUTHORIZATION.as_str(), format!("Bearer {token}"))
        }),
        Place::Query => Asking {
            query: pairs("&"),
            ..get
        },
        Place::Cookie => Asking {
            method: "POST",
            ..get
        }
        .header("cookie", pairs("; "))
        .header("x-csrf-token", csrf().token("ada-session"))
        .header("origin", ORIGIN),
    }
}
