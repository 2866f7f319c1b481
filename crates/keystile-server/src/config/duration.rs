//! Durations as people write them: `90s`, `15m`, `1h30m`, `30d`.

use std::time::Duration;

/// The longest that a setting may ask for: a hundred years.
const LONGEST_SECONDS: u64 = 100 * 365 * 86_400;

/// Reads a duration: numbers, each with its unit (`ms`, `s`, `m`, `h`, `d`), or whole seconds.
/// `None` for anything else, and for what is longer than a hundred years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return within(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        total = total.checked_add(part(number, &rest[..letters])?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total).and_then(within)
}

fn part(number: u64, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn within(duration: Duration) -> Option<Duration> {
    (duration.as_secs() <= LONGEST_SECONDS).then_some(duration)
}

/// Writes a duration in the largest units that fit, so that `parse` reads it back.
pub(crate) fn show(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (unit, length) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() {
        return "0s".to_owned();
    }
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("15m", 900),
            ("30d", 2_592_000),
            ("1h30m", 5_400),
            ("2s", 2),
            ("900", 900),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "m",
            "15",
            "-1",
            "15 m",
            "1y",
            "15m3",
            "99999999999999999999d",
            "18446744073709551615d",
            "1.5h",
        ] {
            let expected = (text == "15").then_some(Duration::from_secs(15));
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["15m", "30d", "1h30m", "0s", "2s250ms"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
