//! An issuer of the past, whose tokens are still taken for a while, and verified only.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::{
    Claims, Expected, KeyError, KeySet, KeySource, Reason, Refusal, SubjectRule, Timestamp, Trust,
    Trusted, VerifyingKey,
};

/// An older system whose tokens are taken until they have had their time, so that a move signs nobody out. Its key verifies
/// and never signs. All of it must be stated; what would leave the door open is refused when a [`Trusted`] is made of it.
///
/// Its tokens say who somebody is, and give no roles and no scope: its secret may have been learnt meanwhile, and what the account may
/// do is known here. Where they are to count, [`roles_from`](Trusted::roles_from) and [`scope_from`](Trusted::scope_from) say so. A
/// generation (`gen`) is passed over, and a sign-in (`auth_time`) after `iat` refused. Any other claim is believed as it stands, the mark of
/// [`FreshMark`](crate::FreshMark) too: where that guards what a learnt secret must not open, ask [`Verified::is_legacy`](crate::Verified::is_legacy)
/// besides. What a
/// [`Guard`](crate::Guard) says of all its issuers (`audience`, `issuer`, `token_type`) is not said of this one.
///
/// ```
/// use std::time::Duration;
/// use keystile::{Clock, Expected, Guard, LegacyKeys, LegacyTrust, SubjectRule, Timestamp, Trusted, Verifier};
/// # use keystile::{SigningKey, Trust};
///
/// # let (secret, key) = ("a secret of thirty-two bytes, at the least", SigningKey::hs256([7; 32])?);
/// # let ours = Trust { issuer: "https://id.example".into(), audience: "cakes".into(), token_type: "at+jwt".into(), keys: key.verifying_key().clone() };
/// let moved_at = Timestamp::from_seconds(1_800_000_000);
/// let verifier = Verifier::new(ours).or_trust(Trusted::try_from(LegacyTrust {
///     keys: LegacyKeys::secret(secret)?,
///     issuer: Expected::Absent,
///     audience: Expected::Absent,
///     token_type: "JWT".into(),
///     required_claims: vec![("type".into(), "access".into())],
///     subject: SubjectRule::Integer,
///     issued_before: moved_at,
///     accept_until: moved_at.saturating_add(Duration::from_secs(30 * 86_400)),
///     longest_life: Duration::from_secs(86_400),
/// })?);
///
/// # let clock = Clock::manual(moved_at);
/// # let verifier = verifier.clock(clock.clone());
/// # let at = moved_at.as_seconds();
/// # let claims = serde_json::json!({ "sub": 7, "type": "access", "iat": at - 60, "exp": at + 840 });
/// # let old_token = SigningKey::hs256(secret)?.sign_claims("JWT", &claims)?;
/// let token = verifier.verify(&old_token)?;
/// assert!(token.is_legacy() && token.claims().sub == "7");
/// # let claims = serde_json::json!({ "sub": 7, "type": "access", "iat": at + 1, "exp": at + 840 });
/// # let forged_now = SigningKey::hs256(secret)?.sign_claims("JWT", &claims)?;
/// // Whoever learnt the old secret meanwhile makes nothing with it.
/// assert_eq!(verifier.verify(&forged_now).unwrap_err().claim(), Some("iat"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A statement that is left out does not compile:
///
/// ```compile_fail
/// # use keystile::{Expected, LegacyKeys, LegacyTrust, SubjectRule, Timestamp};
/// # use std::time::Duration;
/// let trust = LegacyTrust {
///     keys: LegacyKeys::secret([7; 32])?,
///     issuer: Expected::Absent,
///     audience: Expected::Absent,
///     token_type: "JWT".into(),
///     required_claims: vec![("type".into(), "access".into())],
///     subject: SubjectRule::Integer,
///     issued_before: Timestamp::from_seconds(1_800_000_000),
///     longest_life: Duration::from_secs(86_400),
/// };
/// # Ok::<(), keystile::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LegacyTrust {
    /// Its keys.
    pub keys: LegacyKeys,
    /// What `iss` must be, or that there must be none. `Unchecked` is refused.
    pub issuer: Expected,
    /// What `aud` must contain.
    pub audience: Expected,
    /// What the header's `typ` must be; most older libraries write `JWT`.
    pub token_type: Expected,
    /// Claims that tell an access token from its other kinds, each with just this value. None at all is refused.
    pub required_claims: Vec<(String, Value)>,
    /// Which types of `sub` are tolerated.
    pub subject: SubjectRule,
    /// A token must say in `iat` that it was issued before this moment: when the older system stops issuing.
    pub issued_before: Timestamp,
    /// From this moment on none of its tokens is taken, whatever they say; they count as expired.
    pub accept_until: Timestamp,
    /// How long after `iat` a token may expire, at the most. One without `exp`, where
    /// [`ExpiryRule::Optional`](crate::ExpiryRule::Optional) is said besides, expires then.
    pub longest_life: Duration,
}

