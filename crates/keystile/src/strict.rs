//! Strict JSON: no member twice at any level, at most 32 levels deep. One serde visitor reads everything; most payloads are
//! so [plain] that a shorter way leads to the same.

mod names;
mod plain;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::Reason;
use names::{Name, Names, twice};
pub(crate) use plain::read_plain_object;

/// Deepest nesting; the outermost object is the first level.
const DEEPEST: u8 = 32;

/// A JSON value, as far as a registered claim can be one.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    /// Also what is beyond an `i64`.
    Number(f64),
    /// An array of strings and nothing else.
    Texts(Vec<Cow<'a, str>>),
    /// A number as its digits; only ever inside of what `serde_json` makes of a number. See [`VERBATIM`].
    Digits(String),
    /// `null`, a boolean, an object, another array.
    Other,
}

/// A set of the names that a caller of [`read_object`] knows, a bit for each.
pub(crate) type KnownNames = u16;

/// Reads one JSON object and hands each of its members to `take`, which answers the bit of a name that it knows and 0 for
/// any other. Gives the known names that occurred.
pub(crate) fn read_object<'a>(
    json: &'a [u8],
    take: impl FnMut(&str, Piece<'a>) -> KnownNames,
) -> Result<KnownNames, Reason> {
    let json = std::str::from_utf8(json).map_err(|_| Reason::TokenMalformed)?;
    let fault = Cell::new(Reason::TokenMalformed);
    let mut reader = serde_json::Deserializer::from_str(json);
    let object = Object {
        fault: &fault,
        take,
    };
    reader
        .deserialize_map(object)
        .and_then(|known| reader.end().map(|()| known))
        .map_err(|_| fault.get())
}

/// Where another crate of the same program turns on `arbitrary_precision`, `serde_json` hands over every number as a map
/// with this one member. Its value is an owned string, which no member of a token's own ever is: those are borrowed, or
/// passed by reference. So nobody can write a number that way.
const VERBATIM: &str = "$serde_json::private::Number";

/// What `serde_json` would have made of the digits itself: beyond an `f64` there is no number.
fn number<'a>(digits: &str) -> Option<Piece<'a>> {
    // It is zero, and no integer: so that `sub` has one spelling of each.
    let integer = digits.parse().ok().filter(|_| digits != "-0");
    let number = || {
        digits
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    };
    integer
        .map(Piece::Integer)
        .or_else(|| number().map(Piece::Number))
}

struct Object<'f, F> {
    fault: &'f Cell<Reason>,
    take: F,
}

impl<'de, F: FnMut(&str, Piece<'de>) -> KnownNames> Visitor<'de> for Object<'_, F> {
    type Value = KnownNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<KnownNames, A::Error> {
        let mut known = 0;
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            let piece = members.next_value_seed(Value {
                fault: self.fault,
                depth: 1,
            })?;
            match (self.take)(&name, piece) {
                0 => names.add(name, self.fault)?,
                bit if known & bit != 0 => return Err(twice(self.fault)),
                bit => known |= bit,
            }
        }
        Ok(known)
    }
}

/// Reads any value, one level below `depth`.
#[derive(Clone, Copy)]
struct Value<'f> {
    fault: &'f Cell<Reason>,
    depth: u8,
}

