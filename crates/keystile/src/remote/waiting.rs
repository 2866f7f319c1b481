//! Tokens that name a key which nobody knows yet: they wait for the one fetch, and are verified again.

use std::future::ready;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;

use super::Issuer;
use super::feed::introspected;
use super::inquiry::{Answered, Asked, Seat};
use super::issuer::Progress;
use crate::compact::Parts;
use crate::entry::check_entry;
use crate::guard::Later;
use crate::{
    Algorithm, Guard, KeyId, Reason, Refusal, Timestamp, Verified, Verifier, base64url, header,
    payload, verify,
};

/// What a refused token lacks.
struct Lacking<'v> {
    issuer: &'v Issuer,
    kid: Option<String>,
    /// The key's name, or the token itself where it names none, hashed.
    name: u64,
}

/// Whether a refused token lacks nothing but a key, which its issuer may have published meanwhile. What it claims is
/// believed only as far as to spare a fetch: one that would be refused anyway lacks nothing.
fn lacking<'v>(
    verifier: &'v Verifier,
    token: &str,
    refusal: &Refusal,
    now: Timestamp,
) -> Option<Lacking<'v>> {
    let reason = refusal.reason();
    if !matches!(
        reason,
        Reason::KeysUnknown
            | Reason::TokenKeyUnknown
            | Reason::TokenAlgorithmRefused
            | Reason::TokenSignatureInvalid
    ) {
        return None;
    }
    if verifier
        .entries()
        .iter()
        .all(|entry| entry.followed().is_none())
    {
        return None;
    }
    let parts = Parts::split(token).ok()?;
    let head = header::decode(parts.header).ok()?;
    let algorithm: Algorithm = head.algorithm.parse().ok()?;
    let for_want_of_a_key = match reason {
        Reason::KeysUnknown => true,
        Reason::TokenKeyUnknown => head.kid.is_some(),
        // A token that names no key is tried with each.
        _ => head.kid.is_none(),
    };
    // A published key never verifies HS256.
    if !for_want_of_a_key || algorithm.is_symmetric() {
        return None;
    }
    let payload = base64url::decode(parts.payload)?;
    let mut read = payload::parse(&payload).ok()?;
    let entry = match verifier.entries() {
        [entry] => entry,
        entries => &entries[verify::choose(entries, &read).ok()?],
    };
    let issuer = entry.followed()?;
    if !entry.algorithms.has(algorithm) {
        return None;
    }
    check_entry(entry, &mut read, head.typ.as_deref(), &payload).ok()?;
    verifier.check_times(entry, &read.claims, now).ok()?;
    let name = head.kid.as_deref().unwrap_or(token);
    Some(Lacking {
        issuer,
        name: issuer.shared().hash(name.as_bytes()),
        kid: head.kid,
    })
}

impl Lacking<'_> {
    fn was_missed(&self) -> bool {
        let shared = self.issuer.shared();
        shared.was_missed(self.name, self.issuer.clock().now())
    }
}

impl Verifier {
    /// Has keys fetched if they are what a refused token lacks, for the next one like it.
    pub(crate) fn ask_for_keys(&self, token: &str, refusal: &Refusal, now: Timestamp) {
        let is_open = matches!(
            refusal.reason(),
            Reason::RevocationUnknown | Reason::KeysUnknown
        );
        // Whoever asks next is told.
        if is_open && self.inquire(token).is_some() {
            return;
        }
        let Some(lacking) = lacking(self, token, refusal, now) else {
            return;
        };
        let progress = *lacking.issuer.shared().progress.borrow();
        if progress.begun == progress.ended && !lacking.was_missed() {
            lacking.issuer.want(progress.begun + 1);
        }
    }
}

