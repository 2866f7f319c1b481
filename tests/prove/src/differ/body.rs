//! Changes of the payload, signed all the same.

use serde_json::{Value, json};

use super::dice::Dice;
use super::draft::{DAY, Draft};
use super::head::altered;
use super::judges::{AUDIENCE, ISSUER};

const REGISTERED: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "gen",
    "scope",
    "roles",
    "auth_time",
    "amr",
    "preferred_username",
    "client_id",
];

/// Times near and far, whole and not, and what only looks like one.
pub(super) fn times(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let name = dice.pick(&["exp", "exp", "nbf", "iat", "auth_time"]);
    let (now, then) = (
        draft.now,
        dice.pick(&[-DAY, DAY, -40 * 365 * DAY, 80 * 365 * DAY]),
    );
    let text = match dice.below(12) {
        0 => {
            draft.payload.remove(name);
            return draft.sign();
        }
        1 => format!("\"{}\"", now + then),
        2 => format!("{}.5", now + then),
        3 => format!("{}e0", now + then),
        4 => format!("{}.0", now + then),
        5 => format!("{}", (now + then) * 1000),
        6 => dice
            .pick(&[
                "0", "-0", "-1", "-5.5", "1e3", "1e10", "1e300", "1e999", "-1e300", "01", "+1",
                ".5",
            ])
            .to_owned(),
        7 => dice
            .pick(&[
                "9007199254740992",
                "9007199254740993",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "99999999999999999999999999",
            ])
            .to_owned(),
        8 => dice
            .pick(&[
                "null", "true", "[]", "{}", "\"\"", "\"now\"", "NaN", "Infinity", "[1]",
            ])
            .to_owned(),
        _ => format!("{}", now + then),
    };
    draft.payload.write(name, &text);
    draft.sign()
}

/// Who issued it, for whom, about whom.
pub(super) fn parties(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let name = dice.pick(&["iss", "aud", "sub"]);
    let right = match name {
        "iss" => ISSUER,
        "aud" => AUDIENCE,
        _ => "ada",
    };
    let value = match dice.below(12) {
        0 => {
            draft.payload.remove(name);
            return draft.sign();
        }
        1 => json!(format!("{right}/")),
        2 => json!(right.to_uppercase()),
        3 => json!(""),
        4 => json!([]),
        5 => json!([right]),
        6 => json!(["another", right]),
        7 => json!([right, 1]),
        8 => json!([[right]]),
        9 => dice
            .pick(&[Some(0), Some(-7), Some(1_i64 << 60), None])
            .map_or(Value::Null, Value::from),
        10 => json!({ right: right }),
        _ => json!(format!("{right}\0")),
    };
    draft.payload.set(name, &value);
    draft.sign()
}

/// A registered claim with a value of another type.
pub(super) fn types(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let name = dice.pick(&REGISTERED);
    let text = dice.pick(&[
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "1.5",
        "1e2",
        "\"\"",
        "\"a b\"",
        "[]",
        "[\"a\"]",
        "[1]",
        "[null]",
        "{}",
        "{\"a\":1}",
        "[[\"a\"]]",
        "18446744073709551616",
    ]);
    draft.payload.write(name, text);
    draft.sign()
}

/// A member twice, at some level, spelt alike or with escapes.
pub(super) fn twice(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let at = dice.below(draft.payload.0.len());
    let (name, value) = draft.payload.0[at].clone();
    let name = if dice.chance(40) {
        let letter = name.as_bytes()[1];
        format!("\"\\u{letter:04x}{}", &name[2..])
    } else {
        name
    };
    let other = dice.pick(&["\"eve\"", "1", "null", "[\"admin\"]", "99999999999"]);
    let value = if dice.chance(40) {
        value
    } else {
        other.to_owned()
    };
    match dice.below(4) {
        0 => draft.payload.write(
            "more",
            &format!("{{\"a\":[{{{name}:1,\"b\":2,{name}:{value}}}]}}"),
        ),
        1 => draft
            .payload
            .write("more", &format!("{{\"a\":{value},\"a\":{value}}}")),
        _ => {
            let at = dice.below(draft.payload.0.len() + 1);
            draft.payload.0.insert(at, (name, value));
        }
    }
    draft.sign()
}

