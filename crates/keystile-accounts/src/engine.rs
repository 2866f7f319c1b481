//! What every flow works with.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keystile::{Clock, OpaqueToken, Random, Timestamp};
use zeroize::Zeroizing;

use crate::answer::{Account, SessionId, SignedIn};
use crate::builder::{AccountIds, SessionOptions};
use crate::chain;
use crate::dummy::Dummies;
use crate::error::Fault;
use crate::follow::{self, Followed};
use crate::gate::Gate;
use crate::issuance::{Issuance, Proof};
use crate::keys::KeyRing;
use crate::limits::Attempts;
use crate::names::UsernameRule;
use crate::password::{PasswordPolicy, Pool, StoredHash};
use crate::request::Caller;
use crate::store::{self, Act, Actor, Hash, LiveSession, NewSession, Store};
use crate::tokens::Tokens;

const LONGEST_DEVICE: usize = 256;

/// Verifiers may accept a token so long after its expiry, and clocks of processes differ: revocations live on for it.
pub(crate) const LEEWAY: Duration = Duration::from_secs(120);

pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) pool: Pool,
    pub(crate) tokens: Tokens,
    pub(crate) followed: Arc<Followed>,
    pub(crate) key_ring: KeyRing,
    pub(crate) sessions: SessionOptions,
    pub(crate) policy: PasswordPolicy,
    pub(crate) usernames: UsernameRule,
    pub(crate) account_ids: AccountIds,
    pub(crate) admin_role: String,
    pub(crate) attempts: Attempts,
    pub(crate) dummies: Dummies,
    pub(crate) cursor_secret: Zeroizing<[u8; 32]>,
    pub(crate) csrf_secret: Zeroizing<[u8; 32]>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) gate: Gate,
}

impl Engine {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The `iss` of the tokens that tell of revocations. `None` where nobody else has the key to believe them by.
    pub(crate) fn issuer_of_events(&self) -> Option<&str> {
        let issuer = self.tokens.issuer();
        issuer.filter(|_| !self.key_ring.has_secret())
    }

    /// An act of this process's own, or of an administrator whose session, generation and role are rechecked.
    pub(crate) fn act(&self, caller: Option<&Caller>, now: Timestamp) -> Act {
        let actor = caller.map(|caller| actor(caller, Some(self.admin_role.clone())));
        self.act_by(actor, caller.and_then(|caller| caller.from), now)
    }

    /// An act on the caller's own account.
    pub(crate) fn own_act(&self, caller: &Caller, now: Timestamp) -> Act {
        self.act_by(Some(actor(caller, None)), caller.from, now)
    }

    pub(crate) fn act_by(&self, actor: Option<Actor>, from: Option<IpAddr>, now: Timestamp) -> Act {
        let until = now
            .saturating_add(self.tokens.lifetime())
            .saturating_add(LEEWAY);
        Act {
            actor,
            now: now.as_millis(),
            revoked_until: until.as_millis(),
            from: from.map(|address| address.to_string()),
        }
    }

    pub(crate) fn hash_of(&self, token: &OpaqueToken) -> Hash {
        chain::hash(
            token,
            self.sessions
                .refresh_hash_key
                .as_ref()
                .map(|key| key.as_slice()),
        )
    }

