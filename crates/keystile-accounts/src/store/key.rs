//! Calls about signing keys, shared secrets and the issuer.

use super::{Act, KeyRecord, KeyUse, Store, StoreError, WriteError};

impl Store {
    /// All keys, oldest first.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        on_engine!(self, store => store.keys().await)
    }

    /// Stores `candidate` as the signing key if there is none; answers the signing key, the same to all who ask at once.
    pub async fn signing_key_or_insert(
        &self,
        candidate: KeyRecord,
    ) -> Result<KeyRecord, WriteError> {
        on_engine!(self, store => store.signing_key_or_insert(candidate).await)
    }

    /// Publishes a key that is to sign next, and answers the one that is published then: there is one at a time, and a
    /// present one stays, unless it is `instead_of`. With `while_signing`, only while that key signs: else
    /// [`WriteError::Changed`].
    pub async fn publish_key(
        &self,
        act: Act,
        key: KeyRecord,
        while_signing: Option<String>,
        instead_of: Option<String>,
    ) -> Result<KeyRecord, WriteError> {
        on_engine!(self, store => store.publish_key(act, key, while_signing, instead_of).await)
    }

    /// Forgets a published key, if it is still no more than that: it has signed nothing.
    pub async fn cancel_key(&self, act: Act, kid: &str) -> Result<(), WriteError> {
        on_engine!(self, store => store.cancel_key(act, kid).await)
    }

    /// Stores a key that signs at once in the place of another, which retires; a published one is forgotten.
    /// [`WriteError::Changed`] if the other does not sign (any more). A retired key stays for the longest life of a token and
    /// `linger` milliseconds more; its private part is erased.
    pub async fn sign_with(
        &self,
        act: Act,
        key: KeyRecord,
        in_place_of: &str,
        linger: i64,
    ) -> Result<(), WriteError> {
        on_engine!(self, store => store.sign_with(act, key, in_place_of, linger).await)
    }

    /// Lets the published key sign and retires the present one; [`WriteError::Changed`] if it is not published (any more),
    /// or is due later than `due_by`.
    pub async fn promote_key(
        &self,
        act: Act,
        kid: &str,
        due_by: i64,
        linger: i64,
    ) -> Result<(), WriteError> {
        on_engine!(self, store => store.promote_key(act, kid, due_by, linger).await)
    }

    /// Retires the key that signs and forgets the published one, for a process whose keys are kept elsewhere.
    pub async fn retire_signing(&self, act: Act, linger: i64) -> Result<(), WriteError> {
        on_engine!(self, store => store.retire_signing(act, linger).await)
    }

    /// Withdraws a key, in whatever state: revokes its tokens, erases its private part, keeps its row. If none signs then,
    /// the published key does, or else `successor`. Answers whether this call withdrew it; [`WriteError::NotFound`] if there
    /// is no such key.
    pub async fn withdraw_key(
        &self,
        act: Act,
        kid: &str,
        successor: Option<KeyRecord>,
    ) -> Result<bool, WriteError> {
        on_engine!(self, store => store.withdraw_key(act, kid, successor).await)
    }

    /// Deletes the retired keys whose tokens have all expired by `due_by`; their ids.
    pub async fn remove_retired(&self, act: Act, due_by: i64) -> Result<Vec<String>, WriteError> {
        on_engine!(self, store => store.remove_retired(act, due_by).await)
    }

    /// Puts another form of a private part in the place of `old`, if it is still that; says whether it was.
    pub async fn replace_private(
        &self,
        kid: &str,
        old: &[u8],
        new: Vec<u8>,
        public: &str,
    ) -> Result<bool, WriteError> {
        on_engine!(self, store => store.replace_private(kid, old, new, public).await)
    }

    /// Whose access tokens may be this key's. A process may have signed with it for `lag` milliseconds after its retirement.
    pub async fn key_use(&self, kid: &str, now: i64, lag: i64) -> Result<KeyUse, StoreError> {
        on_engine!(self, store => store.key_use(kid, now, lag).await)
    }

    /// Rechecks who acts and changes nothing.
    pub async fn recheck(&self, act: Act) -> Result<(), WriteError> {
        on_engine!(self, store => store.recheck(act).await)
    }

    /// Bytes under a name that all processes on this database share; the first candidate wins.
    pub async fn shared_secret(
        &self,
        name: &str,
        candidate: [u8; 32],
    ) -> Result<[u8; 32], WriteError> {
        on_engine!(self, store => store.shared_secret(name, candidate).await)
    }

    /// The issuer that servers on this database have: what the first of them said, or whoever replaced it since.
    pub async fn issuer_or_insert(&self, candidate: &str) -> Result<String, WriteError> {
        on_engine!(self, store => store.issuer_or_insert(candidate).await)
    }

    /// Puts another issuer in the place of `known`, if it is still that; says whether it was.
    pub async fn replace_issuer(&self, known: &str, by: &str) -> Result<bool, WriteError> {
        on_engine!(self, store => store.replace_issuer(known, by).await)
    }
}
