//! The public part of an asymmetric key, and what follows from it: its JWK, its thumbprint, its prepared form.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use aws_lc_rs::{digest, hmac};
use serde_json::{Map, Value};

use super::{Algorithm, KeyError, KeyId, der};
use crate::base64url;

/// A public key's numbers, big-endian.
#[derive(Clone)]
pub(super) enum Public {
    /// The uncompressed point: `04`, x, y.
    P256([u8; 65]),
    Ed25519([u8; 32]),
    /// Without leading zeros.
    Rsa {
        modulus: Box<[u8]>,
        exponent: Box<[u8]>,
    },
}

impl Public {
    pub(super) fn p256(point: &[u8]) -> Result<Self, KeyError> {
        match <[u8; 65]>::try_from(point) {
            Ok(point) if point[0] == 4 => Ok(Self::P256(point)),
            _ => Err(KeyError::Unsupported(
                "a P-256 public key must be an uncompressed point of 65 bytes; convert it with `openssl ec -conv_form uncompressed`",
            )),
        }
    }

    pub(super) fn p256_from_coordinates(x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != 32 || y.len() != 32 {
            return Err(KeyError::Invalid);
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Ok(Self::P256(point))
    }

    pub(super) fn ed25519(key: &[u8]) -> Result<Self, KeyError> {
        key.try_into()
            .map(Self::Ed25519)
            .map_err(|_| KeyError::Invalid)
    }

    /// Refuses a modulus outside 2048 to 8192 bits and an exponent that is even, 1, or longer than 32 bits.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let leading = modulus.first().map_or(0, |first| first.leading_zeros());
        let bits = (modulus.len() * 8).saturating_sub(leading as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(KeyError::RsaSize { bits });
        }
        let odd = exponent.last().is_some_and(|last| last & 1 == 1);
        if !odd || exponent == [1] || exponent.len() > 4 {
            return Err(KeyError::Invalid);
        }
        Ok(Self::Rsa {
            modulus: modulus.into(),
            exponent: exponent.into(),
        })
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Checked and parsed once, so that a verification does neither.
    pub(super) fn prepare(&self) -> Result<ParsedPublicKey, KeyError> {
        let (algorithm, bytes): (&'static dyn VerificationAlgorithm, _) = match self {
            Self::P256(_) => (&ECDSA_P256_SHA256_FIXED, self.key_bytes()),
            Self::Ed25519(_) => (&ED25519, self.key_bytes()),
            Self::Rsa { .. } => (&RSA_PKCS1_2048_8192_SHA256, self.key_bytes()),
        };
        ParsedPublicKey::new(algorithm, bytes).map_err(|_| KeyError::Invalid)
    }

    /// The key as a `SubjectPublicKeyInfo` wraps it.
    pub(super) fn key_bytes(&self) -> Vec<u8> {
        match self {
            Self::P256(point) => point.to_vec(),
            Self::Ed25519(key) => key.to_vec(),
            Self::Rsa { modulus, exponent } => {
                let mut content = Vec::with_capacity(modulus.len() + 16);
                der::write_unsigned(modulus, &mut content);
                der::write_unsigned(exponent, &mut content);
                let mut pkcs1 = Vec::with_capacity(content.len() + 8);
                der::write(der::SEQUENCE, &content, &mut pkcs1);
                pkcs1
            }
        }
    }

    /// The members that a JWK must have, in the order of RFC 7638, section 3.3.
    fn required(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::P256(point) => vec![
                ("crv", "P-256".to_owned()),
                ("kty", "EC".to_owned()),
                ("x", base64url::encode(&point[1..33])),
                ("y", base64url::encode(&point[33..])),
            ],
            Self::Ed25519(key) => vec![
                ("crv", "Ed25519".to_owned()),
                ("kty", "OKP".to_owned()),
                ("x", base64url::encode(key)),
            ],
            Self::Rsa { modulus, exponent } => vec![
                ("e", base64url::encode(exponent)),
                ("kty", "RSA".to_owned()),
                ("n", base64url::encode(modulus)),
            ],
        }
    }

    /// The RFC 7638 thumbprint with SHA-256. Every value is base64url or a fixed name, so none needs escaping.
    pub(super) fn thumbprint(&self) -> KeyId {
        let members: Vec<String> = self
            .required()
            .into_iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect();
        let json = format!("{{{}}}", members.join(","));
        let hash = digest::digest(&digest::SHA256, json.as_bytes());
        base64url::encode(hash.as_ref()).into()
    }

    pub(super) fn to_jwk(&self, id: &KeyId) -> Value {
        let mut jwk: Map<String, Value> = self
            .required()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        jwk.insert("alg".to_owned(), self.algorithm().as_str().into());
        jwk.insert("kid".to_owned(), id.as_str().into());
        jwk.insert("use".to_owned(), "sig".into());
        Value::Object(jwk)
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    &number[start..]
}

/// Shortest HS256 secret, in bytes (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

/// Prepares an HS256 secret and names it.
pub(super) fn prepare_secret(secret: &[u8]) -> Result<(hmac::Key, KeyId), KeyError> {
    if secret.len() < SHORTEST_SECRET {
        return Err(KeyError::SecretTooShort {
            length: secret.len(),
        });
    }
    Ok(prepare_weak_secret(secret))
}

/// As [`prepare_secret`], of any length.
pub(super) fn prepare_weak_secret(secret: &[u8]) -> (hmac::Key, KeyId) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let name = hmac::sign(&key, b"keystile: the id of this HS256 secret");
    let id = base64url::encode(&name.as_ref()[..16]).into();
    (key, id)
}
