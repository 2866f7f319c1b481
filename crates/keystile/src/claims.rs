//! What a token says.

use std::time::Duration;

use serde::Serialize;

use crate::{Audience, Clock, Random, Roles, Scope, Timestamp, base64url};

/// The claims of an access token (RFC 7519, section 4.1; RFC 9068, section 2.2), and the application's own in `extra`.
///
/// Times are seconds since the epoch. What is `None` or empty is not written into a token.
///
/// ```
/// use keystile::{Claims, Timestamp};
/// use std::time::Duration;
///
/// #[derive(serde::Serialize)]
/// struct Shop { shop: &'static str }
///
/// let expires = Timestamp::from_seconds(1_800_000_000).saturating_add(Duration::from_secs(900));
/// let claims = Claims { aud: "cakes".into(), ..Claims::new("ada", expires.as_seconds()) };
/// let claims = claims.with_extra(Shop { shop: "north" });
/// assert_eq!(
///     serde_json::to_string(&claims)?,
///     r#"{"sub":"ada","aud":"cakes","exp":1800000900,"shop":"north"}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claims<Extra = ()> {
    /// Who issued the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Who the caller is. Empty only where the verifier's entry leaves the subject unchecked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub: String,
    /// Whom the token is meant for.
    #[serde(skip_serializing_if = "Audience::is_empty")]
    pub aud: Audience,
    /// When it stops being valid, in seconds since the epoch; [`Claims::NEVER`] is not written.
    #[serde(skip_serializing_if = "is_never")]
    pub exp: i64,
    /// When it starts being valid, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it was issued, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The token's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The session that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The account's generation at issue, the claim `gen`: a password change raises it and ends older tokens.
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What the token may be used for.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The caller's roles.
    #[serde(skip_serializing_if = "Roles::is_empty")]
    pub roles: Roles,
    /// When the caller last proved who they are, in seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How they proved it (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// A name to greet the caller by. Not an identity: names change hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// The client program that the token was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The application's own claims, beside the others in the token. Serialises as an object, or as nothing.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Claims {
    /// `exp` of a token that never expires: none is written. Verifiers refuse it unless their entry says otherwise, by
    /// [`ExpiryRule::Optional`](crate::ExpiryRule::Optional). A sum that overflows never comes to it: it is the least number.
    pub const NEVER: i64 = i64::MIN;

    /// The least: who the caller is, and when the token expires, in seconds since the epoch.
    pub fn new(sub: impl Into<String>, exp: i64) -> Self {
        Self {
            sub: sub.into(),
            exp,
            ..Self::default()
        }
    }

    /// For a token that is issued now, by this clock, and lasts so long: `iat`, `exp` and a random `jti` are filled in.
    pub fn lasting(
        sub: impl Into<String>,
        lifetime: Duration,
        clock: &Clock,
        random: &Random,
    ) -> Self {
        let expires = clock.now().saturating_add(lifetime);
        Self {
            exp: expires.as_seconds(),
            ..Self::never_expiring(sub, clock, random)
        }
    }

    /// For a token that is issued now and never expires: `iat` and a random `jti` are filled in, by which it can be revoked.
    ///
    /// ```
    /// use keystile::{Claims, Clock, ExpiryRule, Guard, Random, SigningKey};
    ///
    /// # let secret = [7; 32];
    /// let claims = Claims::never_expiring("a-sensor", &Clock::system(), &Random::system());
    /// let token = SigningKey::hs256(secret)?.issue(&claims)?;
    /// assert!(Guard::hs256(secret)?.verify(&token).is_err());
    /// assert!(Guard::hs256(secret)?.expiry(ExpiryRule::Optional).verify(&token).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn never_expiring(sub: impl Into<String>, clock: &Clock, random: &Random) -> Self {
        Self {
            iat: Some(clock.now().as_seconds()),
            jti: Some(base64url::encode(&random.bytes::<16>())),
            ..Self::new(sub, Self::NEVER)
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_never(exp: &i64) -> bool {
    *exp == Claims::NEVER
}

impl<Extra> Claims<Extra> {
    /// The same claims with other extra claims.
    pub fn with_extra<Other>(self, extra: Other) -> Claims<Other> {
        Claims {
            iss: self.iss,
            sub: self.sub,
            aud: self.aud,
            exp: self.exp,
            nbf: self.nbf,
            iat: self.iat,
            jti: self.jti,
            sid: self.sid,
            generation: self.generation,
            scope: self.scope,
            roles: self.roles,
            auth_time: self.auth_time,
            amr: self.amr,
            preferred_username: self.preferred_username,
            client_id: self.client_id,
            extra,
        }
    }

    /// When the token stops being valid; [`Timestamp::MAX`] for one that never does.
    pub const fn expires_at(&self) -> Timestamp {
        if self.exp == Claims::NEVER {
            Timestamp::MAX
        } else {
            Timestamp::from_seconds(self.exp)
        }
    }
}
