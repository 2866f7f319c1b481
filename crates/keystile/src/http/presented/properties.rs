//! Whatever a request is made of: what is found is what was put there, or nothing.

use std::sync::LazyLock;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{FORM, JSON, everywhere, read};
use super::*;
use crate::{Reason, RequestHeader, TokenCookie};

const ORIGIN: &str = "https://app.example";

static EVERYWHERE: LazyLock<Guard> = LazyLock::new(everywhere);

/// A request before it is one.
#[derive(Clone, Debug, Default)]
struct Sent {
    method: &'static str,
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn of(place: Place) -> Self {
        let method = match place {
            Place::Query | Place::Header => "GET",
            Place::Cookie | Place::Form | Place::Json => "POST",
        };
        let mut sent = Self {
            method,
            ..Self::default()
        };
        match place {
            Place::Form => sent.headers.push(("content-type", FORM.into())),
            Place::Json => sent.headers.push(("content-type", JSON.into())),
            Place::Header | Place::Query | Place::Cookie => {}
        }
        sent
    }

    /// `None` where HTTP itself has no such request.
    fn head(&self) -> Option<Request<()>> {
        let uri = format!("/?{}", self.query);
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            let name = HeaderName::from_static(name);
            request = request.header(name, HeaderValue::from_bytes(value).ok()?);
        }
        request.body(()).ok()
    }

    /// What the guard makes of it, looking in these places.
    fn told(&self, places: &[Place]) -> Option<Result<Option<(Place, String)>, Reason>> {
        let request = self.head()?;
        let guard = EVERYWHERE.clone().only_from(places.iter().copied());
        let found = read(&guard, (&request).into(), Some(&self.body));
        Some(found.map_err(|refusal| refusal.reason()))
    }
}

/// Text of which a part is often what is looked for.
fn near(parts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => proptest::sample::select(parts).prop_map(|part| part.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    prop_oneof![
        near(&["Bearer", "Basic", " ", "x.y.z", ",", "\t"]).prop_map(|v| ("authorization", v)),
        near(&[
            "__Host-access",
            "=",
            "x.y.z",
            ";",
            " ",
            "\"",
            "__host-access="
        ])
        .prop_map(|v| ("cookie", v)),
        proptest::sample::select(
            &[FORM, JSON, "text/plain", "application/JSON; charset=utf-8"][..]
        )
        .prop_map(|kind| ("content-type", kind.into())),
        near(&[ORIGIN, "null", "https://evil.example"]).prop_map(|v| ("origin", v)),
    ]
}

fn anything() -> impl Strategy<Value = Sent> {
    let methods = &["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"][..];
    let query = near(&["token", "=", "x.y.z", "&", "%74oken=", "+", "%"]);
    let body = near(&[
        "token",
        "=",
        "x.y.z",
        "&",
        "{",
        "}",
        "\"token\":",
        "\"x.y.z\"",
        ",",
        "[",
        "]",
        "7",
        "\\",
    ]);
    (
        proptest::sample::select(methods),
        query,
        vec(header(), 0..4),
        body,
    )
        .prop_map(|(method, query, headers, body)| Sent {
            method,
            query: String::from_utf8_lossy(&query).into_owned(),
            headers,
            body,
        })
}

/// A token as RFC 6750, section 2.1 lets them be.
fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~+/-]{1,40}={0,2}"
}

/// Each byte escaped or not, as a client likes.
fn percent(text: &str, escaped: &[bool]) -> String {
    let mut escaped = escaped.iter().cycle();
    let each = text.bytes().map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain && !escaped.next().copied().unwrap_or_default() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    each.collect()
}

