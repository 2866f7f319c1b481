//! Bodies that differ from run to run: an expected body with marks for what differs.

/// Whether `body` is `expected`, where each mark stands for the longest piece of its kind.
pub(super) fn matches(expected: &str, body: &str) -> bool {
    let Some((before, rest)) = expected.split_once('«') else {
        return expected == body;
    };
    let Some((mark, after)) = rest.split_once('»') else {
        return expected == body;
    };
    let Some(body) = body.strip_prefix(before) else {
        return false;
    };
    let (piece, body) = body.split_at(length(mark, body));
    is_a(mark, piece) && matches(after, body)
}

/// How many bytes of `body` may belong to the piece that the mark stands for.
fn length(mark: &str, body: &str) -> usize {
    let belongs: fn(char) -> bool = match mark {
        "jwt" => |c| c.is_ascii_alphanumeric() || "-_.".contains(c),
        "refresh" => |c| c.is_ascii_alphanumeric() || "-_".contains(c),
        "time" => |c| c.is_ascii_digit() || "-:.TZ ".contains(c),
        "id" => |c| c.is_ascii_hexdigit() || c == '-',
        other => panic!("«{other}» is no mark; there are «jwt», «refresh», «time» and «id»"),
    };
    body.find(|c| !belongs(c)).unwrap_or(body.len())
}

fn is_a(mark: &str, piece: &str) -> bool {
    match mark {
        "jwt" => {
            let parts: Vec<&str> = piece.split('.').collect();
            parts.len() == 3
                && parts.iter().all(|part| !part.is_empty())
                && piece.starts_with("eyJ")
        }
        "refresh" => piece
            .strip_prefix("ksr_")
            .is_some_and(|rest| rest.len() >= 32),
        "time" => {
            shape(piece).starts_with("0000-00-00T00:00:00")
                || is_a("id", piece) && !piece.contains('-')
        }
        _ => piece.parse::<u64>().is_ok() || shape(piece) == shape(UUID),
    }
}

const UUID: &str = "00000000-0000-0000-0000-000000000000";

/// The piece with each digit (of hexadecimal, where it has one) as `0`.
fn shape(piece: &str) -> String {
    let zeros = piece.chars().map(|c| {
        if c.is_ascii_digit() || c.is_ascii_lowercase() {
            '0'
        } else {
            c
        }
    });
    zeros.collect()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_mark_stands_for_its_kind_and_nothing_else() {
        let refresh = format!("ksr_{}", "a".repeat(43));
        for (expected, body) in [
            ("plain", "plain"),
            (r#"{"t":"«jwt»"}"#, r#"{"t":"eyJh.eyJz.s-_g"}"#),
            (r#"{"r":"«refresh»"}"#, &format!(r#"{{"r":"{refresh}"}}"#)),
            (
                r#"["«time»",«time»]"#,
                r#"["2026-11-22T06:12:00.125Z",1795348800]"#,
            ),
            (
                r#"["«id»",«id»]"#,
                r#"["0190c8a0-0000-7000-8000-0123456789ab",7]"#,
            ),
            ("«id»", "12"),
        ] {
            assert!(matches(expected, body), "{expected} {body}");
        }
        for (expected, body) in [
            ("plain", "plain "),
            (r#"{"t":"«jwt»"}"#, r#"{"t":"eyJh.eyJz"}"#),
            (r#"{"t":"«jwt»"}"#, r#"{"t":"a.b.c"}"#),
            (r#"{"t":"«jwt»"}"#, r#"{"t":"eyJh.eyJz.s","more":1}"#),
            (r#"{"t":"«jwt»"}"#, r#"{"t":"eyJh..s"}"#),
            (r#""«refresh»""#, r#""ksr_short""#),
            (r#""«time»""#, r#""""#),
            (r#""«time»""#, r#""yesterday""#),
            (r#""«id»""#, r#""0190c8a0""#),
            ("«id»", "x"),
        ] {
            assert!(!matches(expected, body), "{expected} {body}");
        }
    }
}
