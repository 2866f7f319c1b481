//! `name=value&name=value`: a query, or a form's body (WHATWG URL, section 5.1).

use std::borrow::Cow;

use crate::{Reason, Refusal};

/// The value under this name, which may stand there once.
pub(super) fn only_value<'r>(pairs: &'r [u8], name: &str) -> Result<Option<Cow<'r, str>>, Refusal> {
    let mut found = None;
    for pair in pairs.split(|byte| *byte == b'&') {
        let equals = memchr::memchr(b'=', pair);
        let (key, value) = equals.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
        if decoded(key) != name {
            continue;
        }
        if found.replace(decoded(value)).is_some() {
            return Err(Reason::CredentialsAmbiguous.into());
        }
    }
    Ok(found)
}

/// Decodes `%XX` and `+`. What cannot be decoded stays as it is, and no token is like that.
fn decoded(text: &[u8]) -> Cow<'_, str> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return String::from_utf8_lossy(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => match (hex_at(after, 0), hex_at(after, 1)) {
                (Some(high), Some(low)) => {
                    rest = &after[2..];
                    high << 4 | low
                }
                _ => b'%',
            },
            other => other,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex_at(bytes: &[u8], place: usize) -> Option<u8> {
    char::from(*bytes.get(place)?)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn percent(text: &str) -> String {
        let each = text.bytes().map(|byte| format!("%{byte:02x}"));
        each.collect::<Vec<_>>().concat()
    }

    proptest! {
        /// Whatever stands around it, the value under the name is found, and twice is refused.
        #[test]
        fn a_value_is_found_among_others(
            name in "[a-z_]{1,9}", value in "\\PC{0,40}",
            others in prop::collection::vec("[A-Z0-9]{0,5}(=[A-Za-z0-9%+.=]{0,9})?", 0..6),
            at in 0_usize..6, escaped: bool,
        ) {
            let key = if escaped { percent(&name) } else { name.clone() };
            let own = format!("{key}={}", percent(&value));
            let mut pairs = others;
            pairs.insert(at.min(pairs.len()), own.clone());
            let once = pairs.join("&");
            let found = only_value(once.as_bytes(), &name).unwrap();
            prop_assert_eq!(found.as_deref(), Some(&*value));
            let twice = format!("{once}&{own}");
            let refused = only_value(twice.as_bytes(), &name).unwrap_err();
            prop_assert_eq!(refused.reason(), Reason::CredentialsAmbiguous);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, name in "\\PC{0,3}") {
            let _ = only_value(&bytes, &name);
        }
    }
}
