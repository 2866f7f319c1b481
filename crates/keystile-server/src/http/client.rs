//! A client as administrators see it.

use std::fmt;

use jiff::Timestamp;
use keystile_accounts::{Client, CreatedClient};
use serde::Serialize;
use utoipa::ToSchema;

use super::rfc3339;

/// A client: a program with credentials of its own. Its secret is not in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientBody {
    /// The id that it proves itself by; `client:` and this is the `sub` of its own tokens.
    pub client_id: String,
    /// What people call it.
    #[schema(example = "microblog")]
    pub name: String,
    /// The scopes that its tokens may have.
    #[schema(example = json!(["revocations:read"]))]
    pub scopes: Vec<String>,
    /// The audiences that its tokens may be for; none means this server's issuer.
    pub audiences: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A client that was just made. `Debug` does not show its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = NewClient)]
pub struct NewClientBody {
    /// The client.
    #[serde(flatten)]
    pub client: ClientBody,
    /// Its secret, shown this once.
    #[schema(example = "ksc_…")]
    pub client_secret: String,
}

impl fmt::Debug for NewClientBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewClientBody")
            .field("client", &self.client)
            .field("client_secret", &"[redacted]")
            .finish()
    }
}

impl From<Client> for ClientBody {
    fn from(client: Client) -> Self {
        Self {
            created_at: rfc3339(client.created_at),
            client_id: client.id,
            name: client.name,
            scopes: client.scopes,
            audiences: client.audiences,
        }
    }
}

impl From<CreatedClient> for NewClientBody {
    fn from(created: CreatedClient) -> Self {
        Self {
            client_secret: created.secret.expose().to_owned(),
            client: created.client.into(),
        }
    }
}
