//! Randomness, as a parameter: tests repeat a sequence.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;

/// A source of random bytes. Clones of a seeded source share its sequence.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Sequence>),
}

/// SHA-256 in counter mode over the seed: repeatable, and good enough for a test.
struct Sequence {
    seed: u64,
    next: AtomicU64,
}

impl Random {
    /// The operating system's randomness, by way of aws-lc.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that is the same for the same seed. **For tests only: whoever knows the seed knows every key.**
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Sequence {
            seed,
            next: AtomicU64::new(0),
        })))
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness. Going on without it would mean guessable keys.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => fill_from_system(bytes),
            Source::Seeded(sequence) => sequence.fill(bytes),
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) const fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Random::system",
            Source::Seeded(_) => "Random::seeded",
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's randomness"
)]
fn fill_from_system(bytes: &mut [u8]) {
    assert!(
        aws_lc_rs::rand::fill(bytes).is_ok(),
        "the operating system gave no randomness; check that this process may call getrandom"
    );
}

impl Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let mut input = [0; 16];
            input[..8].copy_from_slice(&self.seed.to_be_bytes());
            input[8..].copy_from_slice(&turn.to_be_bytes());
            let block = digest::digest(&digest::SHA256, &input);
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_clones_share_it() {
        let one = Random::seeded(7);
        let two = Random::seeded(7);
        assert_eq!(one.bytes::<40>(), two.bytes::<40>());
        assert_ne!(one.clone().bytes::<32>(), one.bytes::<32>());
        assert_ne!(
            Random::seeded(7).bytes::<32>(),
            Random::seeded(8).bytes::<32>()
        );
    }

    #[test]
    fn the_system_repeats_nothing() {
        let random = Random::system();
        assert_ne!(random.bytes::<32>(), random.bytes::<32>());
    }
}
