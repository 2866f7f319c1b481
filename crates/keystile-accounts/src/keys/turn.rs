//! The steps that time makes: a published key begins to sign, a retired one goes, a schedule publishes the next.
//!
//! Every process looks; the statement decides. Of two that find a step due, one makes it and the other sees it made.

use keystile::Algorithm;

use super::{KeyRing, in_state};
use crate::engine::millis;
use crate::error::Fault;
use crate::store::{Act, KeyRecord, KeyState, Store, WriteError};

impl KeyRing {
    /// Makes every step that is due by `due_by`: the time, or less where the clock has just jumped.
    pub(crate) async fn turn(&self, store: &Store, act: &Act, due_by: i64) -> Result<(), Fault> {
        if self.secret.is_some() {
            return Ok(());
        }
        let records = store.keys().await?;
        let due = |record: &KeyRecord| record.due_at.is_some_and(|at| at <= due_by);
        if self.signs_from_elsewhere() {
            // The store's keys only verify what they signed.
        } else if let Some(next) = in_state(&records, KeyState::Published) {
            if due(next) {
                self.promote(store, act, &next.kid, due_by).await?;
            }
        } else if let Some(signing) = in_state(&records, KeyState::Signing) {
            self.follow_schedule(store, act, signing, due_by).await?;
        } else {
            // Whoever withdrew all of them may have ended before a new one was there.
            self.sign_again(store, act).await?;
        }
        let retired = |record: &KeyRecord| record.state == KeyState::Retired;
        if records.iter().any(|record| retired(record) && due(record)) {
            for kid in store.remove_retired(act.clone(), due_by).await? {
                tracing::info!(kid, "a retired key has gone: its tokens have expired");
            }
        }
        Ok(())
    }

    async fn promote(&self, store: &Store, act: &Act, kid: &str, due_by: i64) -> Result<(), Fault> {
        let linger = self.times.linger();
        match store.promote_key(act.clone(), kid, due_by, linger).await {
            Ok(()) => tracing::info!(kid, "a new key signs"),
            // Another process was first.
            Err(WriteError::Changed) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Publishes the next key so early that it signs when the present one has signed for as long as the schedule says.
    async fn follow_schedule(
        &self,
        store: &Store,
        act: &Act,
        signing: &KeyRecord,
        due_by: i64,
    ) -> Result<(), Fault> {
        let Some(every) = self.rotate_every else {
            return Ok(());
        };
        let after = millis(every.saturating_sub(self.times.lead()));
        if signing.state_since.saturating_add(after) > due_by {
            return Ok(());
        }
        let present = signing.algorithm.parse().unwrap_or(Algorithm::Es256);
        let key = self.generate(self.algorithm.unwrap_or(present)).await?;
        let record = self.next_record(&key, act.now)?;
        let while_signing = Some(signing.kid.clone());
        match store
            .publish_key(act.clone(), record, while_signing, None)
            .await
        {
            Ok(next) => {
                tracing::info!(kid = next.kid, "the next key was published by the schedule");
            }
            Err(WriteError::Changed) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
