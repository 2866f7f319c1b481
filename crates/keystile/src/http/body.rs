//! A request's body, where a member of it may carry a token: a form's field, or a member of a JSON object.

use std::borrow::Cow;
use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::header::Seen;
use super::pairs;
use crate::{Reason, Refusal};

/// The kinds of body that are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

impl Kind {
    /// What the headers say that the body is. None for a method whose body means nothing (RFC 6750, section 2.2), and where
    /// two headers say it: one reader would believe the first, another the second.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method) {
            return None;
        }
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = values.next()?.as_bytes();
        if values.next().is_some() {
            return None;
        }
        let essence = value.split(|byte| *byte == b';').next()?.trim_ascii();
        let is = |kind: &str| essence.eq_ignore_ascii_case(kind.as_bytes());
        if is("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else if is("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }
}

/// The form's field of this name.
pub(super) fn in_form<'r>(body: &'r [u8], name: &str) -> Result<Seen<'r>, Refusal> {
    Ok(pairs::only_value(body, name)?.map_or(Seen::Nothing, |token| Seen::Token(token.into())))
}

/// The member of this name in the outermost JSON object. What is not JSON, or no object, has none; a member that is no string is
/// refused, and so is one in what turns out not to be JSON after it.
pub(super) fn in_json<'r>(body: &'r [u8], name: &str) -> Result<Seen<'r>, Refusal> {
    let mut members = Members { name, found: None };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = reader.deserialize_any(&mut members);
    let is_json = read.and_then(|()| reader.end()).is_ok();
    match members.found {
        None => Ok(Seen::Nothing),
        Some(Found::Twice) => Err(Reason::CredentialsAmbiguous.into()),
        Some(Found::Text(token)) if is_json => Ok(Seen::Token(token.into())),
        Some(Found::Text(_) | Found::Other) => Err(Reason::TokenMalformed.into()),
    }
}

enum Found<'r> {
    Text(Cow<'r, str>),
    Other,
    Twice,
}

/// The members of the outermost object, as far as the one of this name among them.
struct Members<'r, 'n> {
    name: &'n str,
    found: Option<Found<'r>>,
}

impl<'de> Visitor<'de> for &mut Members<'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(is_it) = members.next_key_seed(IsName(self.name))? {
            if !is_it {
                members.next_value::<IgnoredAny>()?;
            } else if self.found.is_some() {
                self.found = Some(Found::Twice);
                members.next_value::<IgnoredAny>()?;
            } else {
                // Already there if its value cannot be read to the end.
                self.found = Some(Found::Other);
                self.found = Some(members.next_value_seed(Value)?);
            }
        }
        Ok(())
    }
}

/// Whether a member has this name, however it is escaped.
struct IsName<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// The member's value, where it is a string.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Found<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Found<'de>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn told(json: &str) -> String {
        match in_json(json.as_bytes(), "token") {
            Ok(Seen::Token(token)) => token.text().unwrap().to_owned(),
            Ok(_) => "none".to_owned(),
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    #[test]
    fn a_member_of_the_outermost_object_is_found() {
        let deep = format!(
            r#"{{"a":{}{},"token":"x"}}"#,
            "[".repeat(90),
            "]".repeat(90)
        );
        for (json, expected) in [
            (r#"{"token":"x"}"#, "x"),
            (r#" {"a":[{"token":"y"}],"token":"x","b":null} "#, "x"),
            (r#"{"\u0074oken":"\u0078"}"#, "x"),
            (r#"{"token":""}"#, ""),
            (&deep, "x"),
            (r#"{"Token":"x","token ":"y","a":{"token":"z"}}"#, "none"),
            (r#"[{"token":"x"}]"#, "none"),
            (r#""token""#, "none"),
            ("", "none"),
            ("null", "none"),
            ("17", "none"),
            ("{", "none"),
            (r#"{"a":1,}"#, "none"),
            ("\u{feff}{\"token\":\"x\"}", "none"),
            (r#"{"token":"x","token":"x"}"#, "credentials_ambiguous"),
            (r#"{"token":"x","tok\u0065n":7}"#, "credentials_ambiguous"),
            (r#"{"token":7,"token":"x"}"#, "credentials_ambiguous"),
            (r#"{"token":null}"#, "token_malformed"),
            (r#"{"token":true}"#, "token_malformed"),
            (r#"{"token":-1}"#, "token_malformed"),
            (r#"{"token":1.5}"#, "token_malformed"),
            (r#"{"token":18446744073709551615}"#, "token_malformed"),
            (r#"{"token":["x"]}"#, "token_malformed"),
            (r#"{"token":{"token":"x"}}"#, "token_malformed"),
            (r#"{"token":"x""#, "token_malformed"),
            (r#"{"token":"x"} {}"#, "token_malformed"),
            (r#"{"token":"\ud800"}"#, "token_malformed"),
            (r#"{"token":"#, "token_malformed"),
        ] {
            assert_eq!(told(json), expected, "{json}");
        }
    }

    #[test]
    fn only_two_kinds_of_body_are_read() {
        let kind = |method: Method, values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            Kind::of(&method, &headers)
        };
        let form = "application/x-www-form-urlencoded";
        for json in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json ;",
        ] {
            assert_eq!(kind(Method::POST, &[json]), Some(Kind::Json), "{json}");
        }
        assert_eq!(kind(Method::DELETE, &[form]), Some(Kind::Form));
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert_eq!(kind(method, &[form]), None);
        }
        assert_eq!(kind(Method::POST, &[form, "application/json"]), None);
        assert_eq!(kind(Method::POST, &[]), None);
        for other in [
            "",
            ";",
            "text/plain",
            "application/jsonp",
            "multipart/form-data; boundary=application/json",
            "text/plain, application/json",
        ] {
            assert_eq!(kind(Method::POST, &[other]), None, "{other}");
        }
    }

    proptest! {
        /// What `serde_json` itself reads out of any object is what is found.
        #[test]
        fn the_same_is_found_as_by_reading_it_all(
            token in "\\PC{0,20}", others in prop::collection::btree_map("[a-s]{0,4}", "\\PC{0,9}", 0..5),
        ) {
            let mut object = serde_json::json!(others);
            object["token"] = token.clone().into();
            let json = object.to_string();
            prop_assert_eq!(in_json(json.as_bytes(), "token").unwrap(), Seen::Token(token.as_str().into()));
            object.as_object_mut().unwrap().remove("token");
            let json = object.to_string();
            prop_assert_eq!(in_json(json.as_bytes(), "token").unwrap(), Seen::Nothing);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, json in "[{}\\[\\]\":,tokenx0-9\\\\ ]{0,40}") {
            let _ = in_json(&bytes, "token");
            let _ = in_json(json.as_bytes(), "token");
            let _ = in_form(&bytes, "token");
        }
    }
}
