//! Passwords that anybody would try first: a list of words and the dresses that they come in.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One entry a line, lower case, sorted; lines that start with `#` are comments.
static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

/// Rows of keyboards and alphabets: any run along them, forwards or backwards, is common.
const RUNS: [&str; 8] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "a1b2c3d4e5f6g7h8i9j0",
];

/// Whether a normalised password is a common one: on the list, a repetition, a run along a keyboard, or one of these
/// with digits and marks before or after it, or with letters replaced by lookalike digits.
pub(super) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let plain = unmask(&lower);
    [lower.as_str(), core(&lower), plain.as_str(), core(&plain)]
        .into_iter()
        .any(|form| is_word(form) || is_word(unit(form)))
        || is_trivial(&lower)
        || is_trivial(core(&lower))
}

/// Whether a password is the account's own name: the name, a repetition of it, or it with digits and marks around it.
pub(super) fn is_name(password: &str, name: &str) -> bool {
    let lower = password.to_lowercase();
    let name = name.to_lowercase();
    let local = name.split('@').next().unwrap_or(&name);
    [name.as_str(), local]
        .into_iter()
        .filter(|name| !name.is_empty())
        .any(|name| {
            let same =
                |form: &str| form == name || core(form) == core(name) && !core(name).is_empty();
            same(&lower) || same(unit(&lower)) || same(unit(core(&lower)))
        })
}

fn is_word(form: &str) -> bool {
    WORDS.contains(form)
}

/// All one character, a run, a short unit again and again, or nothing but digits and marks that make a run.
fn is_trivial(form: &str) -> bool {
    if form.is_empty() {
        return false;
    }
    let unit = unit(form);
    unit.chars().count() <= 3 && unit.len() < form.len()
        || is_run(form)
        || is_run(unit) && unit != form
}

/// Whether the form (at least four characters) lies along a row, forwards or backwards.
fn is_run(form: &str) -> bool {
    if form.chars().count() < 4 {
        return false;
    }
    let backwards: String = form.chars().rev().collect();
    RUNS.iter()
        .any(|row| row.contains(form) || row.contains(&backwards))
}

/// What is left without the digits and marks before and after; the form itself where those are the most of it.
fn core(form: &str) -> &str {
    let core = form.trim_matches(|c: char| !c.is_alphabetic());
    if core.chars().count() * 3 < form.chars().count() {
        form
    } else {
        core
    }
}

/// The shortest unit that the form is a repetition of; the form itself if it repeats nothing.
fn unit(form: &str) -> &str {
    (1..=form.len() / 2)
        .filter(|&length| form.len().is_multiple_of(length) && form.is_char_boundary(length))
        .map(|length| &form[..length])
        .find(|unit| {
            form.as_bytes()
                .chunks(unit.len())
                .all(|chunk| chunk == unit.as_bytes())
        })
        .unwrap_or(form)
}

/// Undoes the usual masks: `p@ssw0rd`.
fn unmask(form: &str) -> String {
    form.chars()
        .map(|c| match c {
            '@' | '4' => 'a',
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_lower_case_and_without_doubles() {
        let lines: Vec<_> = include_str!("common.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert!(lines.len() > 500, "{}", lines.len());
        for pair in lines.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for line in lines {
            assert_eq!(line, line.to_lowercase().trim());
        }
    }

    #[test]
    fn passphrases_are_not_common() {
        for good in [
            "correct horse battery staple",
            "my dragon eats 3 apples",
            "vexing copper monkey",
            "the password is a lie, mostly",
            "0xdeadbeefcafe",
            "zkfqpvmw",
            "sunshine over oslo",
        ] {
            assert!(!is_common(good), "{good}");
        }
    }

    #[test]
    fn runs_along_a_row_are_common_in_both_directions() {
        for run in [
            "qwertyuiop",
            "poiuytrewq",
            "1q2w3e4r5t6y",
            "abcdefghijklmnop",
            "zyxwvutsrqponm",
            "1qaz2wsx3edc4rfv",
        ] {
            assert!(is_common(run), "{run}");
        }
    }
}
