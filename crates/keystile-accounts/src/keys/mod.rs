//! The signing keys: where they come from, which one signs, and which verify.
//!
//! The database's time, by which steps are due, is what is written in its rows: each act dates its row by the clock that it
//! is given, and a process compares that with its own. Of nodes on PostgreSQL the database leads the clocks; should they
//! differ all the same, the [times](times) allow for a minute.

mod seal;
mod settle;
mod times;
mod turn;

use std::time::Duration;

use keystile::{Algorithm, KeySet, Random, SigningKey, Timestamp, VerifyingKey};
use zeroize::Zeroizing;

use crate::answer::{KeyState, KeyStep, KeySummary, NextStep};
use crate::builder::TokenOptions;
use crate::engine::millis;
use crate::error::{Fault, OpenError};
use crate::store::{self, Act, KeyRecord, Store, WriteError};
use crate::tokens::Keys;

pub(crate) use seal::{ID_LENGTH, Sealing, SealingId, SealingKey, sealed_by};
pub(crate) use times::KeyTimes;

/// How keys are kept and when they turn.
#[derive(Clone)]
pub(crate) struct KeyOptions {
    pub(crate) max_age: Duration,
    pub(crate) rotate_every: Option<Duration>,
    pub(crate) sealing_key: Option<Zeroizing<[u8; 32]>>,
    pub(crate) previous_sealing_key: Option<Zeroizing<[u8; 32]>>,
    /// Kept elsewhere: the first signs, the others verify.
    pub(crate) elsewhere: Vec<SigningKey>,
    /// Whether the store's keys stay as they are though others sign.
    pub(crate) leave_stored: bool,
}

impl Default for KeyOptions {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(300),
            rotate_every: None,
            sealing_key: None,
            previous_sealing_key: None,
            elsewhere: Vec::new(),
            leave_stored: false,
        }
    }
}

impl KeyOptions {
    /// The keys derived from the sealing keys.
    pub(crate) fn sealing(&self) -> Sealing {
        let derived =
            |key: &Option<Zeroizing<[u8; 32]>>| key.as_ref().and_then(|key| SealingKey::new(key));
        Sealing::new(
            derived(&self.sealing_key),
            derived(&self.previous_sealing_key),
        )
    }
}

/// Where the keys come from, and their times.
pub(crate) struct KeyRing {
    /// Signs by a secret of the application's; the store's keys are not used.
    secret: Option<SigningKey>,
    /// Keys that are kept elsewhere: the first signs in the place of the store's, the others verify.
    elsewhere: Vec<SigningKey>,
    opened_at: i64,
    /// What is configured; `None`: whatever the present key has.
    algorithm: Option<Algorithm>,
    times: KeyTimes,
    rotate_every: Option<Duration>,
    sealing: Sealing,
    random: Random,
}

impl KeyRing {
    /// Makes the key ring and loads its keys; makes the store's first signing key, publishes one of the configured
    /// algorithm if the present one has another, and makes the steps that are due.
    pub(crate) async fn open(
        options: &TokenOptions,
        keys: &KeyOptions,
        store: &Store,
        random: &Random,
        act: Act,
    ) -> Result<(Self, Keys), OpenError> {
        let secret = options.signing_secret.as_ref();
        let secret = secret.map(|secret| SigningKey::hs256(secret.as_slice()));
        let secret = secret.transpose().map_err(|error| OpenError::Option {
            option: "signing_secret",
            message: error.to_string(),
        })?;
        let ring = Self {
            secret,
            elsewhere: keys.elsewhere.clone(),
            opened_at: act.now,
            algorithm: options.algorithm,
            times: KeyTimes::new(keys.max_age),
            rotate_every: keys.rotate_every,
            sealing: keys.sealing(),
            random: random.clone(),
        };
        if let Some(secret) = &ring.secret {
            let keys = only(secret.clone());
            return Ok((ring, keys));
        }
        if ring.elsewhere.is_empty() {
            ring.settle(store, &act).await?;
        } else {
            ring.settle_beside(store, &act, keys.leave_stored).await?;
        }
        ring.turn(store, &act, act.now).await?;
        let keys = ring.compose(&ring.verifying(store).await?)?;
        Ok((ring, keys))
    }

