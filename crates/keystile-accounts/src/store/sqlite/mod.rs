//! SQLite.
#![allow(unused)]
use super::{
    AccountChanges, AccountFilter, AccountRecord, Act, Attempt, AuditRecord, Counted, Hash,
    KeyRecord, KeyState, LiveSession, NewAccount, NewHead, NewSession, OnRevoked, Page,
    PasswordHash, RevocationPoll, Rotate, Rotation, SessionRecord, StoreError, Sweep, WriteError,
};
/// How to open it.
#[derive(Clone, Debug, Default)]
pub struct Options {}
/// Held by the one server.
#[derive(Debug)]
pub struct ServerLock(std::fs::File);
/// A job's view of the transaction.
#[derive(Debug)]
pub struct Work<'a>(&'a rusqlite::Connection);
/// The engine.
#[derive(Clone, Debug)]
pub struct Sqlite {}
impl Sqlite {
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        todo!()
    }
    pub fn claim_server_lock(&self) -> Result<ServerLock, StoreError> {
        todo!()
    }
    pub async fn close(&self) {
        todo!()
    }
    pub fn on_revoked(&self, told: OnRevoked) {
        todo!()
    }
    pub async fn create_account(
        &self,
        act: Act,
        new: NewAccount,
    ) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn account(&self, id: &str) -> Result<Option<AccountRecord>, StoreError> {
        todo!()
    }
    pub async fn account_by_username(
        &self,
        key: &str,
    ) -> Result<Option<AccountRecord>, StoreError> {
        todo!()
    }
    pub async fn account_by_email(&self, key: &str) -> Result<Option<AccountRecord>, StoreError> {
        todo!()
    }
    pub async fn accounts(
        &self,
        filter: AccountFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<AccountRecord>, StoreError> {
        todo!()
    }
    pub async fn password_formats(&self) -> Result<Vec<(String, u64)>, StoreError> {
        todo!()
    }
    pub async fn update_account(
        &self,
        act: Act,
        id: &str,
        changes: AccountChanges,
    ) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn replace_password_hash(
        &self,
        id: &str,
        old: &str,
        new: PasswordHash,
        now: i64,
    ) -> Result<bool, WriteError> {
        todo!()
    }
    pub async fn change_password(
        &self,
        act: Act,
        old: &str,
        new: PasswordHash,
        head: NewHead,
    ) -> Result<LiveSession, WriteError> {
        todo!()
    }
    pub async fn set_password(
        &self,
        act: Act,
        id: &str,
        new: Option<PasswordHash>,
    ) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn set_roles(
        &self,
        act: Act,
        id: &str,
        roles: Vec<String>,
    ) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn disable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn enable_account(&self, act: Act, id: &str) -> Result<AccountRecord, WriteError> {
        todo!()
    }
    pub async fn delete_account(
        &self,
        act: Act,
        id: &str,
        expected_password: Option<String>,
    ) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn open_session(
        &self,
        act: Act,
        new: NewSession,
    ) -> Result<Option<LiveSession>, WriteError> {
        todo!()
    }
    pub async fn rotate(&self, rotate: Rotate) -> Result<Rotation, WriteError> {
        todo!()
    }
    pub async fn sessions(
        &self,
        account_id: &str,
        now: i64,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        todo!()
    }
    pub async fn live_session(
        &self,
        session_id: &str,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        todo!()
    }
    pub async fn end_session(
        &self,
        act: Act,
        account_id: &str,
        session_id: &str,
    ) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn end_other_sessions(
        &self,
        act: Act,
        account_id: &str,
        keep: &str,
    ) -> Result<u64, WriteError> {
        todo!()
    }
    pub async fn end_all_sessions(&self, act: Act, account_id: &str) -> Result<u64, WriteError> {
        todo!()
    }
    pub async fn end_session_by_token(
        &self,
        act: Act,
        token_hash: Hash,
        client_id: Option<String>,
    ) -> Result<Option<(String, String)>, WriteError> {
        todo!()
    }
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        todo!()
    }
    pub async fn signing_key_or_insert(
        &self,
        candidate: KeyRecord,
    ) -> Result<KeyRecord, WriteError> {
        todo!()
    }
    pub async fn insert_key(&self, act: Act, key: KeyRecord) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn move_key(
        &self,
        act: Act,
        kid: &str,
        from: KeyState,
        to: KeyState,
    ) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn shared_secret(
        &self,
        name: &str,
        candidate: [u8; 32],
    ) -> Result<[u8; 32], WriteError> {
        todo!()
    }
    pub async fn revocations_after(
        &self,
        cursor: i64,
        limit: u32,
    ) -> Result<RevocationPoll, StoreError> {
        todo!()
    }
    pub async fn revocation_snapshot(&self, now: i64) -> Result<RevocationPoll, StoreError> {
        todo!()
    }
    pub async fn revoke_token(&self, act: Act, token_id: &str) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn count_attempts(
        &self,
        attempts: Vec<Attempt>,
        now: i64,
    ) -> Result<Vec<Counted>, WriteError> {
        todo!()
    }
    pub async fn attempts(&self, keys: Vec<Hash>, now: i64) -> Result<Vec<Counted>, StoreError> {
        todo!()
    }
    pub async fn forget_attempts(&self, keys: Vec<Hash>) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn record_audit(&self, record: AuditRecord) -> Result<(), WriteError> {
        todo!()
    }
    pub async fn audit(
        &self,
        account_id: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditRecord>, StoreError> {
        todo!()
    }
    pub async fn sweep(&self, sweep: Sweep) -> Result<bool, WriteError> {
        todo!()
    }
}
