//! Argon2 (RFC 9106) in PHC form: `$argon2id$v=19$m=19456,t=2,p=1$salt$digest`.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::hash::UnreadableHash;

/// Caps on what a stored hash may cost: libsodium's "moderate" (m = 262144, t = 3) still passes.
const MOST_MEMORY_KIB: u32 = 262_144;
const MOST_WORK_KIB: u64 = 1_048_576;
const MOST_LANES: u32 = 16;

pub(super) const SALT: usize = 16;
pub(super) const DIGEST: usize = 32;

/// Variant, memory, passes, lanes and the digest's length: all that decides the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Argon2Cost {
    pub(crate) variant: Variant,
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// Argon2d is not taken: it is not meant for passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Variant {
    Id,
    I,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Argon2Hash {
    pub(crate) cost: Argon2Cost,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl Argon2Cost {
    pub(crate) fn id(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self {
            variant: Variant::Id,
            memory_kib,
            passes,
            lanes,
        }
    }

    /// Blocks of 1 KiB that computing it needs.
    pub(crate) fn blocks(self) -> usize {
        self.params(DIGEST).map_or(0, |params| params.block_count())
    }

    /// Whether the parameters are ones that Argon2 allows and within the caps.
    pub(crate) fn check(self) -> Result<(), UnreadableHash> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if self.memory_kib > MOST_MEMORY_KIB || self.lanes > MOST_LANES || work > MOST_WORK_KIB {
            return Err(UnreadableHash::TooCostly(
                "Argon2 above m=262144, p=16 or m*t=1048576",
            ));
        }
        self.params(DIGEST)
            .map(|_| ())
            .ok_or(UnreadableHash::Damaged("its parameters are not Argon2's"))
    }

    fn params(self, digest: usize) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(digest)).ok()
    }

    /// Parses `$argon2id$v=19$m=…,t=…,p=…`, alone or at the start of a whole hash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$').skip(1);
        let variant = match parts.next()? {
            "argon2id" => Variant::Id,
            "argon2i" => Variant::I,
            _ => return None,
        };
        if parts.next()? != "v=19" {
            return None;
        }
        let mut parameters = parts.next()?.split(',');
        let memory_kib = number(parameters.next()?, "m=")?;
        let passes = number(parameters.next()?, "t=")?;
        let lanes = number(parameters.next()?, "p=")?;
        let cost = Self {
            variant,
            memory_kib,
            passes,
            lanes,
        };
        parameters.next().is_none().then_some(cost)
    }
}

/// A decimal number without sign, leading zero or anything else behind it.
fn number(text: &str, name: &str) -> Option<u32> {
    let digits = text.strip_prefix(name)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

impl fmt::Display for Argon2Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.variant {
            Variant::Id => "argon2id",
            Variant::I => "argon2i",
        };
        write!(
            f,
            "${name}$v=19$m={},t={},p={}",
            self.memory_kib, self.passes, self.lanes
        )
    }
}

impl Argon2Hash {
    pub(super) fn parse(encoded: &str) -> Result<Self, UnreadableHash> {
        let cost = Argon2Cost::parse(encoded).ok_or(UnreadableHash::Damaged(
            "expected $argon2id$v=19$m=…,t=…,p=…$salt$digest",
        ))?;
        cost.check()?;
        let mut parts = encoded.split('$').skip(4);
        let (Some(salt), Some(digest), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(UnreadableHash::Damaged("salt or digest is missing"));
        };
        let salt = decode(salt, 8..=64)?;
        let digest = decode(digest, 16..=64)?;
        Ok(Self { cost, salt, digest })
    }

    pub(super) fn dummy(cost: Argon2Cost) -> Self {
        Self {
            cost,
            salt: vec![0; SALT],
            digest: vec![0; DIGEST],
        }
    }

    /// The digest of `password` under this salt and cost; `memory` is reused and grown if need be.
    fn compute(&self, password: &[u8], memory: &mut Vec<Block>) -> Option<Vec<u8>> {
        let params = self.cost.params(self.digest.len())?;
        let algorithm = match self.cost.variant {
            Variant::Id => Algorithm::Argon2id,
            Variant::I => Algorithm::Argon2i,
        };
        let blocks = params.block_count();
        if memory.len() < blocks {
            memory.resize_with(blocks, Block::default);
        }
        let mut digest = vec![0; self.digest.len()];
        Argon2::new(algorithm, Version::V0x13, params)
            .hash_password_into_with_memory(
                password,
                &self.salt,
                &mut digest,
                &mut memory[..blocks],
            )
            .ok()?;
        Some(digest)
    }

    pub(super) fn matches(&self, password: &[u8], memory: &mut Vec<Block>) -> Option<bool> {
        let digest = self.compute(password, memory)?;
        Some(constant_time::verify_slices_are_equal(&digest, &self.digest).is_ok())
    }

    /// Hashes a new password.
    pub(super) fn hash(
        cost: Argon2Cost,
        salt: [u8; SALT],
        password: &[u8],
        memory: &mut Vec<Block>,
    ) -> Option<String> {
        let mut hash = Self {
            cost,
            salt: salt.to_vec(),
            digest: vec![0; DIGEST],
        };
        hash.digest = hash.compute(password, memory)?;
        let (salt, digest) = (
            STANDARD_NO_PAD.encode(&hash.salt),
            STANDARD_NO_PAD.encode(&hash.digest),
        );
        Some(format!("{cost}${salt}${digest}"))
    }
}

fn decode(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, UnreadableHash> {
    STANDARD_NO_PAD
        .decode(text)
        .ok()
        .filter(|bytes| lengths.contains(&bytes.len()))
        .ok_or(UnreadableHash::Damaged(
            "salt or digest is not base64 of a sensible length",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_own_password_and_no_other() {
        let mut memory = Vec::new();
        let cost = Argon2Cost::id(64, 1, 1);
        let encoded = Argon2Hash::hash(cost, [7; SALT], b"open sesame", &mut memory).unwrap();
        assert!(encoded.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let hash = Argon2Hash::parse(&encoded).unwrap();
        assert_eq!(hash.matches(b"open sesame", &mut memory), Some(true));
        assert_eq!(hash.matches(b"open sesam", &mut memory), Some(false));
        assert_eq!(memory.len(), cost.blocks());
    }

    #[test]
    fn the_password_hashing_competitions_own_vectors() {
        // From the reference implementation's test program (argon2 -v 13): password "password", salt "somesalt".
        for (encoded, password) in [
            (
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                "password",
            ),
            (
                "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
                "password",
            ),
            (
                "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
                "password",
            ),
        ] {
            let hash = Argon2Hash::parse(encoded).unwrap();
            assert_eq!(
                hash.matches(password.as_bytes(), &mut Vec::new()),
                Some(true),
                "{encoded}"
            );
        }
    }

    #[test]
    fn hostile_costs_are_refused_before_any_work() {
        for (cost, message) in [
            ("m=4294967295,t=1,p=1", "costs more"),
            ("m=262144,t=5,p=1", "costs more"),
            ("m=1024,t=1,p=17", "costs more"),
            ("m=8,t=1,p=4", "damaged"),
            ("m=64,t=0,p=1", "damaged"),
            ("m=064,t=1,p=1", "damaged"),
            ("m=64,t=1,p=1,x=1", "damaged"),
            ("t=1,m=64,p=1", "damaged"),
        ] {
            let encoded = format!(
                "$argon2id$v=19${cost}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
            );
            let error = Argon2Hash::parse(&encoded)
                .map(|_| ())
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{cost}: {error}");
        }
    }
}