    /// The store's keys, if they are others than those held.
    pub(crate) async fn changed(&self, store: &Store, held: &Keys) -> Result<Option<Keys>, Fault> {
        if self.secret.is_some() {
            return Ok(None);
        }
        let records = self.verifying(store).await?;
        let signing = match self.elsewhere.first() {
            Some(key) => Some(key.key_id().as_str()),
            None => in_state(&records, store::KeyState::Signing).map(|record| &*record.kid),
        };
        let elsewhere = self.elsewhere.iter().map(|key| key.key_id().as_str());
        let kids = elsewhere.chain(records.iter().map(|record| record.kid.as_str()));
        let same = signing == Some(held.signing.key_id().as_str())
            && kids.eq(held.verifying.iter().map(|key| key.key_id().as_str()));
        if same {
            return Ok(None);
        }
        self.compose(&records).map(Some).or_else(|fault| {
            // Sealed with a key that this process was not given yet, say: what others sign by it is good all the same.
            tracing::error!(%fault, "the key that is to sign cannot be read here; the former one signs on");
            Ok(Some(Keys {
                signing: held.signing.clone(),
                verifying: self.verifying_set(&records)?,
            }))
        })
    }

    /// Those of the store's keys whose tokens may be good, now or soon.
    async fn verifying(&self, store: &Store) -> Result<Vec<KeyRecord>, Fault> {
        let mut records = store.keys().await?;
        records.retain(|record| {
            record.state != store::KeyState::Withdrawn && !self.is_elsewhere(&record.kid)
        });
        Ok(records)
    }

    /// Reads the private part of the key that signs, and only that one.
    fn compose(&self, records: &[KeyRecord]) -> Result<Keys, Fault> {
        let missing = || {
            Fault::new(
                "key_missing",
                "the store has no signing key; open it again to make one",
            )
        };
        let signing = match self.elsewhere.first() {
            Some(key) => key.clone(),
            None => {
                self.private(in_state(records, store::KeyState::Signing).ok_or_else(missing)?)?
            }
        };
        Ok(Keys {
            signing,
            verifying: self.verifying_set(records)?,
        })
    }

    fn verifying_set(&self, records: &[KeyRecord]) -> Result<KeySet, Fault> {
        let elsewhere = self
            .elsewhere
            .iter()
            .map(|key| Ok(key.verifying_key().clone()));
        let verifying = elsewhere.chain(records.iter().map(|record| self.public(record)));
        Ok(KeySet::new(verifying.collect::<Result<Vec<_>, Fault>>()?))
    }

    /// Whether this key is one of those that are kept elsewhere.
    pub(crate) fn is_elsewhere(&self, kid: &str) -> bool {
        self.elsewhere
            .iter()
            .any(|key| key.key_id().as_str() == kid)
    }

    /// A stored key with its private part.
    pub(crate) fn private(&self, record: &KeyRecord) -> Result<SigningKey, Fault> {
        let opened = self
            .sealing
            .open(&record.kid, &record.algorithm, &record.private);
        let der = opened.map_err(|why| Fault::new("key_unreadable", why.cure(&record.kid)))?;
        SigningKey::from_pkcs8_der(&der)
            .map(|key| key.with_key_id(record.kid.as_str()))
            .map_err(|error| {
                let message = format!("the store's key {} cannot be read", record.kid);
                Fault::because("store_failed", message, error)
            })
    }

    /// Rows of an older program hold the private part only.
    fn public(&self, record: &KeyRecord) -> Result<VerifyingKey, Fault> {
        if record.public.is_empty() {
            return Ok(self.private(record)?.verifying_key().clone());
        }
        VerifyingKey::from_jwk(&record.public)
            .map(|key| key.with_key_id(record.kid.as_str()))
            .map_err(|error| {
                let message = format!("the store's key {} cannot be read", record.kid);
                Fault::because("store_failed", message, error)
            })
    }

    /// The keys that may be published: none under a secret.
    pub(crate) fn published(&self, keys: &Keys) -> KeySet {
        if self.secret.is_some() {
            KeySet::default()
        } else {
            keys.verifying.clone()
        }
    }

    pub(crate) fn times(&self) -> KeyTimes {
        self.times
    }

    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    pub(crate) fn signs_from_elsewhere(&self) -> bool {
        !self.elsewhere.is_empty()
    }

