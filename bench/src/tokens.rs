//! The tokens and keys that are measured, for both libraries.

use anyhow::Context;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use keystile::{Algorithm, Claims, Random, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::stopwatch::seconds_now;

/// Both issuer and audience of the tokens measured, as a server with nothing configured has them.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";
/// The secret of HS256.
pub(crate) const SECRET: &[u8] = b"a secret only benchmarks may use!";
const ACCOUNT: &str = "0199f0a0-5c3e-7b1a-8d42-6f0e9a1b2c3d";
const SESSION: &str = "0199f0a0-5c3e-7b1b-9c11-3a5d7e9f1b2d";
const HOUR: i64 = 3600;

/// A verifying key as it is handed to a child process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyText {
    Secret(Vec<u8>),
    Pem(String),
}

impl KeyText {
    pub(crate) fn of(key: &SigningKey) -> anyhow::Result<Self> {
        Ok(match key.algorithm() {
            Algorithm::Hs256 => Self::Secret(SECRET.to_vec()),
            _ => Self::Pem(key.verifying_key().to_pem()?),
        })
    }

    /// The key again, under the id that the tokens name.
    pub(crate) fn key(&self) -> anyhow::Result<VerifyingKey> {
        Ok(match self {
            Self::Secret(secret) => VerifyingKey::hs256(secret)?,
            Self::Pem(pem) => VerifyingKey::from_pem(pem)?,
        })
    }
}

/// A key of ours: the shared secret, or a fresh pair.
pub(crate) fn signing_key(algorithm: Algorithm) -> anyhow::Result<SigningKey> {
    Ok(match algorithm {
        Algorithm::Hs256 => SigningKey::hs256(SECRET)?,
        other => SigningKey::generate(other, &Random::system())?,
    })
}

/// The claims of a token as a server with nothing configured issues it: about 500 bytes once signed. `jti` makes
/// each different.
pub(crate) fn default_claims(jti: u64) -> Claims {
    let now = seconds_now();
    let mut claims = Claims::new(ACCOUNT, now + HOUR);
    claims.iss = Some(ISSUER.to_owned());
    claims.aud = ISSUER.into();
    claims.iat = Some(now);
    claims.jti = Some(format!("k7Jm2vQ9xT{jti:012}"));
    claims.sid = Some(SESSION.to_owned());
    claims.generation = Some(1);
    claims.auth_time = Some(now);
    claims.amr = vec!["pwd".to_owned()];
    claims.preferred_username = Some("ada".to_owned());
    claims
}

/// The claims of a small token: about 275 bytes once signed with HS256.
pub(crate) fn small_claims() -> Claims {
    let now = seconds_now();
    let mut claims = Claims::new("ada", now + HOUR);
    claims.iss = Some("https://id.example".to_owned());
    claims.aud = "https://pies.example".into();
    claims.iat = Some(now);
    claims.generation = Some(1);
    claims
}

/// `count` different tokens of the default shape.
pub(crate) fn different_tokens(key: &SigningKey, count: usize) -> anyhow::Result<Vec<String>> {
    (0..count as u64)
        .map(|jti| {
            key.issue(&default_claims(jti))
                .context("issuing a token to measure with")
        })
        .collect()
}

/// What one who uses jsonwebtoken reads: every claim we read, typed alike.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RowOfClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    pub(crate) sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<String>,
    pub(crate) exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preferred_username: Option<String>,
}

impl RowOfClaims {
    /// The same claims as ours, member by member, so that both libraries sign the same bytes.
    pub(crate) fn of(claims: &Claims) -> Self {
        Self {
            iss: claims.iss.clone(),
            sub: claims.sub.clone(),
            aud: claims.aud.iter().next().map(str::to_owned),
            exp: claims.exp,
            iat: claims.iat,
            jti: claims.jti.clone(),
            sid: claims.sid.clone(),
            generation: claims.generation,
            auth_time: claims.auth_time,
            amr: claims.amr.clone(),
            preferred_username: claims.preferred_username.clone(),
        }
    }
}

/// The same key and the same demands, for jsonwebtoken.
pub(crate) struct Rival {
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
    pub(crate) header: Header,
    algorithm: jsonwebtoken::Algorithm,
}

impl Rival {
    pub(crate) fn of(key: &SigningKey) -> anyhow::Result<Self> {
        let (algorithm, signing, verifying) = if key.algorithm() == Algorithm::Hs256 {
            let signing = EncodingKey::from_secret(SECRET);
            (
                jsonwebtoken::Algorithm::HS256,
                signing,
                DecodingKey::from_secret(SECRET),
            )
        } else {
            let (private, public) = (key.to_pem()?, key.verifying_key().to_pem()?);
            let (private, public) = (private.as_bytes(), public.as_bytes());
            match key.algorithm() {
                Algorithm::EdDsa => (
                    jsonwebtoken::Algorithm::EdDSA,
                    EncodingKey::from_ed_pem(private)?,
                    DecodingKey::from_ed_pem(public)?,
                ),
                _ => (
                    jsonwebtoken::Algorithm::ES256,
                    EncodingKey::from_ec_pem(private)?,
                    DecodingKey::from_ec_pem(public)?,
                ),
            }
        };
        let mut header = Header::new(algorithm);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key.key_id().as_str().to_owned());
        Ok(Self {
            signing,
            verifying,
            header,
            algorithm,
        })
    }

    /// Issuer, audience and time, as our verifier checks them.
    pub(crate) fn validation(&self, claims: &Claims) -> Validation {
        let mut validation = Validation::new(self.algorithm);
        validation.leeway = 0;
        validation.set_issuer(&[claims.iss.as_deref().unwrap_or_default()]);
        validation.set_audience(&claims.aud.iter().collect::<Vec<_>>());
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }
}

#[cfg(test)]
mod tests {
    use keystile::Algorithm;

    use super::{default_claims, signing_key, small_claims};

    #[test]
    fn tokens_are_as_long_as_said() {
        let key = signing_key(Algorithm::Hs256).unwrap();
        assert_eq!(275, key.issue(&small_claims()).unwrap().len());
        let default = key.issue(&default_claims(7)).unwrap().len();
        assert!((500..=520).contains(&default), "{default}");
    }
}
