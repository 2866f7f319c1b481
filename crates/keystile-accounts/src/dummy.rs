//! What an unknown user's password is checked against: a hash of the cost that a known user's might have, so that
//! the work tells nobody who exists.

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;

use crate::password::{Cost, StoredHash};

/// The distribution of the stored hashes' costs.
pub(crate) struct Dummies {
    key: hmac::Key,
    usual: Cost,
    stored: RwLock<Vec<(Cost, u64)>>,
}

impl Dummies {
    pub(crate) fn new(usual: Cost, key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            usual,
            stored: RwLock::default(),
        }
    }

    /// Takes the store's counts of each format. Those that cannot be read cannot be verified either.
    pub(crate) fn learn(&self, formats: &[(String, u64)]) {
        let mut costs: Vec<_> = formats
            .iter()
            .filter_map(|(format, count)| Some((Cost::parse(format)?, *count)))
            .collect();
        costs.sort_by_key(|(cost, _)| cost.to_string());
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = costs;
    }

    /// The dummy for this identifier: always of the same cost while the distribution stands.
    pub(crate) fn for_identifier(&self, identifier: &str) -> StoredHash {
        let tag = hmac::sign(&self.key, identifier.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&tag.as_ref()[..8]);
        StoredHash::dummy(self.draw(u64::from_be_bytes(first)))
    }

    /// The cost at `at` / 2^64 of the distribution.
    fn draw(&self, at: u64) -> Cost {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let total: u128 = stored.iter().map(|(_, count)| u128::from(*count)).sum();
        let mut left = (u128::from(at) * total) >> 64;
        for (cost, count) in stored.iter() {
            match left.checked_sub(u128::from(*count)) {
                None => return *cost,
                Some(rest) => left = rest,
            }
        }
        self.usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dummies_follow_the_stored_distribution_and_stay_for_an_identifier() {
        let usual = Cost::parse("$argon2id$v=19$m=64,t=1,p=1").unwrap();
        let foreign = Cost::parse("$2b$05").unwrap();
        let dummies = Dummies::new(usual, &[3; 32]);
        assert_eq!(dummies.for_identifier("ada").cost(), usual);

        dummies.learn(&[
            (usual.to_string(), 100),
            (foreign.to_string(), 300),
            ("nonsense".to_owned(), 9),
        ]);
        let names: Vec<_> = (0..4_000).map(|n| format!("user{n}")).collect();
        let drawn: Vec<_> = names
            .iter()
            .map(|name| dummies.for_identifier(name).cost())
            .collect();
        let foreign_ones = drawn.iter().filter(|cost| **cost == foreign).count();
        assert!((2_850..3_150).contains(&foreign_ones), "{foreign_ones}");
        assert_eq!(drawn[7], dummies.for_identifier("user7").cost());
    }
}
