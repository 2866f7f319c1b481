//! Who hears of refusals: each is counted once, by its reason, where its answer is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::request::Parts;

use crate::{Guard, Reason, Refusal};

type Hook = dyn Fn(&Refusal, &Parts) + Send + Sync;

/// The counts, and whom the application sends. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    counts: Arc<Counts>,
    hook: Option<Arc<Hook>>,
}

struct Counts([AtomicU64; Reason::ALL.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Reason::ALL.len()])
    }
}

impl Counts {
    /// A reason's place among all is its number.
    fn of(&self, reason: Reason) -> &AtomicU64 {
        &self.0[reason as usize]
    }
}

impl Guard {
    /// How many requests were refused so far, for every reason, in the order of [`Reason::ALL`]: for a metric, with
    /// [`Reason::code`] as its label.
    ///
    /// What the layer, the extractors and [`answer`](Self::answer) refuse is counted, each request once. All guards that were made of one another
    /// count together, from 0 where the first was made: [`new`](Self::new), [`hs256`](Self::hs256). Counting costs a request that is let
    /// through nothing.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// # let guard = keystile::Guard::hs256([7; 32])?;
    /// let mut page = String::new();
    /// for (reason, count) in guard.refused() {
    ///     page += &format!("refusals_total{{reason=\"{reason}\"}} {count}\n");
    /// }
    /// # assert!(page.contains("{reason=\"token_expired\"} 0"));
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    pub fn refused(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        let counts = &self.settings().answers.heard.counts;
        let each = Reason::ALL.iter();
        each.map(|reason| (*reason, counts.of(*reason).load(Ordering::Relaxed)))
    }

    /// Calls this with each refusal, once, before it is answered: for a counter of the application's own, or a log. It replaces the
    /// one before it, and must not block. `Refusal` holds nothing of the token; the head of the request does.
    ///
    /// ```
    /// # #[cfg(feature = "tower")] {
    /// let guard = keystile::Guard::hs256([7; 32])?
    ///     .on_refusal(|refusal, request| eprintln!("{} {}: {}", request.method, request.uri.path(), refusal.code()));
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    #[must_use]
    pub fn on_refusal(self, heard: impl Fn(&Refusal, &Parts) + Send + Sync + 'static) -> Self {
        self.speaking(|settings| settings.answers.heard.hook = Some(Arc::new(heard)))
    }

    /// Called once for each refusal, by whoever makes its answer.
    pub(crate) fn hear(&self, refusal: &Refusal, request: &Parts) {
        let heard = &self.settings().answers.heard;
        let count = heard.counts.of(refusal.reason());
        count.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "tracing")]
        self.trace(refusal, request);
        if let Some(hook) = &heard.hook {
            hook(refusal, request);
        }
    }

    /// The path without its query, in which a token may stand. The fields are made only where somebody listens.
    #[cfg(feature = "tracing")]
    fn trace(&self, refusal: &Refusal, request: &Parts) {
        let place = || {
            let body = self.body_of(&request.extensions);
            let found = self.find(request.into(), body).ok().flatten();
            found.map(|found| found.place)
        };
        tracing::debug!(
            target: "keystile",
            reason = refusal.code(),
            status = refusal.status(),
            claim = refusal.claim(),
            needed = refusal.needed(),
            place = place().map(tracing::field::debug),
            method = request.method.as_str(),
            path = request.uri.path(),
            "refused"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_count_of_its_own() {
        let counts = Counts::default();
        for (at, reason) in Reason::ALL.iter().enumerate() {
            counts.of(*reason).store(at as u64 + 1, Ordering::Relaxed);
        }
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(counts.of(*reason).load(Ordering::Relaxed), at as u64 + 1);
        }
    }
}
