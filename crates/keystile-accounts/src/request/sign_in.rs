//! A sign-in with a password.

use std::net::IpAddr;

use super::Password;
use crate::client::{AuthenticatedClient, Client};

/// How somebody names themselves at sign-in.
#[derive(Clone, Debug)]
pub(crate) enum Identifier {
    Username(String),
    Email(String),
    /// An e-mail address if it has an `@`, else a username.
    Either(String),
}

/// A sign-in with a password.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub(crate) identifier: Identifier,
    pub(crate) password: Password,
    pub(crate) from: Option<IpAddr>,
    pub(crate) device: Option<String>,
    pub(crate) client: Option<Client>,
    pub(crate) resource: Option<String>,
}

impl SignIn {
    fn new(identifier: Identifier) -> Self {
        Self {
            identifier,
            password: Password::default(),
            from: None,
            device: None,
            client: None,
            resource: None,
        }
    }

    /// By username.
    pub fn username(username: impl Into<String>) -> Self {
        Self::new(Identifier::Username(username.into()))
    }

    /// By e-mail address, in any case.
    pub fn email(email: impl Into<String>) -> Self {
        Self::new(Identifier::Email(email.into()))
    }

    /// By either: with an `@` it is an e-mail address, without one a username.
    pub fn identifier(identifier: impl Into<String>) -> Self {
        Self::new(Identifier::Either(identifier.into()))
    }

    /// The password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Password::new(password);
        self
    }

    /// The network address that asks; guesses are counted by its block (IPv6 by /64).
    #[must_use]
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// The client that the session is opened for: only it can refresh it, by [`Accounts::refresh_for`], and the session ends
    /// with it. Access tokens carry its `client_id`, and are for one of its audiences: see [`resource`](Self::resource).
    ///
    /// [`Accounts::refresh_for`]: crate::Accounts::refresh_for
    #[must_use]
    pub fn client(mut self, client: &AuthenticatedClient) -> Self {
        self.client = Some(Client::clone(client));
        self
    }

    /// The access token's audience (RFC 8707): one of the client's. Unless said, the issuer's own, if it is among them, or the
    /// only one that it has; where that leaves it open, the sign-in is refused before the password is looked at. Without a
    /// client there is the issuer's own alone.
    #[must_use]
    pub fn resource(mut self, audience: impl Into<String>) -> Self {
        self.resource = Some(audience.into());
        self
    }

    /// What the owner will recognise the session by, usually the `User-Agent`; freed from characters that are not seen,
    /// and cut to 256.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }
}
