//! Clients: what is asked for them, and what is answered.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use keystile::{OpaqueToken, Timestamp, Verified};

use crate::answer::{Account, Session};
use crate::store::{ClientRecord, client_subject};

/// What a client's secret begins with: whoever finds one knows what it is.
pub(crate) const SECRET_PREFIX: &str = "ksc_";

/// A client to make. It gets an id and a secret from the engine.
///
/// ```
/// # use keystile_accounts::NewClient;
/// let feed = NewClient::named("microblog").scopes(["revocations:read"]);
/// let api = NewClient::named("orders").scopes(["stock:read"]).audiences(["https://stock.example"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) audiences: Vec<String>,
}

impl NewClient {
    /// Starts with what people call it: 1 to 64 characters, no other client's name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The scopes that its tokens may have (RFC 6749, section 3.3). None unless said.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The audiences that its tokens may be for, and whose tokens it may introspect. Unless said, the issuer's own alone.
    #[must_use]
    pub fn audiences<A: Into<String>>(mut self, audiences: impl IntoIterator<Item = A>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }
}

/// A client: a program with credentials of its own (RFC 6749, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The id, its `client_id`; never given to another.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The scopes that its tokens may have, sorted.
    pub scopes: Vec<String>,
    /// The audiences that its tokens may be for; none means the issuer's own.
    pub audiences: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    pub(crate) generation: u64,
}

impl Client {
    /// The `sub` of its own tokens: `client:` and its id, which no account's id can be.
    pub fn subject(&self) -> String {
        client_subject(&self.id)
    }
}

impl From<&ClientRecord> for Client {
    fn from(record: &ClientRecord) -> Self {
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            scopes: record.scopes.clone(),
            audiences: record.audiences.clone(),
            created_at: Timestamp::from_millis(record.created_at),
            generation: record.generation,
        }
    }
}

/// A client that was just made, with its secret. The secret is shown this once: only its hash is kept.
#[derive(Clone, Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret, 256 random bits. `Debug` does not show it.
    pub secret: OpaqueToken,
}

/// A page of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsPage {
    /// The clients, in the order of their creation.
    pub clients: Vec<Client>,
    /// What to give as `after` for the next page; `None` at the end.
    pub next: Option<i64>,
}

/// A client that has just proved who it is, by [`authenticate_client`](crate::Accounts::authenticate_client). Not to be
/// kept: what is issued for it expires as if it had been issued then.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Client,
    at: Timestamp,
    from: Option<IpAddr>,
}

impl AuthenticatedClient {
    /// `at`: before its row was read.
    pub(crate) fn new(client: Client, at: Timestamp, from: Option<IpAddr>) -> Self {
        Self { client, at, from }
    }

    /// The address that it proved itself from.
    pub(crate) fn from(&self) -> Option<IpAddr> {
        self.from
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }
}

impl Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// What a client asks of a token for itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenWish<'a> {
    /// Scopes, apart by spaces, all of them the client's; `None` asks for all that it has.
    pub scope: Option<&'a str>,
    /// The audience (RFC 8707): one of the client's. `None` asks for the issuer's own, if it is among them, or for the only
    /// one that it has.
    pub resource: Option<&'a str>,
}

/// A client's own access token.
#[derive(Clone)]
pub struct ClientToken {
    /// The signed token (RFC 9068).
    pub access_token: String,
    /// How long it is good for, from now.
    pub expires_in: Duration,
    /// Its scopes, apart by spaces; empty for none.
    pub scope: String,
}

impl std::fmt::Debug for ClientToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientToken")
            .field("access_token", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish()
    }
}

/// A token that a client may know about, and that is good (RFC 7662, section 2.2).
#[derive(Clone, Debug)]
pub enum Introspected {
    /// An access token for an audience of the client's.
    Access(Arc<Verified>),
    /// A refresh token that was given to the client.
    Refresh(Box<RefreshSummary>),
}

/// A refresh token, without itself.
#[derive(Clone, Debug)]
pub struct RefreshSummary {
    /// Whose session it is.
    pub account: Account,
    /// The session.
    pub session: Session,
}
