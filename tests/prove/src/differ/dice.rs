//! What is left to chance, the same for the same seed.

/// A generator of numbers (splitmix64). For choosing what to try, never for secrets.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not zero.
    #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
    pub(super) const fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    pub(super) const fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) const fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    pub(super) const fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
