//! Listing, rotating, withdrawing, importing and exporting signing keys.

use keystile::{Algorithm, SigningKey};
use zeroize::Zeroizing;

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::{KeySummary, KeyUse, Withdrawal};
use crate::engine::Engine;
use crate::error::{AdminError, Fault};
use crate::keys::{KeyTimes, in_state};
use crate::request::{Begin, Caller};
use crate::store::{Act, KeyRecord, KeyState, WriteError};

/// How often a rotation looks again when another was quicker.
const MOST_LOOKS: u32 = 5;

impl Accounts {
    /// The signing keys without their private parts: those that are kept elsewhere, then the store's, oldest first.
    pub async fn keys(&self) -> Result<Vec<KeySummary>, Fault> {
        let engine = self.engine();
        let ring = &engine.key_ring;
        let records = engine.store.keys().await?;
        let stored = records
            .iter()
            .filter(|record| !ring.is_elsewhere(&record.kid));
        let stored = stored.map(|record| ring.summary(record, &records));
        let elsewhere = ring.summaries_elsewhere().into_iter().map(Ok);
        elsewhere.chain(stored).collect()
    }

    /// Publishes a new key, which signs as soon as everybody can have it, and answers it; the key that is on its way
    /// already, if there is one. With [`Begin::Now`] it signs at once: whoever keeps the old key set refuses its tokens
    /// until they look again. The tokens of the present key stay good until they expire.
    pub async fn rotate_keys(
        &self,
        caller: Option<&Caller>,
        algorithm: Option<Algorithm>,
        begin: Begin,
    ) -> Result<KeySummary, AdminError> {
        let engine = self.engine();
        engine.check_own_keys()?;
        engine.check_algorithm(algorithm)?;
        let mut kid = None;
        for _ in 0..MOST_LOOKS {
            kid = engine.rotate_once(caller, algorithm, begin).await?;
            if kid.is_some() {
                break;
            }
        }
        self.reload_keys().await?;
        let kid = kid.ok_or_else(conflict)?;
        let next = self.keys().await?.into_iter().find(|key| key.key_id == kid);
        next.ok_or_else(|| conflict().into())
    }

    /// Whom the withdrawal of a key would touch, as far as the store can tell: living sessions whose present access token
    /// may be this key's. They go on, with a refresh.
    pub async fn key_use(&self, key_id: &str) -> Result<KeyUse, AdminError> {
        let engine = self.engine();
        engine.check_stored(key_id)?;
        let records = engine.store.keys().await.map_err(Trouble::from)?;
        if !records.iter().any(|record| record.kid == key_id) {
            return Err(AdminError::NotFound { what: "key" });
        }
        let now = engine.now().as_millis();
        let found = engine
            .store
            .key_use(key_id, now, KeyTimes::lag())
            .await
            .map_err(Trouble::from)?;
        Ok(KeyUse {
            sessions: found.sessions,
            accounts: found.accounts,
        })
    }

    /// Withdraws a key that is not to be trusted any more: whatever it signed is refused at once, here and by whoever
    /// follows the revocations, and it never comes back. If it is the one that signs, the published key signs from now on,
    /// or a new one. Withdrawing it again changes nothing.
    pub async fn withdraw_key(
        &self,
        caller: Option<&Caller>,
        key_id: &str,
    ) -> Result<Withdrawal, AdminError> {
        let engine = self.engine();
        engine.check_stored(key_id)?;
        let records = engine.store.keys().await.map_err(Trouble::from)?;
        let record = records.iter().find(|record| record.kid == key_id);
        let record = record.ok_or(AdminError::NotFound { what: "key" })?;
        let algorithm = record.algorithm.parse().unwrap_or(Algorithm::Es256);
        let algorithm = engine.key_ring.algorithm().unwrap_or(algorithm);
        let now = engine.now();
        let successor = if engine.key_ring.signs_from_elsewhere() {
            None
        } else {
            let key = engine.key_ring.generate(algorithm).await?;
            Some(engine.key_ring.record(&key, now.as_millis())?)
        };
        let act = engine.act(caller, now);
        let withdrawn = engine
            .store
            .withdraw_key(act, key_id, successor)
            .await
            .map_err(Trouble::from);
        withdrawn.map_err(|trouble| match AdminError::from(trouble) {
            AdminError::NotFound { .. } => AdminError::NotFound { what: "key" },
            other => other,
        })?;
        self.reload_keys().await?;
        let mut keys = self.keys().await?;
        let signing = keys
            .iter()
            .position(|key| key.key_id != key_id && key.is_signing());
        let signing = signing.map(|at| keys.swap_remove(at));
        let key = keys.into_iter().find(|key| key.key_id == key_id);
        Ok(Withdrawal {
            key: key.ok_or(AdminError::NotFound { what: "key" })?,
            signing: signing.ok_or_else(conflict)?,
        })
    }

