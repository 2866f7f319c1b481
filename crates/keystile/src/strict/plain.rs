//! Plain JSON objects, read in one short pass: what nearly every payload is.
//!
//! Plain means: no backslash, no control character and no space outside of strings; each member a string, a whole number
//! of few digits, or an array of strings; no name twice. This reader refuses nothing. What is not plain, or no JSON at all,
//! it leaves to [`read_object`](super::read_object), which decides. So one thing has to hold, and is tested: what is read
//! here would have been read there, to the same pieces.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::value::Error;

use super::names::Names;
use super::{KnownNames, Piece};
use crate::Reason;

/// Numbers from here on are left to the other reader. A `NumericDate` has ten digits.
const LARGE: i64 = 1_000_000_000_000_000;

/// As [`read_object`](super::read_object), where the object is plain. If not, `take` may have been called all the same, and
/// what it noted is to be forgotten.
pub(crate) fn read_plain_object<'a>(
    json: &'a [u8],
    mut take: impl FnMut(&str, Piece<'a>) -> KnownNames,
) -> Option<KnownNames> {
    if !has_no_escapes(json) {
        return None;
    }
    let text = std::str::from_utf8(json).ok()?;
    let mut scanner = Scanner { text, at: 0 };
    let mut names = Names::default();
    let mut known = 0;
    scanner.expect(b'{')?;
    if scanner.peek()? == b'}' {
        scanner.at += 1;
        return scanner.is_at_end().then_some(known);
    }
    loop {
        scanner.expect(b'"')?;
        let name = scanner.string()?;
        scanner.expect(b':')?;
        match take(name, scanner.value()?) {
            0 => names
                .add::<Error>(Cow::Borrowed(name), &Cell::new(Reason::TokenMalformed))
                .ok()?,
            bit if known & bit != 0 => return None,
            bit => known |= bit,
        }
        match scanner.next()? {
            b',' => {}
            b'}' => return scanner.is_at_end().then_some(known),
            _ => return None,
        }
    }
}

/// Whether every string stands as it is meant. No byte is looked at by itself: it compiles to vector instructions.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch at each byte"
)]
fn has_no_escapes(json: &[u8]) -> bool {
    !json
        .iter()
        .fold(false, |odd, byte| odd | (*byte < b' ') | (*byte == b'\\'))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    /// The rest of a string, its opening quote being read. Nothing in the text is escaped, so that a quote ends it.
    fn string(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let length = first_quote(rest.as_bytes())?;
        self.at += length + 1;
        rest.get(..length)
    }

    fn value(&mut self) -> Option<Piece<'a>> {
        match self.next()? {
            b'"' => self.string().map(|text| Piece::Text(Cow::Borrowed(text))),
            b'[' => self.strings().map(Piece::Texts),
            digit @ b'0'..=b'9' => self.integer(digit).map(Piece::Integer),
            _ => None,
        }
    }

    /// The rest of a whole number; a fraction or an exponent after it is not what may follow a value.
    fn integer(&mut self, first: u8) -> Option<i64> {
        let mut number = i64::from(first - b'0');
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // No number begins with a zero but zero.
            if number == 0 || number >= LARGE {
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
            self.at += 1;
        }
        Some(number)
    }

    /// The rest of an array of strings.
    fn strings(&mut self) -> Option<Vec<Cow<'a, str>>> {
        let mut texts = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(texts);
        }
        loop {
            self.expect(b'"')?;
            texts.push(Cow::Borrowed(self.string()?));
            match self.next()? {
                b',' => {}
                b']' => return Some(texts),
                _ => return None,
            }
        }
    }
}

/// Where the first quote stands, looked for in eight bytes at a time.
fn first_quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = 0;
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        // Zero where a quote stands. Taking one from each byte then borrows, from the lowest of them on: that one is sure.
        let difference = u64::from_le_bytes(*eight) ^ QUOTES;
        let found = difference.wrapping_sub(ONES) & !difference & HIGH_BITS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|byte| *byte == b'"')
        .map(|place| at + place)
}

#[cfg(test)]
mod tests {
    use super::super::read_object;
    use super::*;
    use proptest::prelude::*;

