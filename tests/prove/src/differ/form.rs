//! Changes of a token's form: its bytes, its parts, their spelling, its signature.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD as BASE64URL};

use super::dice::Dice;
use super::draft::Draft;
use super::keys::mac;

pub(super) fn unchanged(_: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    draft.sign()
}

/// A character of the token changed, dropped, doubled or put in, or the rest cut off.
pub(super) fn character(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let mut text: Vec<char> = draft.sign()?.chars().collect();
    for _ in 0..=dice.below(3) {
        if text.is_empty() {
            break;
        }
        let at = dice.below(text.len());
        let other = match dice.below(4) {
            0 => char::from(dice.byte() & 0x7f),
            1 => dice.pick(&['\u{e4}', '\u{2028}', '\u{1f370}', '\u{fe0f}']),
            _ => char::from(dice.pick(b"ABCXYZabcxyz019-_+/=.")),
        };
        match dice.below(6) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, text[at]),
            2 => text.insert(at, other),
            3 => text.truncate(at.max(1)),
            _ => text[at] = other,
        }
    }
    Ok(text.into_iter().collect())
}

/// Other spellings of the same bytes: signed as they stand, so that only the spelling can be refused.
pub(super) fn spelling(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    // Names and values whose bytes need both of the letters that the alphabets differ in.
    let mut payload = draft.payload.clone();
    payload.write("x", "\"???>>>~~~\u{ff}\u{fb}\"");
    let (header, payload) = (draft.header.text(), payload.text());
    let respell = |dice: &mut Dice, text: &str| {
        let mut spelt = match dice.below(4) {
            0 => URL_SAFE.encode(text),
            1 => STANDARD.encode(text),
            _ => BASE64URL.encode(text),
        };
        match dice.below(6) {
            0 => spelt.push_str(dice.pick(&["=", "==", "===", "A", "\n", " ", "AAAA"])),
            1 => {
                let at = dice.below(spelt.len());
                spelt.insert_str(at, dice.pick(&["\n", " ", "\r\n", "\t", "=", "\0", "%3D"]));
            }
            2 => trailing_bits(dice, &mut spelt),
            _ => {}
        }
        spelt
    };
    let (header, payload) = (respell(dice, &header), respell(dice, &payload));
    let mut token = draft.sign_parts(&header, &payload)?;
    if dice.chance(30) {
        match dice.below(3) {
            0 => token.push_str(dice.pick(&["=", "==", "\n", " "])),
            1 => trailing_bits(dice, &mut token),
            _ => {
                let at = token.rfind('.').unwrap_or_default() + 1;
                let at = at + dice.below(token.len() - at);
                token.insert_str(at, dice.pick(&["\n", " ", "=", "\t"]));
            }
        }
    }
    Ok(token)
}

/// Another last letter, of which some bits stand for nothing.
fn trailing_bits(dice: &mut Dice, text: &mut String) {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = text.pop().unwrap_or('A');
    let place = LETTERS
        .iter()
        .position(|letter| char::from(*letter) == last);
    let other = place.unwrap_or_default() ^ (1 << dice.below(4));
    text.push(char::from(LETTERS[other % LETTERS.len()]));
}

/// More or fewer parts, empty ones, exchanged ones.
pub(super) fn parts(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let token = draft.sign()?;
    let mut parts: Vec<&str> = token.split('.').collect();
    match dice.below(7) {
        0 => drop(parts.pop()),
        1 => parts.push(dice.pick(&["", "AA", "e30"])),
        2 => parts.insert(dice.below(4), dice.pick(&["", "AA", "e30"])),
        3 => parts[dice.below(3)] = "",
        4 => parts.swap(dice.below(3), dice.below(3)),
        5 => parts.truncate(1),
        _ => parts.extend(["AA", "AA"]),
    }
    Ok(parts.join("."))
}

/// White space and other things around the token.
pub(super) fn around(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let token = draft.sign()?;
    let more = dice.pick(&[
        " ", "\n", "\r\n", "\t", "\0", "\u{feff}", "\u{a0}", "\"", ",", "Bearer ", ".",
    ]);
    Ok(match dice.below(3) {
        0 => format!("{more}{token}"),
        1 => format!("{token}{more}"),
        _ => format!("{more}{token}{more}"),
    })
}

/// No signature, another one, one of other bytes or of another length, one by another secret.
pub(super) fn signature(dice: &mut Dice, draft: Draft<'_>) -> anyhow::Result<String> {
    let token = draft.sign()?;
    let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
    let mut bytes = BASE64URL.decode(signature)?;
    match dice.below(8) {
        0 => bytes.clear(),
        1 => bytes.truncate(dice.below(bytes.len())),
        2 => bytes.push(dice.byte()),
        3 => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        4 => bytes.fill(dice.pick(&[0, 1, 0xff])),
        5 => {
            bytes = mac(
                b"another secret, which is as long as the first",
                signed.as_bytes(),
            );
        }
        6 => bytes = mac(draft.key.public.as_bytes(), signed.as_bytes()),
        _ => bytes = draft.key.sign(b"something else")?,
    }
    Ok(format!("{signed}.{}", BASE64URL.encode(bytes)))
}
