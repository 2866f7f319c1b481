//! How a request carries a token in each place, and how its body comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use http_body::Frame;
use keystile::{Csrf, Guard, Place, TokenCookie};

const NAME: &str = "token";
const CSRF: &str = "csrf";
const ORIGIN: &str = "https://app.example";
const FORM: &str = "application/x-www-form-urlencoded";

/// How a route is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a layer.
    Layer,
    /// By the extractors of a handler.
    Handler,
    /// By a layer that is told to read bodies.
    Reading,
    /// By a handler that reads the body itself.
    Hand,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Layer, Self::Handler, Self::Reading, Self::Hand];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Layer => "/layer",
            Self::Handler => "/handler",
            Self::Reading => "/reading",
            Self::Hand => "/hand",
        }
    }

    pub(crate) const fn reads_bodies(self) -> bool {
        match self {
            Self::Layer | Self::Handler => false,
            Self::Reading | Self::Hand => true,
        }
    }

    /// Whether a token is seen there: in a body only by who reads it.
    pub(crate) const fn looks_in(self, place: Place) -> bool {
        match place {
            Place::Header | Place::Query | Place::Cookie => true,
            Place::Form | Place::Json => self.reads_bodies(),
        }
    }
}

fn csrf() -> Csrf {
    Csrf::new([9; 32], [ORIGIN]).form_field(CSRF)
}

/// The guard, with this place switched on.
pub(crate) fn reading(place: Place, guard: Guard) -> Guard {
    match place {
        Place::Header => guard,
        Place::Query => guard.token_from_query(NAME),
        Place::Cookie => guard.token_from_cookie(TokenCookie::on_loopback(NAME), csrf()),
        Place::Form => guard.token_from_form(NAME),
        Place::Json => guard.token_from_json(NAME),
    }
}

/// How much of a body is read.
pub(crate) const LIMIT: usize = 64 * 1024;

/// How a body ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Ending {
    #[default]
    Whole,
    /// With more than is read of one, which means nothing.
    TooLong,
    BreaksOff,
    /// Never: nothing more comes.
    Stops,
}

/// A body of one piece, after which it breaks off or stops.
struct Unfinished {
    piece: Option<Bytes>,
    breaks_off: bool,
}

impl http_body::Body for Unfinished {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.breaks_off => Poll::Ready(Some(Err("reset"))),
            None => Poll::Pending,
        }
    }
}

/// A request but for its path.
#[derive(Default)]
pub(crate) struct Asking {
    method: &'static str,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    ending: Ending,
}

impl Asking {
    pub(crate) fn at(&self, path: &str) -> Request<Body> {
        let uri = format!("{path}?{}", self.query);
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(self.body()).unwrap()
    }

    fn body(&self) -> Body {
        let body = self.body.clone();
        let unfinished = |body: String, breaks_off| {
            let piece = Some(body.into());
            Body::new(Unfinished { piece, breaks_off })
        };
        match self.ending {
            Ending::Whole => body.into(),
            Ending::TooLong => {
                let nothing = if body.starts_with('{') { " " } else { "&" };
                (body + &nothing.repeat(LIMIT)).into()
            }
            Ending::BreaksOff => unfinished(body, true),
            Ending::Stops => unfinished(body, false),
        }
    }

    fn form(self, body: String) -> Self {
        let asking = self.header("content-type", FORM);
        Self { body, ..asking }
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

/// As a page of this session sends it.
pub(crate) fn of_session(session: &str, asking: Asking) -> Asking {
    if asking
        .headers
        .iter()
        .all(|(name, _)| *name != "x-csrf-token")
    {
        return asking;
    }
    let asking = asking.without("x-csrf-token");
    asking.header("x-csrf-token", csrf().token(session))
}

/// A token there, and a body that has to be read for it where that can be: for the CSRF token beside a cookie too.
pub(crate) fn with_body(place: Place, token: &str, ending: Ending) -> Asking {
    let asking = with(place, token);
    let asking = match place {
        Place::Header => Asking {
            method: "POST",
            ..asking.form("other=1".to_owned())
        },
        // Looked at on GET only, whose body means nothing.
        Place::Query => asking.form("other=1".to_owned()),
        Place::Cookie => {
            let csrf = csrf().token("ada-session");
            let asking = asking.without("x-csrf-token");
            asking.form(format!("other=1&{CSRF}={csrf}"))
        }
        Place::Form | Place::Json => asking,
    };
    Asking { ending, ..asking }
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
    let post = Asking {
        method: "POST",
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
        Place::Cookie => post
            .header("cookie", pairs("; "))
            .header("x-csrf-token", csrf().token("ada-session"))
            .header("origin", ORIGIN),
        Place::Form => post.form(pairs("&")),
        Place::Json => {
            let member = |token: &&str| format!(", {NAME:?}: {token:?}");
            let members: String = tokens.iter().map(member).collect();
            Asking {
                body: format!("{{\"other\": 1{members}}}"),
                ..post.header("content-type", "application/json")
            }
        }
    }
}
