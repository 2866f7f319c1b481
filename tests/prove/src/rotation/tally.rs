//! What was issued, and what was said of it: a row for each key.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::time::sleep;

use super::PATIENCE;
use crate::client::Answer;
use crate::figures::Stopwatch;
use crate::verdict::Verdict;

/// An access token that somebody was given.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) kid: String,
    algorithm: String,
    /// The number of the node that signed it.
    node: usize,
    /// Since it was answered.
    pub(super) since: Stopwatch,
}

impl Token {
    pub(super) fn new(text: &str, node: usize) -> anyhow::Result<Arc<Self>> {
        let header = text.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).ok();
        let header: Value = serde_json::from_slice(&header.context("not base64url")?)?;
        let member = |name: &str| header[name].as_str().map(str::to_owned);
        Ok(Arc::new(Self {
            text: text.to_owned(),
            kid: member("kid").context("a token without a key id")?,
            algorithm: member("alg").context("a token without an algorithm")?,
            node,
            since: Stopwatch::start(),
        }))
    }
}

/// A key's row.
struct Key {
    kid: String,
    algorithm: String,
    issued: usize,
    /// By each verifier.
    verified: Vec<usize>,
    guarded: usize,
    refused: usize,
}

/// All rows, in the order in which the keys signed first.
pub(super) struct Tally {
    verifiers: Vec<String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    keys: Vec<Key>,
    /// The key of each node's latest token.
    signing: Vec<(usize, String)>,
    late: usize,
    /// Why, of the first that were refused.
    complaints: Vec<String>,
}

impl Tally {
    pub(super) fn new(verifiers: Vec<String>) -> Self {
        Self {
            verifiers,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn issued(&self, token: &Token) {
        let mut seen = self.seen();
        seen.signing.retain(|(node, _)| *node != token.node);
        seen.signing.push((token.node, token.kid.clone()));
        seen.key(token, self.verifiers.len()).issued += 1;
    }

    pub(super) fn judged(&self, verifier: usize, token: &Token, verdict: &str) {
        let mut seen = self.seen();
        let key = seen.key(token, self.verifiers.len());
        key.verified[verifier] += 1;
        if verdict != "ok" {
            key.refused += 1;
            let name = &self.verifiers[verifier];
            seen.complain(token, name, verdict);
        }
    }

    pub(super) fn guarded(&self, token: &Token, answer: &Answer) {
        let mut seen = self.seen();
        let key = seen.key(token, self.verifiers.len());
        key.guarded += 1;
        if answer.status != 200 {
            key.refused += 1;
            seen.complain(token, "a guarded route", &answer.brief());
        }
    }

    /// One verdict came so late that the token may have expired.
    pub(super) fn late(&self) {
        self.seen().late += 1;
    }

    /// Waits until every node's latest token is of this key; of any where there is none to wait for.
    pub(super) async fn until_all_sign_with(&self, kid: Option<&str>) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        loop {
            let nodes = {
                let seen = self.seen();
                let mut signing = seen.signing.iter();
                let all = signing.all(|(_, signs)| kid.is_none_or(|kid| kid == signs));
                if all { seen.signing.len() } else { 0 }
            };
            // Two verifiers beside each node.
            if nodes == self.verifiers.len() / 2 {
                return Ok(());
            }
            ensure!(watch.elapsed() < PATIENCE, "{kid:?} does not sign");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The algorithms in turn.
    pub(super) fn algorithms(&self) -> Vec<String> {
        let seen = self.seen();
        seen.keys.iter().map(|key| key.algorithm.clone()).collect()
    }

    /// Every key was used, every token was verified by all, and none refused.
    pub(super) fn judge(&self, rotations: usize, verdict: &mut Verdict) {
        let seen = self.seen();
        verdict.check(seen.keys.len() == rotations + 1, || {
            format!(
                "{} keys have signed, not {}",
                seen.keys.len(),
                rotations + 1
            )
        });
        for key in &seen.keys {
            let fewest = key.verified.iter().min().copied().unwrap_or_default();
            verdict.check(fewest + seen.late >= key.issued && key.issued > 0, || {
                format!(
                    "{} of {} tokens of {} verified",
                    fewest, key.issued, key.kid
                )
            });
        }
        for complaint in &seen.complaints {
            verdict.broken(complaint);
        }
    }

    /// All rows in a line.
    pub(super) fn sum(&self) -> String {
        let seen = self.seen();
        let sum = |of: fn(&Key) -> usize| seen.keys.iter().map(of).sum::<usize>();
        format!(
            "{} tokens issued, {} verdicts of PyJWT and jose, {} guarded GETs, {} good tokens refused, {} verdicts too late to count",
            sum(|key| key.issued),
            sum(|key| key.verified.iter().sum()),
            sum(|key| key.guarded),
            sum(|key| key.refused),
            seen.late,
        )
    }
}

impl Seen {
    fn key(&mut self, token: &Token, verifiers: usize) -> &mut Key {
        let found = self.keys.iter().position(|key| key.kid == token.kid);
        let at = found.unwrap_or(self.keys.len());
        if found.is_none() {
            self.keys.push(Key {
                kid: token.kid.clone(),
                algorithm: token.algorithm.clone(),
                issued: 0,
                verified: vec![0; verifiers],
                guarded: 0,
                refused: 0,
            });
        }
        &mut self.keys[at]
    }

    fn complain(&mut self, token: &Token, who: &str, why: &str) {
        if self.complaints.len() < 10 {
            let age = token.since.elapsed();
            let kid = &token.kid;
            let what = format!("{who} refused a good token of {kid}, {age:?} old: {why}");
            self.complaints.push(what);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<10} {:<6} {:>7}", "key", "alg", "issued")?;
        for verifier in &self.verifiers {
            write!(f, " {verifier:>12}")?;
        }
        writeln!(f, " {:>8} {:>8}", "guarded", "refused")?;
        for key in &self.seen().keys {
            let kid: String = key.kid.chars().take(10).collect();
            write!(f, "  {kid:<10} {:<6} {:>7}", key.algorithm, key.issued)?;
            for verified in &key.verified {
                write!(f, " {verified:>12}")?;
            }
            writeln!(f, " {:>8} {:>8}", key.guarded, key.refused)?;
        }
        Ok(())
    }
}