/// Puts a token there as a client does that does it right, and a few other things around it.
fn put(sent: &mut Sent, place: Place, token: &str, escaped: &[bool]) {
    let first = escaped.first().copied().unwrap_or_default();
    match place {
        Place::Header => {
            let scheme = if first { "bEARER  " } else { "Bearer " };
            let value = format!("{scheme}{token}");
            sent.headers.push(("authorization", value.into()));
        }
        Place::Cookie => {
            let other = "access=no; x__Host-access=no; __Host-access2=no; __host-access=no";
            let own = format!("__Host-access={token}");
            let (one, two) = if first {
                (other, &*own)
            } else {
                (&*own, other)
            };
            let line = format!("{one}; {two}");
            sent.headers.push(("cookie", line.into()));
        }
        Place::Query => {
            let name = percent("token", escaped);
            sent.query = format!("a=1&{name}={}&Token=no&tokens", percent(token, escaped));
        }
        Place::Form => {
            let name = percent("token", escaped);
            let form = format!("Token=no&&{name}={}&=token", percent(token, escaped));
            sent.body = form.into();
        }
        Place::Json => {
            let each = token.chars().zip(escaped.iter().cycle());
            let text: String = each
                .map(|(symbol, escaped)| match escaped {
                    true => format!("\\u{:04x}", u32::from(symbol)),
                    false => symbol.to_string(),
                })
                .collect();
            let json =
                format!(r#"{{"a":{{"token":"no"}},"token":"{text}","b":["token",{{"token":7}}]}}"#);
            sent.body = json.into();
        }
    }
}

/// Something there that is no token, or one that is not good.
fn spoil(sent: &mut Sent, place: Place, bad: &str) {
    match place {
        Place::Header => sent.headers.push(("authorization", bad.into())),
        Place::Cookie => {
            let line = format!("__Host-access={bad}");
            sent.headers.push(("cookie", line.into()));
        }
        Place::Query => sent.query = format!("token={}", percent(bad, &[true])),
        Place::Form => sent.body = format!("token={}", percent(bad, &[true])).into(),
        Place::Json => sent.body = serde_json::json!({ "token": bad }).to_string().into(),
    }
}

proptest! {
    /// All places together say what each alone says: one fault is refused, two tokens are refused, one token is that one.
    #[test]
    fn there_are_never_two_answers(sent in anything()) {
        let Some(all) = sent.told(&Place::ALL) else { return Ok(()) };
        let each: Vec<_> = Place::ALL.iter().filter_map(|place| sent.told(&[*place])).collect();
        prop_assert_eq!(each.len(), Place::ALL.len());
        let found: Vec<_> = each.iter().filter_map(|one| one.clone().ok().flatten()).collect();
        let faults: Vec<_> = each.iter().filter_map(|one| one.clone().err()).collect();
        match all {
            Ok(None) => prop_assert!(found.is_empty() && faults.is_empty()),
            Ok(Some(one)) => {
                prop_assert!(faults.is_empty(), "{faults:?}");
                prop_assert_eq!(found, [one]);
            }
            Err(Reason::CredentialsAmbiguous) => {
                let foreign = sent.headers.iter().any(|(name, _)| *name == "authorization");
                let several = found.len() + usize::from(foreign) > 1;
                prop_assert!(several || faults.contains(&Reason::CredentialsAmbiguous));
            }
            Err(reason) => prop_assert!(faults.contains(&reason), "{reason} of {faults:?}"),
        }
        // No order of the places lets in what another one refuses.
        let mut other = Place::ALL;
        other.reverse();
        let other = sent.told(&other).map(Result::ok);
        prop_assert_eq!(other, sent.told(&Place::ALL).map(Result::ok));
    }

    #[test]
    fn a_token_is_found_as_it_was_put_in(
        place in proptest::sample::select(&Place::ALL[..]), token in token(),
        escaped in vec(any::<bool>(), 1..8),
    ) {
        let mut sent = Sent::of(place);
        put(&mut sent, place, &token, &escaped);
        let told = sent.told(&Place::ALL);
        prop_assert_eq!(told, Some(Ok(Some((place, token)))), "{:?}", sent);
    }

    /// A good token in one place, and whatever else in another: nobody is let in.
    #[test]
    fn nothing_falls_through_to_the_next_place(
        (good, bad) in proptest::sample::select(pairs()), token in token(),
        text in "[!-~]{1,20}( [!-~]{1,9})?",
    ) {
        let mut sent = Sent::of(if good == Place::Header { bad } else { good });
        if [Place::Query, Place::Form, Place::Json].contains(&bad) {
            sent = Sent::of(bad);
        }
        put(&mut sent, good, &token, &[false]);
        spoil(&mut sent, bad, &text);
        // In a cookie a `;` ends it: what is before it may be nothing, and that is none.
        let is_cleared = bad == Place::Cookie && text.trim_start().starts_with(';');
        let told = sent.told(&Place::ALL);
        prop_assert!(is_cleared || matches!(told, Some(Err(_))), "{told:?}");
    }
}

proptest! {
    /// Whatever a cookie is called and however it is made: what an answer sets is what the next request brings.
    #[test]
    fn a_cookie_comes_back_as_it_was_set(
        name in "\\PC{0,12}", token in token(), others in "[a-z]{1,5}=[!-:<-~]{0,9}",
        make in proptest::sample::select(
            &[TokenCookie::host, TokenCookie::secure, TokenCookie::plain, TokenCookie::on_loopback][..],
        ),
    ) {
        let cookie = make(&name);
        let set = cookie.set(&token, Duration::from_secs(9)).unwrap();
        // A browser keeps what is before the first `;`, and sends it among others.
        let (pair, attributes) = set.to_str().unwrap().split_once(';').unwrap();
        prop_assert!(attributes.starts_with(" Path=/; Max-Age=9; SameSite=Lax"));
        prop_assume!(!others.starts_with(&format!("{}=", cookie.name())));
        let mut headers = http::HeaderMap::new();
        headers.insert("cookie", HeaderValue::try_from(format!("{others}; {pair}")).unwrap());
        prop_assert_eq!(cookie.find(&headers).unwrap(), Some(&*token));
    }

    /// Whatever the scheme is, it is read back in any case, and another one is not taken for it.
    #[test]
    fn a_scheme_is_the_whole_word(word in "[A-Za-z0-9_-]{1,9}", token in token(), upper: bool) {
        let header = RequestHeader::named(AUTHORIZATION).scheme(&word);
        let guard = EVERYWHERE.clone().token_from_header(header);
        let told = |scheme: &str| {
            let value = format!("{scheme} {token}");
            let request = Request::get("/").header("authorization", value).body(()).unwrap();
            let found = read(&guard, (&request).into(), None);
            found.map(|found| found.map(|(_, token)| token))
        };
        let same = if upper { word.to_uppercase() } else { word.to_lowercase() };
        prop_assert_eq!(told(&same), Ok(Some(token.clone())));
        let longer = format!("{word}x");
        prop_assert_eq!(told(&longer), Ok(None));
        let before = format!(" {word}");
        prop_assert!(told(&before).is_err());
    }
}

/// Any two places that one request can have.
fn pairs() -> Vec<(Place, Place)> {
    let is_read_on_get = |place| matches!(place, Place::Query);
    let is_body = |place| matches!(place, Place::Form | Place::Json);
    let mut pairs = Vec::new();
    for good in Place::ALL {
        for bad in Place::ALL {
            let apart = is_body(good) && is_body(bad)
                || is_body(good) && is_read_on_get(bad)
                || is_body(bad) && is_read_on_get(good);
            if good != bad && !apart {
                pairs.push((good, bad));
            }
        }
    }
    pairs
}
