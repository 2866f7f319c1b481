//! Keys: each has one algorithm and one id, and is prepared once.

mod der;
mod jwk;
mod material;
mod pem;
mod signing;
mod verifying;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

pub(crate) use jwk::Jwk;
pub use signing::SigningKey;
pub use verifying::VerifyingKey;

/// The signature algorithms that are accepted (RFC 7518, section 3; RFC 8037). There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: the default, since every platform verifies it.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits or more.
    Rs256,
    /// HMAC with SHA-256: for a program that both signs and verifies. Never published.
    Hs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Hs256];

    /// The name in a token's `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    /// Whether the key that verifies also signs.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(KeyError::UnknownAlgorithm)
    }
}

/// The id of a key, `kid`. It is compared and shown, never interpreted.
///
/// Unless one is given it is the key's RFC 7638 thumbprint; for an HS256 secret, whose thumbprint would be a plain hash
/// of the secret, it is an HMAC under the secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for KeyId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for KeyId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a key was not taken. It never holds key material.
///
/// Its `Debug` is its `Display`: a `main` that returns it prints that, and so what to do next.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// An HS256 secret of fewer than 32 bytes.
    #[error(
        "an HS256 secret needs at least 32 bytes, this one has {length}; make one with `openssl rand -hex 32`"
    )]
    SecretTooShort {
        /// Its length in bytes.
        length: usize,
    },
    /// An RSA key of fewer than 2048 or more than 8192 bits.
    #[error(
        "an RSA key needs 2048 to 8192 bits, this one has {bits}; make one with `openssl genrsa 3072`"
    )]
    RsaSize {
        /// The length of its modulus in bits.
        bits: usize,
    },
    /// Not one of the four algorithms.
    #[error("this algorithm is not supported; use ES256, EdDSA, RS256 or HS256")]
    UnknownAlgorithm,
    /// A kind of key, a curve or a container that is not supported.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The text or the bytes cannot be read.
    #[error("{0}")]
    Unreadable(&'static str),
    /// The parts of the key do not belong together, or a number in it is out of range.
    #[error(
        "the key's parts do not fit together: it was cut or altered; export it again from where it was made"
    )]
    Invalid,
    /// A symmetric key where only an asymmetric one makes sense.
    #[error("an HS256 secret has no public part and no PKCS#8 form; keep the secret itself")]
    Symmetric,
    /// aws-lc could not make a key.
    #[error("no key could be made; check the system's randomness and memory")]
    Generate,
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
