//! Access tokens: which keys sign and verify, and what a token says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystile::{Claims, Expected, KeySet, Random, Scope, SigningKey, Timestamp, Trust};
use serde_json::Value;

use crate::answer::Account;
use crate::builder::TokenOptions;
use crate::client::AuthenticatedClient;
use crate::error::Fault;
use crate::issuance::{Issuance, auth_time};
use crate::store::LiveSession;

/// The `iss` where none is configured.
const DEFAULT_ISSUER: &str = "urn:keystile:accounts";

/// Signs access tokens and knows the keys that verify them.
pub(crate) struct Tokens {
    options: TokenOptions,
    issuer: Option<String>,
    audience: Option<String>,
    keys: ArcSwap<Keys>,
    replacing: Mutex<()>,
    random: Random,
}

/// The key that signs, and all that verify: it and the retired ones.
pub(crate) struct Keys {
    pub(crate) signing: SigningKey,
    pub(crate) verifying: KeySet,
}

impl Tokens {
    pub(crate) fn new(options: TokenOptions, keys: Keys, random: Random) -> Self {
        let default = (!options.minimal).then(|| DEFAULT_ISSUER.to_owned());
        let issuer = options.issuer.clone().or(default);
        let audience = match (&options.audience, options.minimal) {
            (Some(audience), _) => Some(audience.clone()),
            (None, false) => issuer.clone(),
            (None, true) => None,
        };
        Self {
            options,
            issuer,
            audience,
            keys: ArcSwap::from_pointee(keys),
            replacing: Mutex::default(),
            random,
        }
    }

    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.options.lifetime
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    /// Takes over other keys, unless somebody else took some over since `held` were looked at: those may be newer. Says
    /// whether it did. `verify` is given what verifies before one of them signs.
    pub(crate) fn replace_keys(
        &self,
        held: &Arc<Keys>,
        keys: Keys,
        verify: impl FnOnce(&KeySet),
    ) -> bool {
        // Held for the two steps only, and never while the store is asked.
        let _in_turn = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(held, &self.keys.load()) {
            return false;
        }
        verify(&keys.verifying);
        self.keys.store(Arc::new(keys));
        true
    }

    /// What a guard demands of these tokens. What they do not say is not checked.
    pub(crate) fn trust(&self) -> Trust {
        let expected = |value: &Option<String>| match value {
            Some(value) => Expected::Exactly(value.clone()),
            None => Expected::Absent,
        };
        Trust {
            issuer: expected(&self.issuer),
            audience: expected(&self.audience),
            token_type: Expected::Exactly(self.options.token_type.clone()),
            keys: self.keys().verifying.clone(),
        }
    }

    /// The `aud` of tokens that are meant for nobody in particular.
    pub(crate) fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Signs a client's own token, as of when it proved who it is: a revocation after that lives longer than the token.
    /// There is no session, and none of the application's own claims, which are about people.
    pub(crate) fn issue_for_client(
        &self,
        client: &AuthenticatedClient,
        audience: Option<&str>,
        scope: &Scope,
    ) -> Result<(String, Duration), Fault> {
        let now = client.at();
        let expires = now.saturating_add(self.options.lifetime);
        let claims = Claims {
            sub: client.subject(),
            aud: audience.map(Into::into).unwrap_or_default(),
            generation: Some(client.generation),
            scope: scope.clone(),
            client_id: Some(client.id.clone()),
            ..self.plain(now, expires)
        };
        let signing = &self.keys.load().signing;
        let token = signing.issue_as(&self.options.token_type, &claims);
        Ok((token.map_err(unsigned)?, self.options.lifetime))
    }

    /// What every token says.
    fn plain(&self, now: Timestamp, expires: Timestamp) -> Claims {
        Claims {
            iss: self.issuer.clone(),
            exp: expires.as_seconds(),
            iat: Some(now.as_seconds()),
            nbf: self.options.not_before.then(|| now.as_seconds()),
            jti: Some(URL_SAFE_NO_PAD.encode(self.random.bytes::<16>())),
            ..Claims::default()
        }
    }