impl Value<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth < DEEPEST {
            let depth = self.depth + 1;
            Ok(Self { depth, ..self })
        } else {
            Err(E::custom("nested too deep"))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Piece<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Piece<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Piece<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Piece<'de>, E> {
        Ok(Piece::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Piece<'de>, E> {
        Ok(Piece::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, digits: String) -> Result<Piece<'de>, E> {
        Ok(Piece::Digits(digits))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Piece<'de>, E> {
        Ok(Piece::Integer(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "it is beyond every bound anyway"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Piece<'de>, E> {
        Ok(i64::try_from(number).map_or(Piece::Number(number as f64), Piece::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Piece<'de>, E> {
        Ok(Piece::Number(number))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Piece<'de>, E> {
        Ok(Piece::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Piece<'de>, E> {
        Ok(Piece::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Piece<'de>, A::Error> {
        let element = self.deeper()?;
        let mut texts = Some(Vec::new());
        while let Some(piece) = elements.next_element_seed(element)? {
            texts = match (texts, piece) {
                (Some(mut texts), Piece::Text(text)) => {
                    texts.push(text);
                    Some(texts)
                }
                _ => None,
            };
        }
        Ok(texts.map_or(Piece::Other, Piece::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Piece<'de>, A::Error> {
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            let value = if name == VERBATIM {
                // A number is no level of its own, and has none below it.
                let depth = DEEPEST;
                Self { depth, ..self }
            } else {
                self.deeper()?
            };
            let piece = members.next_value_seed(value)?;
            if let (VERBATIM, Piece::Digits(digits)) = (&*name, piece) {
                return number(&digits).ok_or_else(|| A::Error::custom("number out of range"));
            }
            names.add(name, self.fault)?;
        }
        self.deeper().map(|_: Self| Piece::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(), Reason> {
        read_object(json.as_bytes(), |_, _| 0).map(drop)
    }

    #[test]
    fn a_known_name_twice_is_refused_and_told_from_the_others() {
        let read = |json: &str| {
            read_object(json.as_bytes(), |name, _| match name {
                "a" => 1,
                "b" => 2,
                _ => 0,
            })
        };
        assert_eq!(read("{}"), Ok(0));
        assert_eq!(read(r#"{"b":1,"c":1,"x":{"a":1}}"#), Ok(2));
        assert_eq!(read(r#"{"\u0061":1,"c":1,"b":1}"#), Ok(3));
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":1,"\u0061":2}"#,
            r#"{"a":1,"c":1,"b":1,"c":1}"#,
            r#"{"a":1,"x":{"b":1,"b":2}}"#,
        ] {
            assert_eq!(read(json), Err(Reason::TokenMemberDuplicate), "{json}");
        }
    }

    #[test]
    fn a_member_twice_is_refused_at_every_level() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"y":[{"a":1,"b":2,"a":3}]}]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(read(json), Err(Reason::TokenMemberDuplicate), "{json}");
        }
        assert_eq!(read(r#"{"a":{"a":{"a":1}},"A":1}"#), Ok(()));
        let many: Vec<String> = (0..1000).map(|n| format!(r#""m{n}":{n}"#)).collect();
        assert_eq!(read(&format!("{{{}}}", many.join(","))), Ok(()));
        assert_eq!(
            read(&format!(r#"{{{},"m999":0}}"#, many.join(","))),
            Err(Reason::TokenMemberDuplicate)
        );
    }

    #[test]
    fn nesting_ends_at_32_levels() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
        };
        assert_eq!(read(&nested(32)), Ok(()));
        assert_eq!(read(&nested(33)), Err(Reason::TokenMalformed));
        assert_eq!(read(&nested(10_000)), Err(Reason::TokenMalformed));
        let objects = format!("{}1{}", "{\"a\":".repeat(33), "}".repeat(33));
        assert_eq!(read(&objects), Err(Reason::TokenMalformed));
        let name = format!("{{\"{VERBATIM}\":");
        let numbers = format!("{{\"a\":{}1{}}}", name.repeat(40), "}".repeat(40));
        assert_eq!(read(&numbers), Err(Reason::TokenMalformed));
    }

    #[test]
    fn only_one_object_is_one_object() {
        for json in [
            "",
            " ",
            "null",
            "[]",
            "{",
            "{}{}",
            "{} x",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "{\"a\":\"\\ud800\"}",
            "\u{feff}{}",
            "{\"a\":1,}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(read(json), Err(Reason::TokenMalformed), "{json:?}");
        }
        assert_eq!(read(" {} "), Ok(()));
        assert_eq!(
            read_object(b"{\"a\":\"\xff\"}", |_, _| 0),
            Err(Reason::TokenMalformed)
        );
    }

    /// As `serde_json` hands numbers over under `arbitrary_precision`; the whole suite was run with that feature too.
    #[test]
    fn a_number_as_its_digits_is_a_number() {
        use serde::de::value::{Error, MapDeserializer};

        let read = |digits: &str| {
            let fault = Cell::new(Reason::TokenMalformed);
            let members = [(VERBATIM, digits.to_owned())].into_iter();
            let value = Value {
                fault: &fault,
                depth: DEEPEST,
            };
            value.deserialize(MapDeserializer::<_, Error>::new(members))
        };
        assert_eq!(read("1800000000"), Ok(Piece::Integer(1_800_000_000)));
        assert_eq!(read("-3"), Ok(Piece::Integer(-3)));
        assert_eq!(read("10.5"), Ok(Piece::Number(10.5)));
        assert_eq!(read("1e3"), Ok(Piece::Number(1e3)));
        assert!(read("1e999").is_err() && read("").is_err() && read("x").is_err());
        let beyond = read("18446744073709551615");
        assert_eq!(beyond, Ok(Piece::Number(18_446_744_073_709_551_615.0)));
    }

    #[test]
    fn nobody_writes_a_number_as_serde_json_hands_it_over() {
        for json in [
            r#"{"exp":{"$serde_json::private::Number":"1800000000"}}"#,
            r#"{"exp":{"$serde_json::private::Numbe\u0072":"18000\u00300000"}}"#,
        ] {
            let taken = Cell::new(None);
            read_object(json.as_bytes(), |_, piece| {
                taken.set(Some(piece == Piece::Other));
                0
            })
            .unwrap();
            assert_eq!(taken.get(), Some(true), "{json}");
        }
    }
}