    /// Takes a private key (PEM, not sealed) as the next signing key: it is published, and signs as soon as everybody can
    /// have it, or at once. The tokens of the present key stay good until they expire.
    pub async fn import_key(&self, pem: &str, begin: Begin) -> Result<KeySummary, AdminError> {
        let engine = self.engine();
        engine.check_own_keys()?;
        let key = SigningKey::from_pem(pem).map_err(|error| AdminError::Invalid {
            field: "key",
            code: "key_unreadable",
            message: error.to_string(),
        })?;
        engine.check_algorithm(Some(key.algorithm()))?;
        let kid = key.key_id().as_str();
        let held = engine.store.keys().await.map_err(Trouble::from)?;
        if held.iter().any(|held| held.kid == kid) {
            return Err(AdminError::Invalid {
                field: "key",
                code: "key_taken",
                message:
                    "this key is in the store already, or was withdrawn; import another, or none"
                        .to_owned(),
            });
        }
        let act = engine.act(None, engine.now());
        let next = engine.put_next(act, &key, &held, begin).await?;
        self.reload_keys().await?;
        let keys = self.keys().await?;
        let mine = keys.into_iter().find(|one| one.key_id == kid);
        mine.filter(|_| next.as_deref() == Some(kid))
            .ok_or_else(|| conflict().into())
    }

    /// A private key as PEM (PKCS #8). A retired or a withdrawn key's is erased.
    pub async fn export_key(&self, key_id: &str) -> Result<Zeroizing<String>, AdminError> {
        let engine = self.engine();
        let records = engine.store.keys().await.map_err(Trouble::from)?;
        let record = records
            .iter()
            .find(|record| record.kid == key_id)
            .ok_or(AdminError::NotFound { what: "key" })?;
        if record.private.is_empty() {
            return Err(AdminError::Invalid {
                field: "key",
                code: "key_erased",
                message: "this key signs no more, and its private part was erased".to_owned(),
            });
        }
        let key = engine.key_ring.private(record)?;
        key.to_pem().map_err(|error| {
            Fault::because("key_failed", "this key cannot be exported", error).into()
        })
    }
}

impl Engine {
    /// One look and one step; the id of the key that is next, or `None` if another was quicker.
    async fn rotate_once(
        &self,
        caller: Option<&Caller>,
        algorithm: Option<Algorithm>,
        begin: Begin,
    ) -> Result<Option<String>, AdminError> {
        let act = self.act(caller, self.now());
        let held = self.store.keys().await.map_err(Trouble::from)?;
        let wanted = |record: &&KeyRecord| {
            algorithm.is_none_or(|algorithm| algorithm.as_str() == record.algorithm)
        };
        if let Some(next) = in_state(&held, KeyState::Published).filter(wanted) {
            return match begin {
                // Also for whoever may only look: the caller is checked by the write that is not made.
                Begin::WhenDue => self.seen(act, &next.kid).await,
                Begin::Now => {
                    let linger = self.key_ring.times().linger();
                    let promoted = self.store.promote_key(act, &next.kid, i64::MAX, linger);
                    unless_changed(promoted.await.map(|()| next.kid.clone()))
                }
            };
        }
        let present = in_state(&held, KeyState::Signing).map(|record| record.algorithm.parse());
        let present = present.and_then(Result::ok).unwrap_or(Algorithm::Es256);
        let algorithm = algorithm.or(self.key_ring.algorithm()).unwrap_or(present);
        let key = self.key_ring.generate(algorithm).await?;
        self.put_next(act, &key, &held, begin).await
    }