    /// When a refresh token given out now expires, unless the session's absolute limit comes first.
    pub(crate) fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        let idle = self.sessions.idle_limit.unwrap_or(Duration::MAX);
        now.saturating_add(self.sessions.refresh_lifetime.min(idle))
    }

    /// A session that begins now: whose it is and how its owner proved that, the caller adds.
    pub(crate) fn new_session(
        &self,
        token_hash: Hash,
        from: Option<IpAddr>,
        device: Option<&str>,
        now: Timestamp,
    ) -> NewSession {
        let limit = self
            .sessions
            .absolute_limit
            .map(|limit| now.saturating_add(limit));
        let expires = limit
            .unwrap_or(Timestamp::MAX)
            .min(self.refresh_expiry(now));
        NewSession {
            id: self.new_id(),
            account_id: String::new(),
            generation: 0,
            token_hash,
            expires_at: expires.as_millis(),
            absolute_expires_at: limit.map(Timestamp::as_millis),
            device: device.and_then(shown),
            address: from.map(|address| address.to_string()),
            auth_time: 0,
            amr: Vec::new(),
            client_id: None,
            attempt: None,
            most: self.sessions.limit,
        }
    }

    /// A UUIDv7 (RFC 9562) by this engine's clock and randomness.
    pub(crate) fn new_id(&self) -> String {
        let millis = u64::try_from(self.now().as_millis()).unwrap_or(0);
        let random = self.random.bytes::<10>();
        uuid::Builder::from_unix_timestamp_millis(millis, &random)
            .into_uuid()
            .to_string()
    }

    /// The hash to check a password against; a dummy's where there is no account, no password, or a hash that cannot
    /// be read (an import refuses those).
    pub(crate) fn hash_to_check(
        &self,
        stored: Option<&store::PasswordHash>,
        identifier: &str,
    ) -> (StoredHash, bool) {
        match stored.map(|stored| StoredHash::parse(&stored.encoded)) {
            Some(Ok(hash)) => (hash, true),
            Some(Err(reason)) => {
                tracing::error!(%reason, "a stored password hash cannot be read; set a new password for its owner");
                (self.dummies.for_identifier(identifier), false)
            }
            None => (self.dummies.for_identifier(identifier), false),
        }
    }

    /// Learns the stored formats anew, for the dummies of unknown users.
    pub(crate) async fn learn_formats(&self) -> Result<(), Fault> {
        self.dummies.learn(&self.store.password_formats().await?);
        Ok(())
    }

    /// The answer to whoever holds this session's tokens. Where a key was just withdrawn, or nothing was heard of the
    /// store for too long (this process was paused, say), the keys are looked at first: it may be the one that signs here.
    pub(crate) async fn signed_in(
        &self,
        live: &LiveSession,
        token: &OpaqueToken,
        proof: Proof,
        now: Timestamp,
    ) -> Result<SignedIn, Fault> {
        self.signed_in_at(live, token, proof, now, None).await
    }

    /// The same, with an access token for this audience.
    pub(crate) async fn signed_in_at(
        &self,
        live: &LiveSession,
        token: &OpaqueToken,
        proof: Proof,
        now: Timestamp,
        audience: Option<&str>,
    ) -> Result<SignedIn, Fault> {
        if self.followed.doubts_keys() {
            follow::reload_keys(self, &self.followed).await?;
        }
        let account = Account::from(&live.account);
        let issuance = Issuance::new(live, &account, proof, now);
        let (access_token, expires_in) = self.tokens.issue(live, &issuance, audience)?;
        Ok(SignedIn {
            session_id: SessionId::from(live.session.id.as_str()),
            access_token,
            expires_in,
            refresh_token: chain::given_out(token),
            refresh_expires_at: Timestamp::from_millis(live.session.expires_at),
            account,
        })
    }
}

/// A device's name as it may be shown: nothing that ends a line, moves a terminal's cursor or turns the direction of the
/// text around it. `None` where nothing is left.
fn shown(device: &str) -> Option<String> {
    let kept = device.chars().filter(|c| !is_unseen(*c));
    let text: String = kept.take(LONGEST_DEVICE).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Control characters, line and paragraph separators, and Unicode's format characters that hide or turn text.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

fn actor(caller: &Caller, required_role: Option<String>) -> Actor {
    Actor {
        account_id: caller.account_id.as_str().to_owned(),
        session_id: caller.session_id.as_str().to_owned(),
        generation: caller.generation,
        required_role,
    }
}

/// Milliseconds, as the store counts.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
