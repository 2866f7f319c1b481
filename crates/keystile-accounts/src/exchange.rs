//! A refresh token of another program's, offered for a session of ours.

use std::net::IpAddr;

use keystile::{Claims, Verified};
use thiserror::Error;

use crate::answer::AccountId;
use crate::error::Fault;

/// A refresh JWT that another program issued, to be exchanged **once** for a session here, so that nobody is signed out
/// when the programs change places. It must be verified: state in a [`LegacyTrust`](keystile::LegacyTrust) whose it is, that
/// it is a refresh token, and until when such tokens are taken.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use keystile::{Expected, LegacyKeys, LegacyTrust, SubjectRule, Trusted, Verifier};
/// use keystile_accounts::{Accounts, Exchange, ExchangeError, NewAccount};
///
/// # let secret = "a secret of thirty-two bytes, at the least";
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite://{}/shop.db", folder.path().display());
/// # let moved_at = keystile::Clock::system().now().saturating_add(Duration::from_secs(3_600));
/// let month = Duration::from_secs(30 * 86_400);
/// let theirs = Verifier::new(Trusted::try_from(LegacyTrust {
///     keys: LegacyKeys::secret(secret)?,
///     issuer: Expected::Absent,
///     audience: Expected::Absent,
///     token_type: "JWT".into(),
///     required_claims: vec![("type".into(), "refresh".into())],
///     subject: SubjectRule::Required,
///     issued_before: moved_at,
///     accept_until: moved_at.saturating_add(month),
///     longest_life: month,
/// })?);
///
/// let accounts = Accounts::open(&url).await?;
/// accounts.import_account(NewAccount::username("ada").id("7")).await?;
/// # let clock = keystile::Clock::system();
/// # let claims = keystile::Claims::lasting("7", std::time::Duration::from_secs(60), &clock, &keystile::Random::system());
/// # let claims = claims.with_extra(std::collections::BTreeMap::from([("type", "refresh")]));
/// # let token = keystile::SigningKey::hs256(secret)?.issue_as("JWT", &claims)?;
/// let verified = theirs.verify(&token)?;
/// let session = accounts.exchange(Exchange::of(&verified)).await?;
/// assert_eq!(session.account.username.as_deref(), Some("ada"));
///
/// let again = accounts.exchange(Exchange::of(&verified)).await;
/// assert!(matches!(again, Err(ExchangeError::Used)));
/// # accounts.close().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(crate) claims: Claims,
    pub(crate) account: AccountId,
    pub(crate) from: Option<IpAddr>,
    pub(crate) device: Option<String>,
}

impl Exchange {
    /// Of this token, for the account whose id its `sub` is.
    pub fn of(verified: &Verified) -> Self {
        let claims = verified.claims().clone();
        Self {
            account: AccountId::from(claims.sub.as_str()),
            claims,
            from: None,
            device: None,
        }
    }

    /// For another account than the one that `sub` names: where the token tells it otherwise.
    #[must_use]
    pub fn account(mut self, id: impl Into<AccountId>) -> Self {
        self.account = id.into();
        self
    }

    /// The network address that asks.
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// What the owner will recognise the session by; cut to 256 characters.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }
}

/// Why an exchange was refused. All but the last mean: sign in again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// It lacks a claim without which it cannot be exchanged safely.
    #[error("the token has no {claim}; its issuer must write it, or sign in again")]
    Incomplete {
        /// `jti` or `iat`.
        claim: &'static str,
    },
    /// It belongs to a session of ours already: an access token, which is no refresh token.
    #[error(
        "this token was issued here and is no refresh token; send the one that starts with ksr_"
    )]
    Ours,
    /// It was exchanged before.
    #[error("this token was already exchanged; sign in again")]
    Used,
    /// It was revoked by its id; or there is no account that it can be for: unknown, disabled, newer than the token, or
    /// signed out since. Never said which.
    #[error("this token is no longer good for a session here; sign in again")]
    Refused,
    /// Its time has passed.
    #[error("this token has expired; sign in again")]
    Expired,
    /// The store failed; the token may be presented again.
    #[error(transparent)]
    Store(#[from] Fault),
}

impl ExchangeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "exchange_incomplete",
            Self::Ours => "exchange_of_own_token",
            Self::Used => "exchange_used",
            Self::Refused => "exchange_refused",
            Self::Expired => "exchange_expired",
            Self::Store(fault) => fault.code(),
        }
    }
}