    /// The keys that are kept elsewhere, as they are shown.
    pub(crate) fn summaries_elsewhere(&self) -> Vec<KeySummary> {
        let since = Timestamp::from_millis(self.opened_at);
        let keys = self.elsewhere.iter().enumerate();
        keys.map(|(number, key)| KeySummary {
            key_id: key.key_id().as_str().to_owned(),
            algorithm: key.algorithm(),
            state: if number == 0 {
                KeyState::Signing
            } else {
                KeyState::Published
            },
            created_at: since,
            since,
            next: None,
        })
        .collect()
    }

    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    /// A key as it is shown, and its next step.
    pub(crate) fn summary(
        &self,
        record: &KeyRecord,
        all: &[KeyRecord],
    ) -> Result<KeySummary, Fault> {
        let algorithm = record.algorithm.parse().map_err(|error| {
            Fault::because(
                "store_failed",
                "the store holds a key of an unknown algorithm",
                error,
            )
        })?;
        Ok(KeySummary {
            key_id: record.kid.clone(),
            algorithm,
            state: match record.state {
                store::KeyState::Published => KeyState::Published,
                store::KeyState::Signing => KeyState::Signing,
                store::KeyState::Retired => KeyState::Retired,
                store::KeyState::Withdrawn => KeyState::Withdrawn,
            },
            created_at: Timestamp::from_millis(record.created_at),
            since: Timestamp::from_millis(record.state_since),
            next: self.next_step(record, all),
        })
    }

    fn next_step(&self, record: &KeyRecord, all: &[KeyRecord]) -> Option<NextStep> {
        let (step, at) = match record.state {
            store::KeyState::Published => (KeyStep::Signs, record.due_at),
            store::KeyState::Retired => (KeyStep::Goes, record.due_at),
            store::KeyState::Withdrawn => return None,
            store::KeyState::Signing => {
                let next = in_state(all, store::KeyState::Published).and_then(|next| next.due_at);
                let every = self.rotate_every.map(millis);
                let scheduled = every.map(|every| record.state_since.saturating_add(every));
                (KeyStep::Retires, next.or(scheduled))
            }
        };
        let at = Timestamp::from_millis(at?);
        Some(NextStep { step, at })
    }

    /// A new key, made on a thread where its work holds nobody up.
    pub(crate) async fn generate(&self, algorithm: Algorithm) -> Result<SigningKey, Fault> {
        let random = self.random.clone();
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, &random));
        let failed = "no signing key could be made";
        made.await
            .map_err(|error| Fault::because("key_failed", failed, error))?
            .map_err(|error| Fault::because("key_failed", failed, error))
    }

    /// A private key as the store keeps it, to sign at once.
    pub(crate) fn record(&self, key: &SigningKey, now: i64) -> Result<KeyRecord, Fault> {
        let failed = "this key cannot be stored";
        let private = key
            .to_pkcs8_der()
            .map_err(|error| Fault::because("key_failed", failed, error))?;
        let public = key
            .verifying_key()
            .to_jwk()
            .map_err(|error| Fault::because("key_failed", failed, error))?;
        let (kid, algorithm) = (key.key_id().as_str(), key.algorithm().as_str());
        let sealed = self
            .sealing
            .seal(kid, algorithm, private.expose(), &self.random)
            .ok_or_else(|| Fault::new("key_failed", "this key cannot be sealed"))?;
        Ok(KeyRecord {
            kid: kid.to_owned(),
            algorithm: algorithm.to_owned(),
            public: public.to_string(),
            private: sealed,
            state: store::KeyState::Signing,
            created_at: now,
            state_since: now,
            signed_from: Some(now),
            due_at: None,
        })
    }

    /// A private key as the store keeps it, to sign when everybody can have it.
    pub(crate) fn next_record(&self, key: &SigningKey, now: i64) -> Result<KeyRecord, Fault> {
        Ok(KeyRecord {
            state: store::KeyState::Published,
            signed_from: None,
            due_at: Some(now.saturating_add(millis(self.times.lead()))),
            ..self.record(key, now)?
        })
    }
}

pub(crate) fn in_state(records: &[KeyRecord], state: store::KeyState) -> Option<&KeyRecord> {
    records.iter().find(|record| record.state == state)
}

fn only(key: SigningKey) -> Keys {
    Keys {
        verifying: KeySet::from(key.verifying_key().clone()),
        signing: key,
    }
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => error.into(),
            other => Self::because(
                "store_conflict",
                "the store was changed in between; try again",
                other,
            ),
        }
    }
}