/// What becomes of a refused token once its issuer was asked; `None` where that changes nothing.
pub(crate) fn later(guard: &Guard, token: &str, refusal: &Refusal) -> Option<Later> {
    let is_open = matches!(
        refusal.reason(),
        Reason::RevocationUnknown | Reason::KeysUnknown
    );
    if is_open {
        match guard.verifier().inquire(token) {
            Some(Asked::Waits(answered)) => {
                return Some(once_answered(guard.clone(), token.into(), answered));
            }
            Some(Asked::Answered) => {
                // Perhaps since the token was refused.
                let now = guard.now();
                let verdict = guard.decide(token, now);
                let is_the_same = |other: &Refusal| other.reason() == refusal.reason();
                if !verdict.as_ref().is_err_and(is_the_same) {
                    let verdict = verdict.map_err(|other| guard.unless_not_known(other, now));
                    return Some(Box::pin(ready(verdict)));
                }
            }
            None => {}
        }
    }
    if refusal.reason() == Reason::RevocationUnknown {
        return introspected(guard, token);
    }
    let lacking = lacking(guard.verifier(), token, refusal, guard.now())?;
    let kid = lacking.kid.as_deref().map(KeyId::from);
    let whose = Some(lacking.issuer.name());
    let lists = [Some(guard.revoked()), lacking.issuer.heard()];
    let withdrawn = kid.is_some_and(|kid| {
        let mut lists = lists.into_iter().flatten();
        lists.any(|list| list.is_withdrawn(whose, &kid))
    });
    if withdrawn || lacking.was_missed() {
        return None;
    }
    let issuer = lacking.issuer;
    let mut progress = issuer.shared().progress.subscribe();
    let arrived = *progress.borrow_and_update();
    // A fetch may have ended since the token was refused.
    if let Ok(verified) = guard.decide(token, guard.now()) {
        return Some(Box::pin(ready(Ok(verified))));
    }
    if arrived.begun == arrived.ended {
        issuer.want(arrived.begun + 1);
    }
    // Without any keys every request would wait, and pile up.
    if refusal.reason() == Reason::KeysUnknown && arrived.went_well != arrived.ended {
        return None;
    }
    let Some(seat) = Seat::take(&issuer.shared().waiting) else {
        return Some(Box::pin(ready(Err(Reason::KeysUnknown.into()))));
    };
    let waiter = Waiter {
        guard: guard.clone(),
        issuer: issuer.clone(),
        token: token.into(),
        name: lacking.name,
        progress,
        arrived,
        _seat: seat,
    };
    Some(Box::pin(waiter.wait()))
}

/// What becomes of a token once whoever was asked about it has answered, or has not in time.
fn once_answered(guard: Guard, token: Box<str>, answered: Answered) -> Later {
    Box::pin(async move {
        answered.wait().await;
        let now = guard.now();
        let verdict = guard.decide(&token, now);
        verdict.map_err(|refusal| guard.unless_not_known(refusal, now))
    })
}

/// A token that waits.
struct Waiter {
    guard: Guard,
    issuer: Issuer,
    token: Box<str>,
    name: u64,
    progress: watch::Receiver<Progress>,
    arrived: Progress,
    _seat: Seat,
}

impl Waiter {
    async fn wait(mut self) -> Result<Arc<Verified>, Refusal> {
        let limit = self.issuer.shared().plan.timeout;
        let verdict = timeout(limit, self.follow_and_ask()).await;
        verdict.unwrap_or(Err(Reason::KeysUnknown.into()))
    }

    /// The key may be there, and what is revoked not known.
    async fn follow_and_ask(&mut self) -> Result<Arc<Verified>, Refusal> {
        match self.follow().await {
            Err(refusal) if refusal.reason() == Reason::RevocationUnknown => {
                match introspected(&self.guard, &self.token) {
                    Some(later) => later.await,
                    None => Err(refusal),
                }
            }
            verdict => verdict,
        }
    }

    /// Looks again after each fetch. A fetch that began before the token came may bring its key; only one that began
    /// after it, and went well, shows that there is none.
    async fn follow(&mut self) -> Result<Arc<Verified>, Refusal> {
        let mut ended = self.arrived.ended;
        while self.progress.changed().await.is_ok() {
            let seen = *self.progress.borrow_and_update();
            if seen.ended == ended {
                continue;
            }
            ended = seen.ended;
            let now = self.guard.now();
            let refusal = match self.guard.decide(&self.token, now) {
                Ok(verified) => return Ok(verified),
                Err(refusal) => refusal,
            };
            if lacking(self.guard.verifier(), &self.token, &refusal, now).is_none() {
                return Err(self.guard.unless_not_known(refusal, now));
            }
            if seen.went_well > self.arrived.begun {
                let shared = self.issuer.shared();
                shared.note_missed(self.name, self.issuer.clock().now());
                return Err(self.guard.unless_not_known(refusal, now));
            }
            if refusal.reason() == Reason::KeysUnknown && seen.went_well != seen.ended {
                return Err(self.guard.unless_not_known(refusal, now));
            }
            if seen.begun == seen.ended {
                self.issuer.want(seen.begun + 1);
            }
        }
        Err(Reason::KeysUnknown.into())
    }
}
