//! What became of the tokens: where all agree, where we are stricter, where somebody else is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::judges::{Judgement, Program};
use crate::verdict::Verdict;

/// Counts of one kind of change.
#[derive(Default)]
struct Kind {
    tokens: usize,
    accepted_by_all: usize,
    refused_by_all: usize,
    /// We refuse, somebody accepts: by our reason and by who accepts.
    stricter: BTreeMap<(String, String), usize>,
    /// We accept, somebody refuses: by who refuses and why.
    others_stricter: BTreeMap<(String, String), usize>,
}

pub(super) struct Tally {
    judges: Vec<&'static str>,
    kinds: BTreeMap<&'static str, Kind>,
    faults: Vec<String>,
    fault_count: usize,
}

/// Faults that are kept with their token.
const MOST_KEPT: usize = 20;

impl Tally {
    pub(super) fn new(programs: &[Program]) -> Self {
        let mut judges = vec!["jsonwebtoken"];
        judges.extend(programs.iter().map(|program| program.name));
        Self {
            judges,
            kinds: BTreeMap::new(),
            faults: Vec::new(),
            fault_count: 0,
        }
    }

    /// Counts one token.
    pub(super) fn count(
        &mut self,
        kind: &'static str,
        token: &str,
        ours: &Judgement,
        others: &[Judgement],
    ) {
        let counts = self.kinds.entry(kind).or_default();
        counts.tokens += 1;
        let accepting: Vec<&str> = named(&self.judges, others, Result::is_ok);
        match ours {
            Err(_) if accepting.is_empty() => counts.refused_by_all += 1,
            Err(reason) => {
                let key = (reason.clone(), accepting.join(", "));
                *counts.stricter.entry(key).or_default() += 1;
            }
            Ok(_) if accepting.len() == others.len() => counts.accepted_by_all += 1,
            Ok(_) => {}
        }
        let Ok(subject) = ours else { return };
        for (judge, other) in self.judges.iter().zip(others) {
            match other {
                Ok(theirs) if theirs != subject => {
                    let fault = format!("we read {subject:?}, {judge} {theirs:?}");
                    keep(&mut self.faults, &mut self.fault_count, kind, token, &fault);
                }
                Ok(_) => {}
                Err(error) => {
                    let key = ((*judge).to_owned(), error.clone());
                    *counts.others_stricter.entry(key).or_default() += 1;
                    let fault =
                        format!("we accept, {judge} says {error}; accepted by {accepting:?}");
                    keep(&mut self.faults, &mut self.fault_count, kind, token, &fault);
                }
            }
        }
    }

    /// The report, and the verdict.
    pub(super) fn tell(self, verdict: &mut Verdict) {
        let (mut tokens, mut accepted, mut refused, mut stricter) = (0, 0, 0, 0);
        for (name, kind) in &self.kinds {
            print!("{}", report(name, kind));
            tokens += kind.tokens;
            accepted += kind.accepted_by_all;
            refused += kind.refused_by_all;
            stricter += kind.stricter.values().sum::<usize>();
        }
        for fault in &self.faults {
            verdict.broken(fault);
        }
        verdict.check(self.fault_count == self.faults.len(), || {
            format!("{} more", self.fault_count - self.faults.len())
        });
        // A generator that makes no good tokens, or no bad ones, shows nothing.
        verdict.check(accepted * 10 > tokens && refused * 10 > tokens, || {
            "the tokens are too much of a kind".to_owned()
        });
        verdict.figures = format!(
            "{tokens} tokens judged by us, {}: {accepted} accepted by all, {refused} refused by all, {stricter} refused by \
             us and accepted by another",
            self.judges.join(", ")
        );
    }
}

fn named<'n>(
    judges: &[&'n str],
    judgements: &[Judgement],
    which: impl Fn(&Judgement) -> bool,
) -> Vec<&'n str> {
    judges
        .iter()
        .zip(judgements)
        .filter(|(_, judgement)| which(judgement))
        .map(|(name, _)| *name)
        .collect()
}

fn keep(faults: &mut Vec<String>, count: &mut usize, kind: &str, token: &str, fault: &str) {
    *count += 1;
    if faults.len() < MOST_KEPT {
        faults.push(format!("{kind}: {fault}: {token:?}"));
    }
}

fn report(name: &str, kind: &Kind) -> String {
    let mut text = format!(
        "  {name}: {} tokens, {} accepted by all, {} refused by all\n",
        kind.tokens, kind.accepted_by_all, kind.refused_by_all
    );
    for ((reason, who), count) in &kind.stricter {
        let _ = writeln!(
            text,
            "    {count} refused by us ({reason}), accepted by {who}"
        );
    }
    for ((who, error), count) in &kind.others_stricter {
        let _ = writeln!(
            text,
            "    {count} accepted by us, refused by {who} ({error}): a fault"
        );
    }
    text
}
