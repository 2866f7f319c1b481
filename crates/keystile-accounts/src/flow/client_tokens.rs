//! What a client does with its credentials: proves who it is, gets a token for itself, refreshes what it was given.

use std::net::IpAddr;

use aws_lc_rs::digest;
use keystile::{Scope, TokenHash};

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::SignedIn;
use crate::client::{AuthenticatedClient, Client, ClientToken, TokenWish};
use crate::engine::Engine;
use crate::error::{ClientAuthError, GrantError, WrongResource};
use crate::follow;
use crate::limits::Subject;
use crate::names;
use crate::request::Refresh;

impl Accounts {
    /// Checks a client's id and secret. An unknown client costs what a wrong secret costs, and is answered alike.
    ///
    /// Failures are counted by address, and past the limit are answered `Limited`. The right secret passes
    /// always: nobody can guess 256 random bits, and otherwise whoever fails on purpose would lock the program out.
    pub async fn authenticate_client(
        &self,
        id: &str,
        secret: &str,
        from: Option<IpAddr>,
    ) -> Result<AuthenticatedClient, ClientAuthError> {
        let authenticated = self.engine().authenticate_client(id, secret, from).await;
        if let Err(error) = &authenticated {
            // Not the id that was sent: a secret may have come in its place.
            tracing::info!(code = error.code(), ?from, "client refused");
        }
        authenticated
    }

    /// Issues an access token for the client itself (RFC 6749, section 4.4): `sub` is [`Client::subject`], there is no
    /// session and no refresh token. Guards refuse it once the client is deleted.
    pub async fn client_token(
        &self,
        client: &AuthenticatedClient,
        wish: TokenWish<'_>,
    ) -> Result<ClientToken, GrantError> {
        self.engine().client_token(client, wish).await
    }

    /// As [`refresh`](Self::refresh), for a token that was given to this client: by a sign-in with
    /// [`SignIn::client`](crate::SignIn::client). Any other is [`Unknown`](crate::RefreshError::Unknown), and stays as it
    /// is. `resource` is the access token's audience, one of the client's; what `None` asks for is as with
    /// [`client_token`](Self::client_token).
    pub async fn refresh_for(
        &self,
        client: &AuthenticatedClient,
        request: impl Into<Refresh> + Send,
        resource: Option<&str>,
    ) -> Result<SignedIn, GrantError> {
        let engine = self.engine();
        let audience = engine.audience_for(&client.audiences, resource)?;
        let refreshed = engine.refresh(request.into(), Some(client), audience.as_deref());
        refreshed.await.map_err(GrantError::Refresh)
    }
}

impl Engine {
    async fn authenticate_client(
        &self,
        id: &str,
        secret: &str,
        from: Option<IpAddr>,
    ) -> Result<AuthenticatedClient, ClientAuthError> {
        let now = self.now();
        let presented = hash(secret);
        let found = self.store.client(id).await.map_err(Trouble::from)?;
        let stored = found.as_ref().map_or([0; 32], |client| client.secret_hash);
        // In constant time, and for an unknown client too.
        let matches = TokenHash::from_bytes(stored) == presented;
        if let Some(client) = found.filter(|_| matches) {
            return Ok(AuthenticatedClient::new(Client::from(&client), now, from));
        }
        let counted = self.attempts.count_wrong(Subject::Clients, from).await;
        counted.map_err(Trouble::from)?;
        Err(ClientAuthError::WrongCredentials)
    }

    async fn client_token(
        &self,
        client: &AuthenticatedClient,
        wish: TokenWish<'_>,
    ) -> Result<ClientToken, GrantError> {
        let scope = granted(client, wish.scope)?;
        let audience = self.audience_for(&client.audiences, wish.resource)?;
        if self.followed.doubts_keys() {
            follow::reload_keys(self, &self.followed).await?;
        }
        let issued = self
            .tokens
            .issue_for_client(client, audience.as_deref(), &scope);
        let (access_token, expires_in) = issued?;
        tracing::debug!(client = client.id, "a client got a token");
        Ok(ClientToken {
            access_token,
            expires_in,
            scope: scope.as_str().to_owned(),
        })
    }

    /// The audience of a token for a client of these audiences, or for none; `None` where tokens have none.
    pub(super) fn audience_for(
        &self,
        audiences: &[String],
        wanted: Option<&str>,
    ) -> Result<Option<String>, WrongResource> {
        let own = self.tokens.audience();
        let given = |audience: &str| match audiences {
            [] => own == Some(audience),
            some => some.iter().any(|one| one == audience),
        };
        match (wanted, own, audiences) {
            (Some(wanted), ..) if given(wanted) => Ok(Some(wanted.to_owned())),
            (Some(_), ..) => Err(WrongResource::Refused),
            (None, own, []) => Ok(own.map(str::to_owned)),
            (None, Some(own), _) if given(own) => Ok(Some(own.to_owned())),
            (None, _, [only]) => Ok(Some(only.clone())),
            (None, ..) => Err(WrongResource::Needed),
        }
    }
}

/// SHA-256 of what came as a secret, whatever its form.
fn hash(secret: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    TokenHash::from_bytes(hash)
}

/// The scopes that were asked for, if the client has them all; all that it has where none were asked for.
fn granted(client: &Client, wanted: Option<&str>) -> Result<Scope, GrantError> {
    let Some(wanted) = wanted else {
        return Ok(client.scopes.iter().collect());
    };
    let words: Vec<&str> = wanted.split(' ').collect();
    let has =
        |word: &&str| names::scope(word).is_ok() && client.scopes.iter().any(|own| own == word);
    if words.iter().all(has) {
        let asked_for = client
            .scopes
            .iter()
            .filter(|own| words.contains(&own.as_str()));
        Ok(asked_for.collect())
    } else {
        Err(GrantError::ScopeRefused)
    }
}