    /// The published key, once more, by a write that changes nothing but rechecks the caller.
    async fn seen(&self, act: Act, kid: &str) -> Result<Option<String>, AdminError> {
        let rechecked = self.store.recheck(act).await;
        unless_changed(rechecked.map(|()| kid.to_owned()))
    }

    /// Puts a key in the next place, or to sign at once, as the keys were when they were looked at.
    async fn put_next(
        &self,
        act: Act,
        key: &SigningKey,
        held: &[KeyRecord],
        begin: Begin,
    ) -> Result<Option<String>, AdminError> {
        let ring = &self.key_ring;
        let signing = in_state(held, KeyState::Signing).map(|signing| signing.kid.clone());
        match begin {
            Begin::WhenDue => {
                let record = ring.next_record(key, act.now)?;
                let other = in_state(held, KeyState::Published).map(|other| other.kid.clone());
                let published = self.store.publish_key(act, record, signing, other).await;
                unless_changed(published.map(|published| published.kid))
            }
            Begin::Now => {
                let record = ring.record(key, act.now)?;
                let kid = record.kid.clone();
                let in_place_of = signing.unwrap_or_default();
                let linger = ring.times().linger();
                let signs = self.store.sign_with(act, record, &in_place_of, linger);
                unless_changed(signs.await.map(|()| kid))
            }
        }
    }

    /// A key that is kept elsewhere is withdrawn there: by leaving it out.
    fn check_stored(&self, key_id: &str) -> Result<(), AdminError> {
        if !self.key_ring.has_secret() && !self.key_ring.is_elsewhere(key_id) {
            return Ok(());
        }
        Err(AdminError::Invalid {
            field: "key",
            code: "keys_elsewhere",
            message:
                "this key is kept outside the store: take it out there, and start every node anew"
                    .to_owned(),
        })
    }

    /// Keys that are kept elsewhere are changed there.
    fn check_own_keys(&self) -> Result<(), AdminError> {
        let message = if self.key_ring.has_secret() {
            "tokens are signed by a secret of the program's: change that one"
        } else if self.key_ring.signs_from_elsewhere() {
            "the signing keys are kept outside the store: change them there"
        } else {
            return Ok(());
        };
        Err(AdminError::Invalid {
            field: "key",
            code: "keys_elsewhere",
            message: message.to_owned(),
        })
    }

    /// The next opening would go back to the configured algorithm.
    fn check_algorithm(&self, wanted: Option<Algorithm>) -> Result<(), AdminError> {
        let message = match (wanted, self.key_ring.algorithm()) {
            (Some(Algorithm::Hs256), _) => {
                "HS256 signs by a secret of the program's; name ES256, EdDSA or RS256".to_owned()
            }
            (Some(wanted), Some(configured)) if wanted != configured => {
                format!("the configuration says {configured}: change it there, and this follows")
            }
            _ => return Ok(()),
        };
        Err(AdminError::Invalid {
            field: "algorithm",
            code: "algorithm_contradicts",
            message,
        })
    }
}

/// `None` where another write was quicker: look again.
fn unless_changed(written: Result<String, WriteError>) -> Result<Option<String>, AdminError> {
    match written {
        Ok(kid) => Ok(Some(kid)),
        Err(WriteError::Changed) => Ok(None),
        Err(error) => Err(Trouble::from(error).into()),
    }
}

fn conflict() -> Fault {
    Fault::new(
        "store_conflict",
        "the signing keys were changed in between; look at them and try again",
    )
}
