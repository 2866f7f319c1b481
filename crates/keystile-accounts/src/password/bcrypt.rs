//! bcrypt, as other systems stored it. Verified over the raw bytes, replaced by Argon2id at sign-in.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::hash::UnreadableHash;

/// At most 2^14 rounds: about a second of one core.
pub(super) const COSTS: std::ops::RangeInclusive<u8> = 4..=14;

/// bcrypt looks at no more bytes than these, the closing NUL among them.
const INPUT: usize = 72;

/// Some older programs set the unused bits of the salt's last character; they mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BcryptHash {
    pub(crate) cost: u8,
    salt: [u8; 16],
    digest: [u8; 23],
}

/// The cost of `$2b$12`, alone or at the start of a whole hash. `$2x$` is a known wrong computation and not taken.
pub(super) fn parse_cost(text: &str) -> Option<u8> {
    let mut parts = text.split('$').skip(1);
    if !matches!(parts.next()?, "2a" | "2b" | "2y") {
        return None;
    }
    let digits = parts.next()?;
    let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

impl BcryptHash {
    pub(super) fn parse(encoded: &str) -> Result<Self, UnreadableHash> {
        let damaged = UnreadableHash::Damaged("expected $2b$, two digits, $ and 53 characters");
        let cost = parse_cost(encoded).ok_or(damaged)?;
        if cost < *COSTS.start() {
            return Err(damaged);
        }
        if cost > *COSTS.end() {
            return Err(UnreadableHash::TooCostly("bcrypt above cost 14"));
        }
        let tail = encoded
            .get(7..)
            .filter(|tail| tail.len() == 53)
            .ok_or(damaged)?;
        let salt = BASE64
            .decode(&tail[..22])
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        let digest = BASE64
            .decode(&tail[22..])
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            cost,
            salt: salt.ok_or(damaged)?,
            digest: digest.ok_or(damaged)?,
        })
    }

    pub(super) fn dummy(cost: u8) -> Self {
        Self {
            cost,
            salt: [0; 16],
            digest: [0; 23],
        }
    }

    /// Whether `password` is this hash's. A password with a NUL never is, though the work is done: the C
    /// implementations stop there, and bcrypt's key repeats, so `x\0x` would pass for `x`.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut input = Zeroizing::new([0; INPUT]);
        let length = password.len().min(INPUT);
        input[..length].copy_from_slice(&password[..length]);
        let used = (length + 1).min(INPUT);
        let digest = ::bcrypt::bcrypt(u32::from(self.cost), self.salt, &input[..used]);
        let same = constant_time::verify_slices_are_equal(&digest[..23], &self.digest).is_ok();
        same && !password.contains(&0)
    }

    /// Whether the hash covers every byte of `password`, so that replacing it locks nobody out who uses a longer
    /// or a shorter form of it.
    pub(super) fn covers(password: &[u8]) -> bool {
        password.len() < INPUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cost 4 and a fixed salt.
    const TAIL: &str = "$04$abcdefghijklmnopqrstuu";

    fn hash_of(prefix: &str, password: &[u8]) -> String {
        let salt: [u8; 16] = BASE64.decode(&TAIL[4..]).unwrap().try_into().unwrap();
        let mut input = password.to_vec();
        input.push(0);
        input.truncate(INPUT);
        let digest = ::bcrypt::bcrypt(4, salt, &input);
        format!(
            "{prefix}$04${}{}",
            BASE64.encode(salt),
            BASE64.encode(&digest[..23])
        )
    }

    #[test]
    fn published_vectors() {
        // From the jBCrypt test program.
        for (password, encoded) in [
            (
                "",
                "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
            ),
            (
                "a",
                "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            ),
        ] {
            let hash = BcryptHash::parse(encoded).unwrap();
            assert!(hash.matches(password.as_bytes()), "{encoded}");
            assert!(!hash.matches(b"b"));
        }
    }

    #[test]
    fn the_three_prefixes_and_no_other() {
        for prefix in ["$2a", "$2b", "$2y"] {
            let hash = BcryptHash::parse(&hash_of(prefix, b"bestpass123")).unwrap();
            assert!(hash.matches(b"bestpass123"));
            assert!(!hash.matches(b"bestpass124"));
        }
        for prefix in ["$2x", "$2", "$2c"] {
            assert!(BcryptHash::parse(&hash_of(prefix, b"bestpass123")).is_err());
        }
    }

    #[test]
    fn a_nul_never_passes_for_the_shorter_password() {
        let hash = BcryptHash::parse(&hash_of("$2b", b"bestpass123")).unwrap();
        assert!(!hash.matches(b"bestpass123\0"));
        assert!(!hash.matches(b"bestpass123\0bestpass123"));
    }

    #[test]
    fn what_it_does_not_wholly_cover_is_known() {
        let long = [b'x'; 80];
        let hash = BcryptHash::parse(&hash_of("$2b", &long)).unwrap();
        assert!(hash.matches(&long) && hash.matches(&long[..72]));
        assert!(!BcryptHash::covers(&long) && !BcryptHash::covers(&long[..72]));
        assert!(BcryptHash::covers(&long[..71]));
    }

    #[test]
    fn hostile_forms_are_refused() {
        let good = hash_of("$2b", b"x");
        for bad in [
            good.replace("$04$", "$15$"),
            good.replace("$04$", "$31$"),
            good.replace("$04$", "$03$"),
            good.replace("$04$", "$4$"),
            good.replace("$04$", "$+4$"),
            good[..59].to_owned(),
            format!("{good}x"),
            good.replace("$04$a", "$04$!"),
            "$2b$".to_owned(),
        ] {
            assert!(BcryptHash::parse(&bad).is_err(), "{bad}");
        }
    }
}
