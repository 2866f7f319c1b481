//! Listing, importing and exporting signing keys.

use keystile::SigningKey;
use zeroize::Zeroizing;

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::answer::KeySummary;
use crate::error::{AdminError, Fault};
use crate::keys;

impl Accounts {
    /// The store's signing keys, oldest first, without their private parts.
    pub async fn keys(&self) -> Result<Vec<KeySummary>, Fault> {
        let engine = self.engine();
        let records = engine.store.keys().await?;
        records
            .iter()
            .map(|record| engine.key_ring.summary(record))
            .collect()
    }

    /// Takes a private key (PEM, not sealed) as the new signing key. The present one is retired: its tokens stay good
    /// until they expire.
    pub async fn import_key(&self, pem: &str) -> Result<KeySummary, AdminError> {
        let engine = self.engine();
        let key = SigningKey::from_pem(pem).map_err(|error| AdminError::Invalid {
            field: "key",
            code: "key_unreadable",
            message: error.to_string(),
        })?;
        let held = engine.store.keys().await.map_err(Trouble::from)?;
        if held.iter().any(|held| held.kid == key.key_id().as_str()) {
            return Err(AdminError::Invalid {
                field: "key",
                code: "key_taken",
                message: "this key is in the store already; import another, or none".to_owned(),
            });
        }
        let now = engine.now();
        let record = keys::record(&key, now)?;
        let summary = engine.key_ring.summary(&record)?;
        let act = engine.act(None, now);
        engine
            .store
            .insert_key(act, record)
            .await
            .map_err(Trouble::from)?;
        self.reload_keys().await?;
        Ok(summary)
    }

    /// A private key as PEM (PKCS #8).
    pub async fn export_key(&self, key_id: &str) -> Result<Zeroizing<String>, AdminError> {
        let records = self.engine().store.keys().await.map_err(Trouble::from)?;
        let record = records
            .iter()
            .find(|record| record.kid == key_id)
            .ok_or(AdminError::NotFound { what: "key" })?;
        keys::read(record)?.to_pem().map_err(|error| {
            Fault::because("key_failed", "this key cannot be exported", error).into()
        })
    }
}
