//! How long an answer may be kept: `Cache-Control` and `Age` (RFC 9111, sections 4.2 and 5.2.2).

use std::time::Duration;

/// The largest number of seconds that is told apart (RFC 9111, section 1.2.2).
const MOST_SECONDS: u32 = 1 << 31;

/// How long an answer stays fresh by what it says; `None` where it says nothing. `no-store` and `no-cache`, and what
/// cannot be read, mean not at all.
pub(super) fn lifetime(cache_control: &str, age: Option<&str>) -> Option<Duration> {
    let mut found: Option<u32> = None;
    for directive in directives(cache_control) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => 0,
            "max-age" => seconds(unquoted(value.trim())).unwrap_or(0),
            _ => continue,
        };
        found = Some(found.map_or(seconds, |other| other.min(seconds)));
    }
    let age = age.and_then(|age| seconds(age.trim())).unwrap_or(0);
    found.map(|seconds| Duration::from_secs(u64::from(seconds.saturating_sub(age))))
}

/// Parts between commas, but for those in quotes.
fn directives(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |symbol| {
        let parts = symbol == ',' && !quoted;
        match symbol {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        parts
    })
}

fn unquoted(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Digits and nothing else; what is beyond measure is the most.
pub(super) fn seconds(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(MOST_SECONDS).min(MOST_SECONDS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds_of(text: &str) -> Option<u64> {
        lifetime(text, None).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn what_is_said_is_heard() {
        for (text, expected) in [
            ("", None),
            ("public", None),
            ("s-maxage=5", None),
            ("x-max-age=5", None),
            ("max-age=300", Some(300)),
            ("MAX-AGE=300", Some(300)),
            ("public , max-age=300, must-revalidate", Some(300)),
            ("max-age=\"300\"", Some(300)),
            ("max-age=300, max-age=60", Some(60)),
            ("max-age=60, no-cache", Some(0)),
            ("no-store", Some(0)),
            ("no-cache=\"set-cookie, max-age\"", Some(0)),
            ("private=\"max-age=9, x\", max-age=5", Some(5)),
            ("private=\"a\\\", max-age=9\", max-age=5", Some(5)),
            ("max-age", Some(0)),
            ("max-age=", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=+1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age=0x10", Some(0)),
            ("max-age=99999999999999999999", Some(1 << 31)),
        ] {
            assert_eq!(seconds_of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_lay_in_another_cache_is_not_counted_again() {
        let left = |age| lifetime("max-age=300", Some(age)).map(|left| left.as_secs());
        assert_eq!(left("100"), Some(200));
        assert_eq!(left("300"), Some(0));
        assert_eq!(left("99999999999"), Some(0));
        assert_eq!(left("old"), Some(300));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_is_beyond_measure(text: String, age: Option<String>) {
            let lifetime = lifetime(&text, age.as_deref());
            prop_assert!(lifetime.is_none_or(|lifetime| lifetime.as_secs() <= u64::from(MOST_SECONDS)));
        }

        #[test]
        fn a_number_is_found_among_other_directives(
            before in "[a-wyz-]{1,8}(=[a-z0-9]{1,4})?",
            quoted in "[ a-z=,0-9]{0,12}",
            seconds in 0..=MOST_SECONDS,
        ) {
            prop_assume!(!before.starts_with("no-") && !before.starts_with("max-age"));
            let text = format!("{before}, private=\"{quoted}\",max-age={seconds}");
            prop_assert_eq!(seconds_of(&text), Some(u64::from(seconds)));
        }
    }
}
