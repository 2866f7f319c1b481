//! One key of each algorithm, for all the judges: ours, the other library's, and what the programs are given.

use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand::SecureRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm as Theirs, DecodingKey};
use keystile::{Algorithm, Random, SigningKey, VerifyingKey};
use serde_json::{Value, json};

const SECRET: &[u8] = b"the secret of these tokens, which nobody else has";

/// A key that signs whatever it is given: also what no library would sign.
pub(super) struct Key {
    pub(super) id: &'static str,
    /// The header's `alg`.
    pub(super) algorithm: &'static str,
    pub(super) ours: VerifyingKey,
    pub(super) theirs: (Theirs, DecodingKey),
    pub(super) jwk: Value,
    /// Its public part as text, which some libraries have taken for a secret.
    pub(super) public: String,
    signer: Signer,
}

enum Signer {
    Secret(Box<hmac::Key>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>),
}

/// One of each algorithm, the secret first.
pub(super) fn make() -> anyhow::Result<Vec<Key>> {
    let mut keys = vec![Key {
        id: "of-hs256",
        algorithm: "HS256",
        ours: VerifyingKey::hs256(SECRET)?.with_key_id("of-hs256"),
        theirs: (Theirs::HS256, DecodingKey::from_secret(SECRET)),
        jwk: json!({"kty": "oct", "alg": "HS256", "kid": "of-hs256", "k": BASE64URL.encode(SECRET)}),
        public: String::new(),
        signer: Signer::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET))),
    }];
    for (id, algorithm) in [
        ("of-es256", Algorithm::Es256),
        ("of-eddsa", Algorithm::EdDsa),
        ("of-rs256", Algorithm::Rs256),
    ] {
        keys.push(pair(id, algorithm)?);
    }
    Ok(keys)
}

fn pair(id: &'static str, algorithm: Algorithm) -> anyhow::Result<Key> {
    let key = SigningKey::generate(algorithm, &Random::system())?.with_key_id(id);
    let private = key.to_pkcs8_der()?;
    let public = key.verifying_key().to_pem()?;
    let der = private.expose();
    let pem = public.as_bytes();
    let (signer, theirs) = match algorithm {
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)?;
            let theirs = (Theirs::ES256, DecodingKey::from_ec_pem(pem)?);
            (Signer::P256(Box::new(pair)), theirs)
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(der)?;
            let theirs = (Theirs::EdDSA, DecodingKey::from_ed_pem(pem)?);
            (Signer::Ed25519(Box::new(pair)), theirs)
        }
        _ => {
            let pair = Box::new(RsaKeyPair::from_pkcs8(der)?);
            let theirs = (Theirs::RS256, DecodingKey::from_rsa_pem(pem)?);
            (Signer::Rsa(pair), theirs)
        }
    };
    Ok(Key {
        id,
        algorithm: algorithm.as_str(),
        jwk: key.verifying_key().to_jwk()?,
        ours: key.verifying_key().clone(),
        theirs,
        public,
        signer,
    })
}

impl Key {
    pub(super) fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        #[expect(
            clippy::disallowed_methods,
            reason = "aws-lc's signing functions demand a generator of its own"
        )]
        let random = SystemRandom::new();
        Ok(match &self.signer {
            Signer::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
            Signer::P256(pair) => pair
                .sign(&random, message)
                .context("signing")?
                .as_ref()
                .to_vec(),
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random: &dyn SecureRandom = &random;
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)
                    .context("signing")?;
                signature
            }
        })
    }
}

/// A MAC with whatever bytes as its secret.
pub(super) fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}
