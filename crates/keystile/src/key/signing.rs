//! The key that signs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use aws_lc_rs::{encoding::AsDer, hmac};
use zeroize::Zeroizing;

use super::material::Public;
use super::pem::{self, Label};
use super::{Algorithm, Jwk, KeyError, KeyId, VerifyingKey, der};
use crate::{Random, Secret, header};

/// A key that signs: prepared once, with its one algorithm and its id. Clones share it; `Debug` shows no secret.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    pair: Arc<Pair>,
    public: VerifyingKey,
    usual_header: Box<str>,
}

struct Pair {
    signer: Signer,
    /// PKCS#8 of an asymmetric key; empty for a symmetric one.
    pkcs8: Secret,
}

enum Signer {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    Hmac,
}

impl SigningKey {
    /// A new key: P-256, Ed25519, RSA of 3072 bits, or a secret of 32 bytes.
    ///
    /// RSA keys are drawn from the system's randomness, whatever `random` is; the others repeat for the same seed.
    pub fn generate(algorithm: Algorithm, random: &Random) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Es256 => generate_p256(random),
            Algorithm::EdDsa => {
                let seed = Zeroizing::new(random.bytes::<32>());
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyError::Generate)?;
                Self::from_ed25519(pair)
            }
            Algorithm::Rs256 => {
                let pair =
                    RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| KeyError::Generate)?;
                let pkcs8 = pair.as_der().map_err(|_| KeyError::Generate)?;
                Self::from_pkcs8_der(pkcs8.as_ref())
            }
            Algorithm::Hs256 => Self::hs256(*Zeroizing::new(random.bytes::<32>())),
        }
    }

    /// A secret of at least 32 bytes, for HS256: its bytes as they are, never decoded.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let public = VerifyingKey::hs256(secret)?;
        Ok(Self::build(Signer::Hmac, Secret::new([]), public))
    }

    /// From PEM: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or `RSA PRIVATE KEY` (PKCS#1), not sealed with a password.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::read(text)?;
        match label {
            Label::Pkcs8 => Self::from_pkcs8_der(&der),
            Label::Sec1 => Self::from_p256_der(&der).map_err(|error| {
                if der::names_p256(&der) {
                    error
                } else {
                    der::OTHER_CURVE
                }
            }),
            Label::Pkcs1 => Self::from_pkcs8_der(&Zeroizing::new(der::wrap_rsa(&der))),
            Label::Spki | Label::Pkcs1Public => Err(KeyError::Unsupported(
                "this is a public key and cannot sign; give the private key",
            )),
        }
    }

    /// From DER PKCS#8 (RFC 5958): P-256, Ed25519 or RSA.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        match der::pkcs8_algorithm(der)? {
            Algorithm::Es256 => Self::from_p256_der(der),
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map_err(|_| KeyError::Invalid)?;
                Self::from_ed25519(pair)
            }
            Algorithm::Rs256 | Algorithm::Hs256 => {
                let (modulus, exponent) = der::rsa_public_of_private(der::pkcs8_content(der)?)?;
                let public = Public::rsa(modulus, exponent)?;
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Invalid)?;
                let pkcs8 = Secret::new(der);
                Ok(Self::build(
                    Signer::Rsa(pair),
                    pkcs8,
                    VerifyingKey::from_public(public)?,
                ))
            }
        }
    }

    /// From one private JWK (RFC 7517; RFC 7518, section 6; RFC 8037), or an `oct` one for HS256.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Jwk::read(json)?.signing_key()
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_key_id(&self, id: impl Into<KeyId>) -> Self {
        Self::assemble(Arc::clone(&self.0.pair), self.0.public.with_key_id(id))
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.public.algorithm()
    }

    /// Its id.
    pub fn key_id(&self) -> &KeyId {
        self.0.public.key_id()
    }

    /// The key that verifies what this one signs. For HS256 it is as secret as this one.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.0.public
    }

    /// The private key as DER PKCS#8. A symmetric key has no such form.
    pub fn to_pkcs8_der(&self) -> Result<Secret, KeyError> {
        if self.algorithm().is_symmetric() {
            return Err(KeyError::Symmetric);
        }
        Ok(self.0.pair.pkcs8.clone())
    }

    /// The private key as PEM, `PRIVATE KEY`. A symmetric key has no such form.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der = self.to_pkcs8_der()?;
        Ok(pem::write("PRIVATE KEY", der.expose()))
    }

    pub(super) fn from_p256_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| KeyError::Invalid)?;
        Self::from_p256(pair)
    }

    pub(super) fn from_p256(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = VerifyingKey::from_public(Public::p256(pair.public_key().as_ref())?)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Invalid)?;
        let pkcs8 = Secret::new(pkcs8.as_ref());
        Ok(Self::build(Signer::P256(pair), pkcs8, public))
    }

    pub(super) fn from_ed25519(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = VerifyingKey::from_public(Public::ed25519(pair.public_key().as_ref())?)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Invalid)?;
        let pkcs8 = Secret::new(pkcs8.as_ref());
        Ok(Self::build(Signer::Ed25519(pair), pkcs8, public))
    }

    fn build(signer: Signer, pkcs8: Secret, public: VerifyingKey) -> Self {
        Self::assemble(Arc::new(Pair { signer, pkcs8 }), public)
    }

    fn assemble(pair: Arc<Pair>, public: VerifyingKey) -> Self {
        let header = header::encode(public.algorithm(), header::ACCESS_TOKEN, public.key_id());
        Self(Arc::new(Inner {
            pair,
            public,
            usual_header: header.into(),
        }))
    }

    /// The encoded header of an access token under this key.
    pub(crate) fn usual_header(&self) -> &str {
        &self.0.usual_header
    }

    /// The signature over `message`, handed to `take`. `None` if aws-lc refuses.
    pub(crate) fn sign<T>(&self, message: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let random = aws_lc_rs_random();
        match &self.0.pair.signer {
            Signer::P256(pair) => pair
                .sign(&random, message)
                .ok()
                .map(|made| take(made.as_ref())),
            Signer::Ed25519(pair) => pair.try_sign(message).ok().map(|made| take(made.as_ref())),
            Signer::Rsa(pair) => {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut made)
                    .ok()?;
                Some(take(&made))
            }
            Signer::Hmac => {
                let key = self.0.public.hmac_key()?;
                Some(take(hmac::sign(key, message).as_ref()))
            }
        }
    }
}

/// aws-lc ignores the source that its signing functions are given and draws nonces itself.
#[expect(
    clippy::disallowed_methods,
    reason = "a parameter that aws-lc ignores; ECDSA nonces must never repeat, in tests neither"
)]
fn aws_lc_rs_random() -> aws_lc_rs::rand::SystemRandom {
    aws_lc_rs::rand::SystemRandom::new()
}

fn generate_p256(random: &Random) -> Result<SigningKey, KeyError> {
    if random.is_system() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        return SigningKey::from_p256(pair.map_err(|_| KeyError::Generate)?);
    }
    // A drawn number is out of range about once in 2^32 draws.
    for _ in 0..8 {
        let scalar = Zeroizing::new(random.bytes::<32>());
        let Ok(private) = agreement::PrivateKey::from_private_key(&ECDH_P256, &*scalar) else {
            continue;
        };
        let public = private
            .compute_public_key()
            .map_err(|_| KeyError::Generate)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &*scalar,
            public.as_ref(),
        );
        return SigningKey::from_p256(pair.map_err(|_| KeyError::Generate)?);
    }
    Err(KeyError::Generate)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("key_id", self.key_id())
            .finish_non_exhaustive()
    }
}
