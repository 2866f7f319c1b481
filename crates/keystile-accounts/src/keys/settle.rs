//! What an opening does to the store's keys: makes the first one, seals what is not sealed as configured, and publishes
//! one of another algorithm where that is asked for.

use keystile::Algorithm;

use super::seal::Unreadable;
use super::{KeyRing, in_state};
use crate::error::{Fault, OpenError};
use crate::store::{Act, KeyRecord, KeyState, Store};

impl KeyRing {
    pub(super) async fn settle(&self, store: &Store, act: &Act) -> Result<(), OpenError> {
        self.seal_anew(store).await?;
        let records = store.keys().await.map_err(Fault::from)?;
        let Some(signing) = in_state(&records, KeyState::Signing) else {
            let first = self
                .made(self.algorithm.unwrap_or(Algorithm::Es256))
                .await?;
            let first = self.record(&first, act.now)?;
            let signing = store.signing_key_or_insert(first).await;
            signing.map_err(Fault::from)?;
            return Ok(());
        };
        match self.algorithm {
            Some(wanted) => {
                self.follow_algorithm(store, act, wanted, signing, &records)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Makes a key that signs, where the store's keys sign and none does any more, of the algorithm of the last one.
    pub(crate) async fn sign_again(&self, store: &Store, act: &Act) -> Result<(), Fault> {
        if self.secret.is_some() || self.signs_from_elsewhere() {
            return Ok(());
        }
        let records = store.keys().await?;
        if in_state(&records, KeyState::Signing).is_some() {
            return Ok(());
        }
        let last = records
            .iter()
            .max_by_key(|record| (record.signed_from, record.created_at));
        let last = last.and_then(|record| record.algorithm.parse().ok());
        let algorithm = self.algorithm.or(last).unwrap_or(Algorithm::Es256);
        let key = self.generate(algorithm).await?;
        store
            .signing_key_or_insert(self.record(&key, act.now)?)
            .await?;
        Ok(())
    }

    /// Keys that are kept elsewhere sign in the place of the store's, which verify on until their tokens have expired.
    pub(super) async fn settle_beside(
        &self,
        store: &Store,
        act: &Act,
        leave_stored: bool,
    ) -> Result<(), OpenError> {
        self.seal_anew(store).await?;
        let records = store.keys().await.map_err(Fault::from)?;
        let mut withdrawn = records
            .iter()
            .filter(|record| record.state == KeyState::Withdrawn);
        if let Some(record) = withdrawn.find(|record| self.is_elsewhere(&record.kid)) {
            return Err(OpenError::Option {
                option: "signing_keys",
                message: format!(
                    "signing_keys: the key {} was withdrawn, and nothing that it signs is good: leave it out",
                    record.kid
                ),
            });
        }
        let signs =
            |record: &KeyRecord| matches!(record.state, KeyState::Signing | KeyState::Published);
        if !leave_stored && records.iter().any(signs) {
            let linger = self.times.linger();
            let retired = store.retire_signing(act.clone(), linger).await;
            retired.map_err(Fault::from)?;
            tracing::info!("the stored signing key was retired: keys that are kept elsewhere sign");
        }
        Ok(())
    }

    /// A change of the algorithm is a rotation like any other: published first.
    async fn follow_algorithm(
        &self,
        store: &Store,
        act: &Act,
        wanted: Algorithm,
        signing: &KeyRecord,
        records: &[KeyRecord],
    ) -> Result<(), OpenError> {
        let next = in_state(records, KeyState::Published);
        let has_it = |record: &KeyRecord| record.algorithm == wanted.as_str();
        if next.is_some_and(has_it) {
            return Ok(());
        }
        let other = next.map(|next| next.kid.clone());
        if has_it(signing) {
            if let Some(other) = other {
                let cancelled = store.cancel_key(act.clone(), &other).await;
                cancelled.map_err(Fault::from)?;
            }
            return Ok(());
        }
        let key = self.made(wanted).await?;
        let record = self.next_record(&key, act.now)?;
        let published = store.publish_key(act.clone(), record, None, other).await;
        let published = published.map_err(Fault::from)?;
        tracing::info!(from = %signing.algorithm, to = %wanted, kid = %published.kid, "a key of another algorithm was published, to sign soon");
        Ok(())
    }

    async fn made(&self, algorithm: Algorithm) -> Result<keystile::SigningKey, OpenError> {
        if algorithm.is_symmetric() {
            return Err(OpenError::Option {
                option: "algorithm",
                message: "HS256 signs by a secret of yours: give it with signing_secret".to_owned(),
            });
        }
        Ok(self.generate(algorithm).await?)
    }

    /// Brings every private part into the form that is configured. Refuses what cannot be read, and changes nothing then.
    async fn seal_anew(&self, store: &Store) -> Result<(), OpenError> {
        let records = store.keys().await.map_err(Fault::from)?;
        let mut stale = Vec::new();
        for record in records.iter().filter(|record| !record.private.is_empty()) {
            let plain = self
                .sealing
                .open(&record.kid, &record.algorithm, &record.private)
                .map_err(|why| OpenError::Option {
                    option: "sealing_key",
                    message: why.cure(&record.kid),
                })?;
            if !self.sealing.is_present(&record.private) || record.public.is_empty() {
                stale.push((record, plain));
            }
        }
        for (record, plain) in stale {
            let sealed = self
                .sealing
                .seal(&record.kid, &record.algorithm, &plain, &self.random)
                .ok_or_else(|| Fault::new("key_failed", "a signing key cannot be sealed"))?;
            let public = self.public(record)?.to_jwk().map_err(|error| {
                Fault::because("key_failed", "a signing key has no public part", error)
            })?;
            let replaced = store
                .replace_private(&record.kid, &record.private, sealed, &public.to_string())
                .await
                .map_err(Fault::from)?;
            if replaced && self.sealing.present().is_some() {
                tracing::info!(kid = %record.kid, "the private key was sealed");
            }
        }
        Ok(())
    }
}

impl Unreadable {
    /// What to do about it.
    pub(super) fn cure(self, kid: &str) -> String {
        match self {
            Self::Sealed => format!(
                "the signing key {kid} is sealed, and no sealing key is given: give the one that it was sealed with. Nothing was changed"
            ),
            Self::Stranger => format!(
                "the signing key {kid} is sealed with another sealing key: give that one, or, to change it, give it as the previous one beside the new one. Nothing was changed"
            ),
            Self::Broken => format!(
                "the sealed signing key {kid} was changed outside this program: restore a backup, or withdraw it"
            ),
        }
    }
}
