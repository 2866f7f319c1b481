//! The key that verifies.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::Value;

use super::material::{Public, prepare_secret, prepare_weak_secret};
use super::pem::{self, Label};
use super::{Algorithm, Jwk, KeyError, KeyId, der};
use crate::header;

/// A key that verifies: prepared once, with its one algorithm and its id. Clones share it.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    material: Material,
    /// The header that this crate writes for this key, encoded: most tokens have just these bytes.
    usual_header: Box<[u8]>,
}

#[derive(Clone)]
enum Material {
    Public {
        parts: Box<Public>,
        prepared: ParsedPublicKey,
    },
    Secret(Box<hmac::Key>),
}

impl Material {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Public { parts, .. } => parts.algorithm(),
            Self::Secret(_) => Algorithm::Hs256,
        }
    }
}

impl VerifyingKey {
    /// A secret of at least 32 bytes, for HS256. Whoever has it can sign.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let (key, id) = prepare_secret(secret.as_ref())?;
        Ok(Self::build(Material::Secret(Box::new(key)), id))
    }

    /// A secret of any length but none. Only for an issuer of the past.
    pub(crate) fn weak_hs256(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::SecretTooShort { length: 0 });
        }
        let (key, id) = prepare_weak_secret(secret);
        Ok(Self::build(Material::Secret(Box::new(key)), id))
    }

    /// From PEM: `PUBLIC KEY`, `RSA PUBLIC KEY`, or a private key, of which only the public part is kept.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::read(text)?;
        match label {
            Label::Spki => Self::from_der(&der),
            Label::Pkcs1Public => Self::from_pkcs1(&der),
            Label::Pkcs8 | Label::Sec1 | Label::Pkcs1 => {
                super::SigningKey::from_pem(text).map(|key| key.verifying_key().clone())
            }
        }
    }

    /// From a DER `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, key) = der::public_key(der)?;
        match algorithm {
            Algorithm::Es256 => Self::from_public(Public::p256(key)?),
            Algorithm::EdDsa => Self::from_public(Public::ed25519(key)?),
            Algorithm::Rs256 | Algorithm::Hs256 => Self::from_pkcs1(key),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = der::rsa_public(der)?;
        Self::from_public(Public::rsa(modulus, exponent)?)
    }

    /// From one JWK (RFC 7517). Of a private JWK only the public part is kept; `oct` is taken as an HS256 secret.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Jwk::read(json)?.verifying_key()
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_key_id(&self, id: impl Into<KeyId>) -> Self {
        Self::build(self.0.material.clone(), id.into())
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.material.algorithm()
    }

    /// Its id.
    pub fn key_id(&self) -> &KeyId {
        &self.0.id
    }

    /// Its JWK with `kid`, `alg` and `use`. A symmetric key has none.
    pub fn to_jwk(&self) -> Result<Value, KeyError> {
        match &self.0.material {
            Material::Public { parts, .. } => Ok(parts.to_jwk(&self.0.id)),
            Material::Secret(_) => Err(KeyError::Symmetric),
        }
    }

    /// Its `SubjectPublicKeyInfo` as PEM. A symmetric key has none.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        match &self.0.material {
            Material::Public { parts, .. } => {
                let spki = der::wrap_public(parts.algorithm(), &parts.key_bytes());
                Ok(pem::write("PUBLIC KEY", &spki).as_str().to_owned())
            }
            Material::Secret(_) => Err(KeyError::Symmetric),
        }
    }

    pub(super) fn from_public(parts: Public) -> Result<Self, KeyError> {
        let prepared = parts.prepare()?;
        let id = parts.thumbprint();
        let parts = Box::new(parts);
        Ok(Self::build(Material::Public { parts, prepared }, id))
    }

    fn build(material: Material, id: KeyId) -> Self {
        let usual_header = header::encode(material.algorithm(), header::ACCESS_TOKEN, &id);
        Self(Arc::new(Inner {
            id,
            material,
            usual_header: usual_header.into_bytes().into(),
        }))
    }

    pub(crate) fn usual_header(&self) -> &[u8] {
        &self.0.usual_header
    }

    pub(super) fn hmac_key(&self) -> Option<&hmac::Key> {
        match &self.0.material {
            Material::Secret(key) => Some(key),
            Material::Public { .. } => None,
        }
    }

    /// Whether this key made `signature` over `message`: the bare primitive, for payloads that are no tokens. To trust a
    /// token, use a [`Verifier`](crate::Verifier).
    pub fn verify_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.material {
            Material::Public { prepared, .. } => prepared.verify_sig(message, signature).is_ok(),
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", &self.0.id)
            .finish_non_exhaustive()
    }
}
