//! Tokens made and altered by chance, judged by us, by `jsonwebtoken`, by PyJWT and by jose: where we differ, we are the
//! stricter ones.

#[expect(
    clippy::needless_pass_by_value,
    reason = "every change has one shape: it takes the draft and gives a token"
)]
mod body;
mod dice;
mod draft;
#[expect(
    clippy::needless_pass_by_value,
    reason = "every change has one shape: it takes the draft and gives a token"
)]
mod form;
#[expect(
    clippy::needless_pass_by_value,
    reason = "every change has one shape: it takes the draft and gives a token"
)]
mod head;
mod judges;
mod keys;
mod tally;

use anyhow::Context;
use serde_json::Value;

use crate::verdict::Verdict;
use dice::Dice;
use draft::Draft;
use judges::{Judgement, Program};
use keys::Key;
use tally::Tally;

/// A kind of change: what is made of a good token.
type Change = fn(&mut Dice, Draft<'_>) -> anyhow::Result<String>;

/// Every kind, under the name that the report gives it.
const KINDS: [(&str, Change); 22] = [
    ("nothing changed", form::unchanged),
    ("characters of the token", form::character),
    ("spelling in base64", form::spelling),
    ("number of parts", form::parts),
    ("something around it", form::around),
    ("signature", form::signature),
    ("header: algorithm", head::algorithm),
    ("header: key id", head::key_id),
    ("header: type", head::token_type),
    ("header: crit, b64, zip", head::extensions),
    ("header: keys of its own", head::embedded_keys),
    ("header: other members, members twice", head::members),
    ("header: a byte", head::a_byte),
    ("times", body::times),
    ("issuer, audience, subject", body::parties),
    ("types of claims", body::types),
    ("claims twice", body::twice),
    ("nesting", body::nesting),
    ("characters and escapes", body::characters),
    ("payload: bytes", body::a_byte),
    ("white space in the payload", body::white_space),
    ("payload: no object, anything", |dice, draft| {
        if dice.chance(40) {
            body::no_object(dice, draft)
        } else {
            body::anything(dice, draft)
        }
    }),
];

/// Tokens that are judged at a time: what a program is sent in one line.
const BATCH: usize = 1_000;

/// Why the other programs cannot be asked; `None` if they can.
pub fn missing() -> Option<String> {
    crate::rotation::missing()
}

/// Makes so many tokens, the same for the same seed but for the keys, and compares the judgements.
pub async fn prove(tokens: usize, seed: u64) -> anyhow::Result<Verdict> {
    let keys = keys::make()?;
    let verifier = judges::ours(&keys);
    let mut programs = judges::programs(&keys).await?;
    let mut dice = Dice::new(seed);
    let now = verifier.now().as_seconds();
    let mut tally = Tally::new(&programs);
    let mut left = tokens;
    while left > 0 {
        let batch = make_batch(&mut dice, &keys, now, left.min(BATCH))?;
        left -= batch.len();
        let theirs = ask(&mut programs, &batch).await?;
        for (place, (kind, token)) in batch.iter().enumerate() {
            let ours = judges::judged_by_us(&verifier, token);
            let mut others = vec![judges::judged_by_jsonwebtoken(&keys, token)];
            others.extend(theirs.iter().map(|verdicts| verdicts[place].clone()));
            tally.count(kind, token, &ours, &others);
        }
    }
    let mut verdict = Verdict::named("differ");
    tally.tell(&mut verdict);
    Ok(verdict)
}

fn make_batch(
    dice: &mut Dice,
    keys: &[Key],
    now: i64,
    size: usize,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    (0..size)
        .map(|_| {
            let (kind, change) = dice.pick(&KINDS);
            let draft = Draft::new(dice, keys, now);
            let token = change(dice, draft).with_context(|| kind)?;
            Ok((kind, token))
        })
        .collect()
}

/// What each program says of each token; all of them at once.
async fn ask(
    programs: &mut [Program],
    batch: &[(&'static str, String)],
) -> anyhow::Result<Vec<Vec<Judgement>>> {
    let tokens: Value = batch.iter().map(|(_, token)| token.as_str()).collect();
    let mut verdicts = Vec::new();
    for program in programs.iter_mut() {
        program.send(&tokens).await?;
    }
    for program in programs {
        verdicts.push(program.answers(batch.len()).await?);
    }
    Ok(verdicts)
}
