//! JSON bodies, read strictly: capped, timed, no duplicate member, no unknown one.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::Problem;

/// Most bytes of a body.
pub(crate) const BODY_CAP: usize = 64 * 1024;
/// Most levels of nesting in a body.
const DEPTH_CAP: usize = 32;
/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A body that must be there.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A body that may be left out: nothing is then the default.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request).await?;
        if !is_json {
            return Err(Problem::not_json());
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Problem::not_json());
        }
        parse(&bytes).map(Self)
    }
}

/// `application/json` or `application/…+json`, in UTF-8 and without a content encoding.
fn is_json(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    json && parts
        .all(|p| !p.starts_with("charset=") || p["charset=".len()..].trim_matches('"') == "utf-8")
}

/// The bytes of a body, capped and timed.
pub(super) async fn read(request: Request) -> Result<Bytes, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_CAP as u64) {
        return Err(Problem::body_too_large());
    }
    let collected = Limited::new(request.into_body(), BODY_CAP).collect();
    match tokio::time::timeout(BODY_TIME, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::body_too_large())
        }
        Ok(Err(_)) => Err(Problem::bad_request(
            "body_incomplete",
            "The body ended before its time.",
        )),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = strict_value(bytes)?;
    // Serde would read a list as the members in their order.
    if !value.is_object() {
        return Err(not_object());
    }
    serde_path_to_error::deserialize(value).map_err(|error| explain(&error))
}

/// Says which member is wrong without repeating its value, which may be a password.
fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let text = error.inner().to_string();
    let path = error.path().to_string();
    let quoted = || {
        text.split('`')
            .nth(1)
            .unwrap_or_default()
            .chars()
            .take(64)
            .collect::<String>()
    };
    if text.starts_with("missing field") {
        let name = quoted();
        return Problem::bad_request("member_missing", format!("The member {name:?} is missing."))
            .member(name);
    }
    if text.starts_with("unknown field") {
        let name = quoted();
        let detail = format!("The member {name:?} is not known here. See /openapi.json.");
        return Problem::bad_request("member_unknown", detail).member(name);
    }
    let expected = text
        .rsplit_once(", expected ")
        .map_or("something else", |(_, expected)| expected);
    if path == "." {
        return not_object();
    }
    let detail = format!("The member {path:?} is wrong: expected {expected}.");
    Problem::bad_request("member_invalid", detail).member(path)
}

fn not_object() -> Problem {
    Problem::bad_request("json_not_object", "The body must be a JSON object.")
}

/// Parses any JSON value; refuses duplicate members at every level and deep nesting.
fn strict_value(bytes: &[u8]) -> Result<Value, Problem> {
    let fault = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let result = Strict {
        depth: 0,
        fault: &fault,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    result.map_err(|error| {
        fault.into_inner().unwrap_or_else(|| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Problem::bad_request(
                "json_malformed",
                format!("The body is not JSON: see {place}."),
            )
        })
    })
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a RefCell<Option<Problem>>,
}

impl<'a> Strict<'a> {
    fn deeper<E: de::Error>(self) -> Result<Strict<'a>, E> {
        if self.depth == DEPTH_CAP {
            let detail = "The body may nest 32 levels deep at most.";
            return Err(self.refuse(Problem::bad_request("json_too_deep", detail)));
        }
        Ok(Strict {
            depth: self.depth + 1,
            ..self
        })
    }

    fn refuse<E: de::Error>(self, problem: Problem) -> E {
        *self.fault.borrow_mut() = Some(problem);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                let shown: String = name.chars().take(64).collect();
                let detail = format!("The member {shown:?} stands twice in one object.");
                return Err(self
                    .refuse(Problem::bad_request("json_member_duplicate", detail).member(shown)));
            }
            let value = members.next_value_seed(inner)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        list: Vec<u8>,
    }

    fn code(text: &str) -> String {
        parse::<Sample>(text.as_bytes())
            .unwrap_err()
            .code()
            .to_owned()
    }

    #[test]
    fn what_is_right_is_read() {
        let sample: Sample = parse(br#"{"name":"a","list":[1]}"#).unwrap();
        assert_eq!((sample.name.as_str(), sample.list), ("a", vec![1]));
    }

    #[test]
    fn every_fault_has_its_code() {
        assert_eq!(code(""), "json_malformed");
        assert_eq!(code("{\"name\":\"a\"} x"), "json_malformed");
        assert_eq!(code("{\"name\":\"\\ud800\"}"), "json_malformed");
        assert_eq!(code("[]"), "json_not_object");
        assert_eq!(code("7"), "json_not_object");
        assert_eq!(code(r#"["a",[1]]"#), "json_not_object");
        assert_eq!(code("{}"), "member_missing");
        assert_eq!(code(r#"{"name":7}"#), "member_invalid");
        assert_eq!(code(r#"{"name":null}"#), "member_invalid");
        assert_eq!(code(r#"{"name":"a","other":1}"#), "member_unknown");
        assert_eq!(code(r#"{"name":"a","name":"a"}"#), "json_member_duplicate");
        assert_eq!(
            code(r#"{"name":"a","list":[{"x":1,"x":2}]}"#),
            "json_member_duplicate"
        );
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(code(&deep), "json_too_deep");
        assert_eq!(code(&"[".repeat(60_000)), "json_too_deep");
    }

    #[test]
    fn a_wrong_value_is_not_repeated() {
        let problem =
            parse::<Sample>(br#"{"name":"a","list":"hunter2, expected gold"}"#).unwrap_err();
        let text = format!("{problem:?}");
        assert!(!text.contains("hunter2") && text.contains("list"), "{text}");
    }
}