/// The keys of a [`LegacyTrust`]: a secret, or whatever is a [`KeySource`]. They only verify.
#[derive(Clone, Debug)]
pub struct LegacyKeys(KeySource);

impl LegacyKeys {
    /// A secret of at least 32 bytes, for HS256: its bytes as they are, never decoded.
    pub fn secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        VerifyingKey::hs256(secret).map(Self::from)
    }

    /// A secret of fewer than 32 bytes too, but for an empty one. Whoever has a token of a weak secret can find the secret by
    /// trying, and then be anybody until [`accept_until`](LegacyTrust::accept_until): take such tokens for days, not for
    /// months, and let nothing that matters hang on them.
    pub fn weak_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        VerifyingKey::weak_hs256(secret.as_ref()).map(Self::from)
    }

    /// Public keys in PEM, as [`KeySet::from_pem`] reads them.
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        KeySet::from_pem(text).map(Self::from)
    }
}

impl<K: Into<KeySource>> From<K> for LegacyKeys {
    fn from(keys: K) -> Self {
        Self(keys.into())
    }
}

/// What a [`LegacyTrust`] leaves open that must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LegacyTrustError {
    /// Any `iss` would pass.
    #[error(
        "an older issuer's tokens must be told by their 'iss'; say which it is, or Expected::Absent"
    )]
    IssuerUnchecked,
    /// Nothing tells its access tokens from its other tokens.
    #[error(
        "an older issuer's access tokens must be told from its other tokens; require a claim, such as 'type' with the value 'access'"
    )]
    NoRequiredClaim,
    /// Its tokens would be taken for good.
    #[error(
        "an older issuer's tokens are taken for a while only; say when it stops issuing (issued_before) and when its last token has had its time (accept_until)"
    )]
    NoEnd,
    /// No token could pass; or one of any life.
    #[error(
        "no token lives for no time, and none for ever; say how long its tokens live at the most (longest_life)"
    )]
    NoLife,
}

impl TryFrom<LegacyTrust> for Trusted {
    type Error = LegacyTrustError;

    fn try_from(trust: LegacyTrust) -> Result<Self, LegacyTrustError> {
        if trust.issuer == Expected::Unchecked {
            return Err(LegacyTrustError::IssuerUnchecked);
        }
        if trust.required_claims.is_empty() {
            return Err(LegacyTrustError::NoRequiredClaim);
        }
        if trust.issued_before == Timestamp::MAX || trust.accept_until == Timestamp::MAX {
            return Err(LegacyTrustError::NoEnd);
        }
        if trust.longest_life.is_zero() || trust.longest_life == Duration::MAX {
            return Err(LegacyTrustError::NoLife);
        }
        let mut trusted = Self::from(Trust {
            issuer: trust.issuer,
            audience: trust.audience,
            token_type: trust.token_type,
            keys: trust.keys.0,
        })
        .subject(trust.subject);
        trusted.0.required = trust.required_claims;
        trusted.0.legacy = Some(Bounds {
            issued_before: trust.issued_before,
            accept_until: trust.accept_until,
            longest_life: trust.longest_life,
        });
        Ok(trusted)
    }
}

/// How far an older issuer's tokens are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    issued_before: Timestamp,
    accept_until: Timestamp,
    longest_life: Duration,
}

impl Bounds {
    /// What a token's own times must be; one without an end is given one.
    pub(crate) fn check(&self, claims: &mut Claims) -> Result<(), Refusal> {
        let issued = claims.iat;
        let issued = issued.ok_or_else(|| Refusal::of_claim(Reason::TokenClaimMissing, "iat"))?;
        let issued = Timestamp::from_seconds(issued);
        if issued >= self.issued_before {
            return Err(Refusal::of_claim(Reason::TokenClaimWrong, "iat"));
        }
        // Nobody signs in after their token was issued: it would be fresh, however old it is.
        if claims.auth_time > claims.iat {
            return Err(Refusal::of_claim(Reason::TokenClaimWrong, "auth_time"));
        }
        let latest = issued.saturating_add(self.longest_life);
        if claims.exp == Claims::NEVER {
            claims.exp = latest.as_seconds();
        } else if claims.expires_at() > latest {
            return Err(Refusal::of_claim(Reason::TokenClaimWrong, "exp"));
        }
        Ok(())
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.accept_until
    }
}
