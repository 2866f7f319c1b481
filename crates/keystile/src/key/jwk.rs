//! One JSON Web Key (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::material::Public;
use super::{Algorithm, KeyError, SigningKey, VerifyingKey, der};
use crate::base64url;

const NOT_JWK: KeyError = KeyError::Unreadable(
    "this is not a JWK: it must be a JSON object with 'kty' and that type's members, each once",
);

/// A key as its JSON has it. Erased when dropped, since it may be private.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
    k: Option<String>,
}

impl Jwk {
    pub(crate) fn read(json: &str) -> Result<Self, KeyError> {
        serde_json::from_str(json).map_err(|_| NOT_JWK)
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.kty == "oct"
    }

    pub(crate) fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let algorithm = self.algorithm("verify")?;
        let key = match algorithm {
            Algorithm::Hs256 => VerifyingKey::hs256(&*number(self.k.as_ref())?)?,
            _ => VerifyingKey::from_public(self.public(algorithm)?)?,
        };
        Ok(match &self.kid {
            Some(kid) => key.with_key_id(kid.as_str()),
            None => key,
        })
    }

    pub(crate) fn signing_key(&self) -> Result<SigningKey, KeyError> {
        let algorithm = self.algorithm("sign")?;
        let key = match algorithm {
            Algorithm::Es256 => self.p256()?,
            Algorithm::EdDsa => self.ed25519()?,
            Algorithm::Rs256 => self.rsa()?,
            Algorithm::Hs256 => SigningKey::hs256(&*number(self.k.as_ref())?)?,
        };
        Ok(match &self.kid {
            Some(kid) => key.with_key_id(kid.as_str()),
            None => key,
        })
    }

    /// The one algorithm that the key's type, curve, `alg`, `use` and `key_ops` allow.
    fn algorithm(&self, operation: &str) -> Result<Algorithm, KeyError> {
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("RSA", _) => Algorithm::Rs256,
            ("oct", _) => Algorithm::Hs256,
            _ => {
                return Err(KeyError::Unsupported(
                    "this kind of JWK is not supported; use P-256, Ed25519, RSA or, for HS256, oct",
                ));
            }
        };
        if self.alg.as_deref().unwrap_or(algorithm.as_str()) != algorithm.as_str() {
            return Err(KeyError::UnknownAlgorithm);
        }
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let allowed = |operations: &Vec<String>| operations.iter().any(|one| one == operation);
        if !signs || !self.key_ops.as_ref().is_none_or(allowed) {
            return Err(KeyError::Unsupported(
                "this JWK's 'use' or 'key_ops' does not allow it for signatures; take the issuer's signing key",
            ));
        }
        Ok(algorithm)
    }

    fn public(&self, algorithm: Algorithm) -> Result<Public, KeyError> {
        match algorithm {
            Algorithm::Es256 => {
                Public::p256_from_coordinates(&number(self.x.as_ref())?, &number(self.y.as_ref())?)
            }
            Algorithm::EdDsa => Public::ed25519(&number(self.x.as_ref())?),
            Algorithm::Rs256 => Public::rsa(&number(self.n.as_ref())?, &number(self.e.as_ref())?),
            Algorithm::Hs256 => Err(KeyError::Symmetric),
        }
    }

    fn p256(&self) -> Result<SigningKey, KeyError> {
        let Public::P256(point) = self.public(Algorithm::Es256)? else {
            return Err(KeyError::Invalid);
        };
        let private = number(self.d.as_ref())?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &private,
            &point,
        );
        SigningKey::from_p256(pair.map_err(|_| KeyError::Invalid)?)
    }

    fn ed25519(&self) -> Result<SigningKey, KeyError> {
        let (seed, public) = (number(self.d.as_ref())?, number(self.x.as_ref())?);
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public);
        SigningKey::from_ed25519(pair.map_err(|_| KeyError::Invalid)?)
    }

    /// Two primes, as RFC 7518, section 6.3.2 lists them; `oth` is not supported.
    fn rsa(&self) -> Result<SigningKey, KeyError> {
        let mut content = Zeroizing::new(Vec::new());
        der::write_unsigned(&[], &mut content);
        for part in [
            &self.n, &self.e, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi,
        ] {
            der::write_unsigned(&number(part.as_ref())?, &mut content);
        }
        let mut pkcs1 = Zeroizing::new(Vec::new());
        der::write(der::SEQUENCE, &content, &mut pkcs1);
        SigningKey::from_pkcs8_der(&Zeroizing::new(der::wrap_rsa(&pkcs1)))
    }
}

fn number(member: Option<&String>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    member
        .and_then(|text| base64url::decode(text.as_bytes()))
        .map(Zeroizing::new)
        .ok_or(NOT_JWK)
}