    /// Signs a token for a session as it was at `now`, the time of the transaction that read it: a revocation after
    /// that lives longer than the token. `audience` stands in the place of the usual one. Answers the token and its life.
    pub(crate) fn issue(
        &self,
        live: &LiveSession,
        issuance: &Issuance<'_>,
        audience: Option<&str>,
    ) -> Result<(String, Duration), Fault> {
        let now = issuance.issued_at();
        let mut expires = now.saturating_add(self.options.lifetime);
        if let Some(limit) = live.session.absolute_expires_at {
            expires = expires.min(Timestamp::from_millis(limit));
        }
        let audience = audience.or(self.audience.as_deref());
        let claims = Claims {
            aud: audience.map(Into::into).unwrap_or_default(),
            ..self.claims(live, issuance.account(), now, expires)
        };
        let signing = &self.keys.load().signing;
        let typ = &self.options.token_type;
        let token = match &self.options.extra {
            None => signing.issue_as(typ, &claims),
            Some(extra) => {
                let extra = extra(issuance).map_err(unusable)?;
                if !matches!(extra, Value::Object(_) | Value::Null) {
                    return Err(unusable("they are not an object"));
                }
                signing.issue_as(typ, &claims.with_extra(extra))
            }
        };
        let token = token.map_err(unsigned)?;
        let whole_seconds = expires.as_seconds().saturating_sub(now.as_seconds());
        Ok((
            token,
            Duration::from_secs(u64::try_from(whole_seconds).unwrap_or(0)),
        ))
    }

    fn claims(
        &self,
        live: &LiveSession,
        account: &Account,
        now: Timestamp,
        expires: Timestamp,
    ) -> Claims {
        let least = Claims {
            sub: account.id.as_str().to_owned(),
            sid: Some(live.session.id.clone()),
            generation: Some(account.generation),
            ..self.plain(now, expires)
        };
        if self.options.minimal {
            return least;
        }
        Claims {
            roles: account.roles.iter().collect(),
            auth_time: auth_time(live).map(Timestamp::as_seconds),
            amr: live.session.amr.clone(),
            preferred_username: account.username.clone(),
            client_id: live.session.client_id.clone(),
            ..least
        }
    }
}

fn unsigned(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
    Fault::because(
        "issue_failed",
        "the access token could not be signed",
        error,
    )
}

fn unusable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
    let message = "the extra claims are not usable: return a struct or a map that serialises";
    Fault::because("extra_claims_invalid", message, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Accounts;

    fn keys(random: &Random, kid: &str) -> Keys {
        let signing = SigningKey::generate(keystile::Algorithm::EdDsa, random)
            .unwrap()
            .with_key_id(kid);
        Keys {
            verifying: KeySet::new([signing.verifying_key().clone()]),
            signing,
        }
    }

    #[test]
    fn whoever_read_the_keys_before_another_took_some_over_puts_none_back() {
        let random = Random::seeded(1);
        let options = Accounts::builder("sqlite://:memory:").tokens;
        let tokens = Tokens::new(options, keys(&random, "first"), random.clone());
        let mut verified = Vec::new();
        let (slow, quick) = (tokens.keys(), tokens.keys());
        let taken =
            tokens.replace_keys(&quick, keys(&random, "newest"), |_| verified.push("newest"));
        assert!(taken);
        let taken = tokens.replace_keys(&slow, keys(&random, "older"), |_| verified.push("older"));
        assert!(!taken, "it looks at the store again");
        assert_eq!(tokens.keys().signing.key_id().as_str(), "newest");
        let again = tokens.keys();
        assert!(tokens.replace_keys(&again, keys(&random, "next"), |_| verified.push("next")));
        assert_eq!(tokens.keys().signing.key_id().as_str(), "next");
        assert_eq!(
            verified,
            ["newest", "next"],
            "the verifier follows in the same order"
        );
    }
}
