//! Issuing and verifying without any HTTP, beside jsonwebtoken, in one process and in alternating rounds.

use std::hint::black_box;

use jsonwebtoken::Validation;
use keystile::{Algorithm, Claims, Expected, Guard, KeySet, SigningKey, Trust, Verifier};

use crate::Effort;
use crate::report::{Figure, Limit, Section};
use crate::stopwatch::{Stopwatch, median};
use crate::tokens::{Rival, RowOfClaims, default_claims, signing_key, small_claims};

const THEIRS: &str = "jsonwebtoken";

pub(crate) fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("Issue and verify, claims included, one thread");
    for (algorithm, name, size, claims, limit) in [
        (
            Algorithm::Hs256,
            "HS256",
            "small",
            small_claims(),
            Some(Limit::AtLeast(2.5)),
        ),
        (
            Algorithm::Hs256,
            "HS256",
            "default",
            default_claims(0),
            Some(Limit::AtLeast(2.5)),
        ),
        (
            Algorithm::Es256,
            "ES256",
            "default",
            default_claims(0),
            None,
        ),
        (
            Algorithm::EdDsa,
            "EdDSA",
            "default",
            default_claims(0),
            None,
        ),
    ] {
        let pair = Pair::new(algorithm, claims)?;
        let what = format!("{name}, {size} token of {} bytes", pair.token.len());
        let verify = pair.verify(effort)?.figure(format!("verify {what}"));
        section.figures.push(match limit {
            Some(limit) => verify.limit(limit),
            None => verify,
        });
        section.figures.push(
            pair.verify_again(effort)?
                .figure(format!("verify again {what}")),
        );
        section
            .figures
            .push(pair.issue(effort)?.figure(format!("issue {what}")));
    }
    section.notes.push(
        "medians of alternating rounds, the ratio the median of each round's own; both read the same typed claims \
         and check issuer, audience and time; ratio: how many times as fast as jsonwebtoken"
            .to_owned(),
    );
    Ok(section)
}

/// Both libraries with the same key and the same token.
struct Pair {
    ours: SigningKey,
    verifier: Verifier,
    rival: Rival,
    claims: Claims,
    token: String,
}

impl Pair {
    fn new(algorithm: Algorithm, claims: Claims) -> anyhow::Result<Self> {
        let ours = signing_key(algorithm)?;
        let token = ours.issue(&claims)?;
        let verifier = verifier(&ours, &claims);
        Ok(Self {
            rival: Rival::of(&ours)?,
            ours,
            verifier,
            claims,
            token,
        })
    }

    fn verify(&self, effort: Effort) -> anyhow::Result<Both> {
        let validation = self.rival.validation(&self.claims);
        // Once each with its error shown: what is timed below must be a success.
        self.verifier.verify(&self.token)?;
        jsonwebtoken::decode::<RowOfClaims>(&self.token, &self.rival.verifying, &validation)?;
        Ok(alternate(
            effort,
            || drop(black_box(self.verifier.verify(black_box(&self.token)))),
            || self.verify_by_rival(&validation),
        ))
    }

    /// As a guard does, which remembers what it verified.
    fn verify_again(&self, effort: Effort) -> anyhow::Result<Both> {
        let guard = Guard::new(self.verifier.clone());
        let validation = self.rival.validation(&self.claims);
        guard.verify(&self.token)?;
        Ok(alternate(
            effort,
            || drop(black_box(guard.verify(black_box(&self.token)))),
            || self.verify_by_rival(&validation),
        ))
    }

    fn verify_by_rival(&self, validation: &Validation) {
        let token = black_box(self.token.as_str());
        let key = &self.rival.verifying;
        drop(black_box(jsonwebtoken::decode::<RowOfClaims>(
            token, key, validation,
        )));
    }

    fn issue(&self, effort: Effort) -> anyhow::Result<Both> {
        let row = RowOfClaims::of(&self.claims);
        jsonwebtoken::encode(&self.rival.header, &row, &self.rival.signing)?;
        Ok(alternate(
            effort,
            || drop(black_box(self.ours.issue(black_box(&self.claims)))),
            || {
                drop(black_box(jsonwebtoken::encode(
                    &self.rival.header,
                    black_box(&row),
                    &self.rival.signing,
                )));
            },
        ))
    }
}

/// A verifier that demands what `claims` say.
pub(crate) fn verifier(key: &SigningKey, claims: &Claims) -> Verifier {
    Verifier::new(Trust {
        issuer: Expected::Exactly(claims.iss.clone().unwrap_or_default()),
        audience: Expected::AnyOf(claims.aud.iter().map(str::to_owned).collect()),
        token_type: Expected::from("at+jwt"),
        keys: KeySet::new([key.verifying_key().clone()]),
    })
}

/// Microseconds an operation, ours and theirs.
struct Both {
    ours: f64,
    theirs: f64,
    ratio: f64,
}

impl Both {
    fn figure(&self, name: String) -> Figure {
        Figure::new(name, self.ours, "µs").with_ratio(THEIRS, self.theirs, self.ratio)
    }
}

/// Times both in alternating rounds, so that what else the machine does meets both alike.
fn alternate(effort: Effort, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> Both {
    let times = operations(effort, &mut theirs);
    round(times, &mut ours);
    let (mut of_ours, mut of_theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.timing_rounds() {
        let (a, b) = (round(times, &mut ours), round(times, &mut theirs));
        of_ours.push(a);
        of_theirs.push(b);
        ratios.push(b / a);
    }
    Both {
        ours: median(of_ours),
        theirs: median(of_theirs),
        ratio: median(ratios),
    }
}

/// As many as take the slower one about ten milliseconds: long beside the clock, short beside a time slice.
fn operations(effort: Effort, slower: &mut impl FnMut()) -> u32 {
    let target = match effort {
        Effort::Full => 10_000.0,
        Effort::Quick => 3000.0,
    };
    let one = round(50, slower).max(0.05);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let times = (target / one) as u32;
    times.max(10)
}

/// Microseconds an operation.
fn round(times: u32, operation: &mut impl FnMut()) -> f64 {
    let watch = Stopwatch::start();
    for _ in 0..times {
        operation();
    }
    watch.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}
