//! The signing keys of the store: made at the first open, imported, retired, and followed when another process
//! changes them.

use std::time::Duration;

use keystile::{Algorithm, KeySet, Random, SigningKey, Timestamp};

use crate::answer::{KeyState, KeySummary};
use crate::builder::TokenOptions;
use crate::error::{Fault, OpenError};
use crate::store::{self, Act, KeyRecord, Store, WriteError};
use crate::tokens::Keys;

/// A retired key verifies at least so long: lifetimes may have been longer before a change of the configuration.
const LEAST_RETIREMENT: Duration = Duration::from_secs(24 * 3_600);

/// Where the keys come from.
pub(crate) struct KeyRing {
    /// Signs by a secret of the application's; the store's keys are not used.
    secret: Option<SigningKey>,
    retirement: Duration,
}

impl KeyRing {
    /// Makes the key ring and loads its keys; makes the store's first signing key, or a new one if another algorithm
    /// is asked for than the present one has.
    pub(crate) async fn open(
        options: &TokenOptions,
        store: &Store,
        random: &Random,
        act: Act,
    ) -> Result<(Self, Keys), OpenError> {
        let retirement = options.lifetime.max(LEAST_RETIREMENT);
        if let Some(secret) = &options.signing_secret {
            let key = SigningKey::hs256(secret.as_slice()).map_err(|error| OpenError::Option {
                option: "signing_secret",
                message: error.to_string(),
            })?;
            let keys = only(key.clone());
            return Ok((
                Self {
                    secret: Some(key),
                    retirement,
                },
                keys,
            ));
        }
        let ring = Self {
            secret: None,
            retirement,
        };
        let now = Timestamp::from_millis(act.now);
        let candidate = fresh(options.algorithm.unwrap_or(Algorithm::Es256), random, now)?;
        let signing = store
            .signing_key_or_insert(candidate)
            .await
            .map_err(Fault::from)?;
        if let Some(algorithm) = options
            .algorithm
            .filter(|wanted| wanted.as_str() != signing.algorithm)
        {
            let new = fresh(algorithm, random, now)?;
            tracing::info!(from = %signing.algorithm, to = %algorithm, kid = %new.kid, "signing with a new key");
            store.insert_key(act, new).await.map_err(Fault::from)?;
        }
        let keys = read_all(&ring.verifying(store, now).await?)?;
        Ok((ring, keys))
    }

    /// The store's keys, if they are others than those held.
    pub(crate) async fn changed(
        &self,
        store: &Store,
        held: &Keys,
        now: Timestamp,
    ) -> Result<Option<Keys>, Fault> {
        if self.secret.is_some() {
            return Ok(None);
        }
        let records = self.verifying(store, now).await?;
        let signing = records
            .iter()
            .find(|record| record.state == store::KeyState::Signing)
            .map(|record| record.kid.as_str());
        let kids = records.iter().map(|record| record.kid.as_str());
        let same = signing == Some(held.signing.key_id().as_str())
            && kids.eq(held.verifying.iter().map(|key| key.key_id().as_str()));
        if same {
            Ok(None)
        } else {
            read_all(&records).map(Some)
        }
    }

    /// Those of the store's keys whose tokens may still be good.
    async fn verifying(&self, store: &Store, now: Timestamp) -> Result<Vec<KeyRecord>, Fault> {
        let mut records = store.keys().await?;
        records.retain(|record| self.verifies(record, now));
        Ok(records)
    }

    /// Whether tokens under this key may still be good.
    fn verifies(&self, record: &KeyRecord, now: Timestamp) -> bool {
        match record.state {
            store::KeyState::Published | store::KeyState::Signing => true,
            store::KeyState::Retired => now < self.remove_after(record),
            store::KeyState::Withdrawn => false,
        }
    }

    fn remove_after(&self, record: &KeyRecord) -> Timestamp {
        Timestamp::from_millis(record.state_since).saturating_add(self.retirement)
    }

    /// The keys that may be published: none under a secret.
    pub(crate) fn published(&self, keys: &Keys) -> KeySet {
        if self.secret.is_some() {
            KeySet::default()
        } else {
            keys.verifying.clone()
        }
    }

    pub(crate) fn summary(&self, record: &KeyRecord) -> Result<KeySummary, Fault> {
        let algorithm = record.algorithm.parse().map_err(|error| {
            Fault::because(
                "store_failed",
                "the store holds a key of an unknown algorithm",
                error,
            )
        })?;
        let retired = record.state == store::KeyState::Retired;
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
            remove_after: retired.then(|| self.remove_after(record)),
        })
    }
}

fn read_all(records: &[KeyRecord]) -> Result<Keys, Fault> {
    let mut signing = None;
    let mut verifying = Vec::new();
    for record in records {
        let key = read(record)?;
        verifying.push(key.verifying_key().clone());
        if record.state == store::KeyState::Signing {
            signing = Some(key);
        }
    }
    let signing = signing.ok_or_else(|| {
        Fault::new(
            "key_missing",
            "the store has no signing key; open it again to make one",
        )
    })?;
    Ok(Keys {
        signing,
        verifying: KeySet::new(verifying),
    })
}

fn only(key: SigningKey) -> Keys {
    Keys {
        verifying: KeySet::from(key.verifying_key().clone()),
        signing: key,
    }
}

fn fresh(algorithm: Algorithm, random: &Random, now: Timestamp) -> Result<KeyRecord, OpenError> {
    if algorithm.is_symmetric() {
        return Err(OpenError::Option {
            option: "algorithm",
            message: "HS256 signs by a secret of yours: give it with signing_secret".to_owned(),
        });
    }
    let key = SigningKey::generate(algorithm, random)
        .map_err(|error| Fault::because("key_failed", "no signing key could be made", error))?;
    Ok(record(&key, now)?)
}

/// A private key as the store keeps it.
pub(crate) fn record(key: &SigningKey, now: Timestamp) -> Result<KeyRecord, Fault> {
    let private = key
        .to_pkcs8_der()
        .map_err(|error| Fault::because("key_failed", "this key cannot be stored", error))?;
    Ok(KeyRecord {
        kid: key.key_id().as_str().to_owned(),
        algorithm: key.algorithm().as_str().to_owned(),
        private: private.expose().to_vec(),
        state: store::KeyState::Signing,
        created_at: now.as_millis(),
        state_since: now.as_millis(),
    })
}

pub(crate) fn read(record: &KeyRecord) -> Result<SigningKey, Fault> {
    SigningKey::from_pkcs8_der(&record.private)
        .map(|key| key.with_key_id(record.kid.as_str()))
        .map_err(|error| {
            Fault::because(
                "store_failed",
                "the store holds a key that cannot be read",
                error,
            )
        })
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
