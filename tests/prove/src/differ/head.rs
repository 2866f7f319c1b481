//! Changes of the header, signed all the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::dice::Dice;
use super::draft::Draft;
use super::keys::mac;

/// Values of every type, for what should be a string.
const NO_STRINGS: [&str; 7] = ["null", "true", "7", "-1.5e3", "[]", "{}", "[\"HS256\"]"];

pub(super) fn algorithm(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    match dice.below(5) {
        0 => draft.header.remove("alg"),
        1 => draft.header.write("alg", dice.pick(&NO_STRINGS)),
        _ => draft.header.set(
            "alg",
            &json!(dice.pick(&[
                "none", "None", "NONE", "", "HS256", "hs256", "HS384", "HS512", "RS256", "RS512",
                "PS256", "ES256", "ES256K", "ES384", "EdDSA", "Ed25519", "dir", "HS256 ",
                "HS256\0",
            ])),
        ),
    }
    if dice.chance(30) {
        draft.header.remove("kid");
    }
    if dice.chance(30) {
        return public_key_as_secret(&draft);
    }
    let token = draft.sign()?;
    Ok(if dice.chance(20) {
        let (signed, _) = token.rsplit_once('.').unwrap_or_default();
        format!("{signed}.")
    } else {
        token
    })
}

/// What a library accepts that lets the token choose the algorithm.
fn public_key_as_secret(draft: &Draft<'_>) -> anyhow::Result<String> {
    let token = draft.sign()?;
    let (signed, _) = token.rsplit_once('.').unwrap_or_default();
    let signature = mac(draft.key.public.as_bytes(), signed.as_bytes());
    Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
}

pub(super) fn key_id(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    match dice.below(4) {
        0 => draft.header.remove("kid"),
        1 => draft.header.write("kid", dice.pick(&NO_STRINGS)),
        _ => draft.header.set(
            "kid",
            &json!(dice.pick(&[
                "of-hs256",
                "of-es256",
                "of-eddsa",
                "of-rs256",
                "",
                "of-HS256",
                "of-hs256 ",
                "../../dev/null",
                "' or 1=1 --",
                "__proto__",
                "\u{0}",
            ])),
        ),
    }
    draft.sign()
}

pub(super) fn token_type(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    match dice.below(4) {
        0 => draft.header.remove("typ"),
        1 => draft.header.write("typ", dice.pick(&NO_STRINGS)),
        _ => draft.header.set(
            "typ",
            &json!(dice.pick(&[
                "JWT",
                "jwt",
                "at+jwt",
                "AT+JWT",
                "application/at+jwt",
                "Application/AT+jwt",
                "",
                "application/x/at+jwt",
                "at+jwt ",
                "rt+jwt",
                "logout+jwt",
                "at+jwt;v=1",
            ])),
        ),
    }
    draft.sign()
}

/// What changes the meaning of a token for whoever understands it, and must be understood or refused.
pub(super) fn extensions(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let (name, value) = dice.pick(&[
        ("crit", "[]"),
        ("crit", "[\"exp\"]"),
        ("crit", "[\"b64\"]"),
        ("crit", "[\"x\"]"),
        ("crit", "null"),
        ("crit", "\"exp\""),
        ("b64", "false"),
        ("b64", "true"),
        ("b64", "null"),
        ("zip", "\"DEF\""),
        ("zip", "\"none\""),
        ("zip", "null"),
    ]);
    draft.header.write(name, value);
    if dice.chance(40) {
        draft.header.write("b64", dice.pick(&["false", "true"]));
    }
    if dice.chance(30) {
        draft.header.write("x", "1");
    }
    draft.sign()
}

/// Keys and places of keys that the token brings itself, signed with such a key or with the true one.
pub(super) fn embedded_keys(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    let secret = b"the secret that the token brings itself";
    let jwk =
        json!({"kty": "oct", "alg": "HS256", "kid": "of-hs256", "k": BASE64URL.encode(secret)});
    let (name, value): (&str, Value) = match dice.below(6) {
        0 | 1 => ("jwk", jwk),
        2 => ("jku", json!("https://evil.example/keys")),
        3 => ("x5u", json!("https://evil.example/chain")),
        4 => ("x5c", json!(["MIIB"])),
        _ => ("x5t", json!("AAAA")),
    };
    draft.header.set(name, &value);
    let token = draft.sign()?;
    if dice.chance(50) {
        return Ok(token);
    }
    let (signed, _) = token.rsplit_once('.').unwrap_or_default();
    let signature = BASE64URL.encode(mac(secret, signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

/// Members of its own, of any type; members twice; names with escapes.
pub(super) fn members(dice: &mut Dice, mut draft: Draft<'_>) -> anyhow::Result<String> {
    match dice.below(3) {
        0 => {
            let at = dice.below(draft.header.0.len());
            let (name, value) = draft.header.0[at].clone();
            let other = dice.pick(&["\"none\"", "\"HS256\"", "\"of-hs256\"", "null", "1"]);
            let value = if dice.chance(30) {
                value
            } else {
                other.to_owned()
            };
            let at = dice.below(draft.header.0.len() + 1);
            draft.header.0.insert(at, (name, value));
        }
        1 => {
            let name = dice.pick(&[
                "\"\\u0061lg\"",
                "\"k\\u0069d\"",
                "\"ty\\u0070\"",
                "\"cri\\u0074\"",
            ]);
            let value = dice.pick(&["\"none\"", "\"HS256\"", "\"at+jwt\"", "[\"x\"]"]);
            let at = dice.below(draft.header.0.len() + 1);
            draft
                .header
                .0
                .insert(at, (name.to_owned(), value.to_owned()));
        }
        _ => {
            let name = dice.pick(&["cty", "nonce", "url", "enc", "app", "", "x5t#S256", "ALG"]);
            let value = dice.pick(&[
                "\"JWT\"",
                "\"A128GCM\"",
                "null",
                "1",
                "[1]",
                "{\"a\":{}}",
                "true",
            ]);
            draft.header.write(name, value);
        }
    }
    draft.sign()
}

/// A byte of the header's text changed, dropped or put in before it is signed.
pub(super) fn a_byte(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let header = altered(dice, draft.header.text().into_bytes());
    draft.sign_texts(header, draft.payload.text())
}

pub(super) fn altered(dice: &mut Dice, mut text: Vec<u8>) -> Vec<u8> {
    let at = dice.below(text.len());
    let byte = if dice.chance(50) {
        dice.byte()
    } else {
        dice.pick(b"\"\\{}[]:, \t\n\r0129-+.eEtfnu/\x00\x1f\x7f")
    };
    match dice.below(4) {
        0 => drop(text.remove(at)),
        1 => text.insert(at, byte),
        2 => text[at] ^= 1 << dice.below(8),
        _ => text[at] = byte,
    }
    text
}
