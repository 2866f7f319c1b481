//! What a token says of itself in the words of Flask-JWT-Extended: its kind, whether it is fresh, its CSRF value.

use std::time::Duration;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Clock, Random, Timestamp, base64url};

/// The claims `type`, `fresh` and `csrf`, as Flask-JWT-Extended 4.7 writes and asks for them, and the application's own beside
/// them. They are the extra claims of [`Claims`](crate::Claims), so that either side takes the other's tokens.
///
/// ```
/// use std::time::Duration;
/// use keystile::{Claims, Clock, FreshMark, Guard, Random, Requirement, SigningKey, TokenMarks};
///
/// # let secret = [7; 32];
/// let (clock, random) = (Clock::system(), Random::system());
/// let marks = TokenMarks::access().fresh_for(Duration::from_secs(300), &clock).csrf(&random);
/// let claims = Claims::lasting("ada", Duration::from_secs(900), &clock, &random);
/// let claims = Claims { nbf: claims.iat, ..claims }.with_extra(marks);
/// let token = SigningKey::hs256(secret)?.issue_as("JWT", &claims)?;
///
/// let guard = Guard::hs256(secret)?.token_type("JWT").require_claim("type", "access");
/// let verified = guard.verify(&token)?;
/// assert!(FreshMark::check(&verified, guard.now()).is_ok());
/// assert_eq!(verified.csrf(), claims.extra.csrf);
///
/// let refresh = claims.with_extra(TokenMarks::refresh());
/// let refused = guard.verify(&SigningKey::hs256(secret)?.issue_as("JWT", &refresh)?).unwrap_err();
/// assert_eq!(refused.code(), "access_token_needed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Where tokens need not be read by Flask, `typ` tells an access token, and `auth_time` how fresh it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMarks<Extra = ()> {
    /// What the token is for: `type`.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// Whether a password was given for it just now: `fresh`.
    #[serde(default)]
    pub fresh: Freshness,
    /// What a browser sends twice where the token lies in a cookie: `csrf`. The guard's own CSRF token needs no claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// The application's own claims.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a token is for, in the claim `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// To be shown at routes.
    Access,
    /// To be exchanged for another access token.
    Refresh,
}

/// Whether a token is fresh, in the claim `fresh`. [`FreshMark`](crate::FreshMark) asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// It is not: `false`.
    #[default]
    No,
    /// For as long as it lives: `true`.
    Yes,
    /// Until then: whole seconds since the epoch, rounded down.
    Until(Timestamp),
}

impl TokenMarks {
    /// Of an access token, not fresh.
    pub fn access() -> Self {
        Self::of(TokenKind::Access)
    }

    /// Of a refresh token.
    pub fn refresh() -> Self {
        Self::of(TokenKind::Refresh)
    }

    fn of(kind: TokenKind) -> Self {
        Self {
            kind,
            fresh: Freshness::No,
            csrf: None,
            extra: (),
        }
    }
}

impl<Extra> TokenMarks<Extra> {
    /// Fresh for as long as the token lives.
    #[must_use]
    pub fn fresh(self) -> Self {
        let fresh = Freshness::Yes;
        Self { fresh, ..self }
    }

    /// Fresh for so long from now, to the second.
    #[must_use]
    pub fn fresh_for(self, lifetime: Duration, clock: &Clock) -> Self {
        let fresh = Freshness::Until(clock.now().saturating_add(lifetime));
        Self { fresh, ..self }
    }

    /// With a CSRF value, drawn: 128 random bits.
    #[must_use]
    pub fn csrf(self, random: &Random) -> Self {
        let csrf = Some(base64url::encode(&random.bytes::<16>()));
        Self { csrf, ..self }
    }

    /// The same marks with other claims beside them.
    pub fn with_extra<Other>(self, extra: Other) -> TokenMarks<Other> {
        TokenMarks {
            kind: self.kind,
            fresh: self.fresh,
            csrf: self.csrf,
            extra,
        }
    }
}

impl Serialize for Freshness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Yes => serializer.serialize_bool(true),
            Self::Until(until) => serializer.serialize_i64(until.as_seconds()),
        }
    }
}

impl<'de> Deserialize<'de> for Freshness {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(reader)? {
            serde_json::Value::Bool(false) => Ok(Self::No),
            serde_json::Value::Bool(true) => Ok(Self::Yes),
            serde_json::Value::Number(until) => {
                let until = until.as_f64().filter(|until| until.abs() < 9e15);
                #[expect(clippy::cast_possible_truncation, reason = "bounded, and rounded down")]
                let until = until.map(|until| Timestamp::from_seconds(until.floor() as i64));
                let beyond = || Error::custom("'fresh' is no time");
                until.map(Self::Until).ok_or_else(beyond)
            }
            _ => Err(Error::invalid_type(
                Unexpected::Other("something else"),
                &"true, false or a time in seconds",
            )),
        }
    }
}