    /// Each member as it is read, and what the reader answers.
    fn both(json: &[u8]) -> (Option<String>, Result<String, Reason>) {
        let noted = |seen: &mut Vec<String>, name: &str, piece: &Piece<'_>| {
            seen.push(format!("{name:?} {piece:?}"));
            match name {
                "exp" => 1,
                "aud" => 2,
                _ => 0,
            }
        };
        let (mut plain, mut strict) = (Vec::new(), Vec::new());
        let known = read_plain_object(json, |name, piece| noted(&mut plain, name, &piece));
        let answer = read_object(json, |name, piece| noted(&mut strict, name, &piece));
        (
            known.map(|known| format!("{known} {plain:?}")),
            answer.map(|known| format!("{known} {strict:?}")),
        )
    }

    #[test]
    fn plain_objects_are_read_here() {
        for json in [
            "{}",
            r#"{"sub":"ada","exp":1800000000,"aud":["a","b"],"gen":0,"x":[],"":""}"#,
            "{\"name\":\"\u{e4}\u{1f370} \u{7f}\",\"\u{e4}\":1}",
            r#"{"exp":999999999999999}"#,
        ] {
            let (plain, strict) = both(json.as_bytes());
            assert_eq!(plain, strict.ok(), "{json}");
            assert!(plain.is_some(), "{json}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_other_reader() {
        for json in [
            "",
            "{",
            "{}}",
            "{} ",
            " {}",
            "null",
            "[]",
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":00}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":1x}"#,
            r#"{"a":}"#,
            r#"{"a" :1}"#,
            r#"{"a": 1}"#,
            r#"{"a":true}"#,
            r#"{"a":{}}"#,
            r#"{"a":[1]}"#,
            r#"{"a":["b",]}"#,
            r#"{"a":["b" ]}"#,
            r#"{"a":["b"}"#,
            r#"{"a":"b}"#,
            r#"{"a":"\n"}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"exp":1,"x":2,"exp":1}"#,
            r"{a:1}",
            r#"{"a":9223372036854775808}"#,
            "{\"a\":\"\t\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(both(json.as_bytes()).0, None, "{json}");
        }
        assert_eq!(both(b"{\"a\":\"\xff\"}").0, None);
    }

    #[test]
    fn the_first_quote_is_found_wherever_it_stands() {
        // Bytes one off a quote, and what a borrow makes of the byte above it.
        for filler in [b'!', b'#', b'a', 0xa2, 0xff, 0, 0x23] {
            for length in 0..40 {
                let mut bytes = vec![filler; length];
                assert_eq!(first_quote(&bytes), None);
                for at in 0..length {
                    bytes[at] = b'"';
                    assert_eq!(first_quote(&bytes), Some(at));
                    if let Some(second) = bytes.get_mut(at + 1) {
                        *second = b'"';
                    }
                    assert_eq!(first_quote(&bytes), Some(at));
                    bytes.fill(filler);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Texts made of the pieces of JSON, nearly all of them no JSON.
        #[test]
        fn whatever_is_read_here_is_read_there(pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"exp\"", "\"aud\"", "\"b\":", "\"exp\":", "\"aud\":", "\"\":", "0", "1",
            "17", "9999999999999999", "-", ".5", "e3", " ", "\n", "\\", "\\n", "true", "null", "\u{e4}", "\"a\",", "1,", "[\"a\"]",
        ]), 0..12)) {
            let json = format!("{{{}}}", pieces.concat());
            let (plain, strict) = both(json.as_bytes());
            prop_assert!(plain.is_none() || plain == strict.ok(), "{}", json);
        }

        /// A plain object with one byte changed, dropped or doubled.
        #[test]
        fn so_is_a_plain_object_that_was_altered(at in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..3) {
            let mut json = br#"{"sub":"ada","exp":1800000000,"aud":["a","b"],"x":"y","exq":10}"#.to_vec();
            let at = at.index(json.len());
            match kind {
                0 => json[at] = byte,
                1 => { json.remove(at); }
                _ => json.insert(at, byte),
            }
            let (plain, strict) = both(&json);
            prop_assert!(plain.is_none() || plain == strict.ok(), "{}", String::from_utf8_lossy(&json));
        }
    }
}