pub(super) fn nesting(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let levels = dice.pick(&[1, 5, 29, 30, 31, 32, 33, 64, 126, 127, 128, 129, 500, 1_200]);
    let text = if dice.chance(50) {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    } else {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    };
    let name = if dice.chance(80) {
        "more"
    } else {
        dice.pick(&REGISTERED)
    };
    draft.payload.write(name, &text);
    draft.sign()
}

/// Strings of any characters, escaped in any way, good and bad.
pub(super) fn characters(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let text = (0..dice.below(6))
        .map(|_| {
            dice.pick(&[
                "a",
                "\u{e4}",
                "\u{1f370}",
                "\\u00e4",
                "\\ud83c\\udf70",
                "\\ud83c",
                "\\udf70",
                "\\ud83c\\u0061",
                "\\u0000",
                "\\n",
                "\\/",
                "\\\"",
                "\\\\",
                "\\x41",
                "\\u12",
                "\\U0041",
                "\\'",
                "'",
                "\u{7f}",
                "\u{1}",
                "\t",
                "\u{2028}",
                "\u{feff}",
                "\u{fffd}",
                "\\",
            ])
        })
        .collect::<String>();
    let name = dice.pick(&["sub", "more", "jti", "preferred_username", "scope"]);
    draft.payload.write(name, &format!("\"{text}\""));
    draft.sign()
}

/// A byte of the payload's text changed, dropped or put in, once or several times, before it is signed.
pub(super) fn a_byte(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let mut payload = draft.payload.text().into_bytes();
    for _ in 0..=dice.below(3) {
        payload = altered(dice, payload);
    }
    draft.sign_texts(draft.header.text(), payload)
}

/// White space where it may stand, and where it may not.
pub(super) fn white_space(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let mut payload = draft.payload.text();
    for _ in 0..=dice.below(4) {
        let places: Vec<usize> = payload
            .char_indices()
            .filter(|(_, character)| "{}[]:,\"".contains(*character))
            .map(|(at, _)| at)
            .collect();
        let at = dice.pick(&places) + dice.below(2);
        payload.insert_str(
            at,
            dice.pick(&[
                " ", "\n", "\r\n", "\t", "\u{b}", "\u{a0}", "\u{feff}", "\0", "/**/",
            ]),
        );
    }
    draft.sign_texts(draft.header.text(), payload)
}

/// Payloads that are no object, or more than one.
pub(super) fn no_object(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let text = draft.payload.text();
    let payload = match dice.below(9) {
        0 => String::new(),
        1 => format!("{text}{text}"),
        2 => format!("[{text}]"),
        3 => Value::from(text).to_string(),
        4 => format!("\u{feff}{text}"),
        5 => format!("{text}\0"),
        6 => format!("{text},"),
        7 => text.replace('"', "'"),
        _ => dice
            .pick(&["null", "1", "\"a\"", "[]", "{}", "true", " "])
            .to_owned(),
    };
    draft.sign_texts(draft.header.text(), payload)
}

/// Objects of whatever JSON there is, about the registered names and others.
pub(super) fn anything(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    for _ in 0..=dice.below(6) {
        let name = if dice.chance(30) {
            dice.pick(&REGISTERED).to_owned()
        } else {
            format!("m{}", dice.below(12))
        };
        let text = value(dice, 4);
        draft.payload.0.push((Value::from(name).to_string(), text));
    }
    draft.sign()
}

fn value(dice: &mut Dice, levels: usize) -> String {
    let kinds = if levels == 0 { 5 } else { 7 };
    match dice.below(kinds) {
        0 => dice.pick(&["null", "true", "false"]).to_owned(),
        1 => format!("{}", dice.number().cast_signed() >> dice.below(64)),
        2 => format!("{}.{}e{}", dice.below(99), dice.below(99), dice.below(20)),
        3 => Value::from(format!("{:x}", dice.number())).to_string(),
        4 => format!("\"a\\u{:04x}\"", dice.below(0x10000)),
        5 => {
            let elements: Vec<String> = (0..dice.below(4))
                .map(|_| value(dice, levels - 1))
                .collect();
            format!("[{}]", elements.join(","))
        }
        _ => {
            let members: Vec<String> = (0..dice.below(4))
                .map(|_| format!("\"n{}\":{}", dice.below(6), value(dice, levels - 1)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}
