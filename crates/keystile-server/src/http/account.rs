//! An account as clients see it.

use jiff::Timestamp;
use keystile_accounts::Account;
use serde::Serialize;
use utoipa::ToSchema;

/// An account, without its credentials.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody {
    /// The id: `sub` in its access tokens.
    pub id: String,
    /// The username, where it has one.
    pub username: Option<String>,
    /// The e-mail address, where it has one.
    pub email: Option<String>,
    /// Its roles.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when nobody may sign in to it; null while it is enabled.
    pub disabled_at: Option<Timestamp>,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.into(),
            username: account.username,
            email: account.email,
            roles: account.roles,
            created_at: rfc3339(account.created_at),
            updated_at: rfc3339(account.updated_at),
            disabled_at: account.disabled_at.map(rfc3339),
        }
    }
}

/// A time of the engine as RFC 3339 writes it; what lies beyond year 9999 becomes the epoch.
pub fn rfc3339(at: keystile::Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH)
}
