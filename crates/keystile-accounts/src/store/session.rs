//! Sessions and their chains of refresh tokens.

use super::{
    Act, ForeignToken, Hash, LiveSession, NewSession, Page, Rotate, Rotation, SessionRecord, Store,
    StoreError, TokenOwner, WriteError,
};

impl Store {
    /// Opens a session if the account lives, is enabled and has the generation that was read; else `None`.
    /// [`WriteError::NotFound`] if the client that it is for is not there (any more).
    pub async fn open_session(
        &self,
        act: Act,
        new: NewSession,
    ) -> Result<Option<LiveSession>, WriteError> {
        on_engine!(self, store => store.open_session(act, new).await)
    }

    /// Opens a session for a refresh token of another program's, once in the token's life. Refused with
    /// [`WriteError::Taken`] if it was exchanged before, [`WriteError::Stale`] if its id is revoked, and
    /// [`WriteError::NotFound`] if there is no enabled account that it can be for: one that was there when it was issued
    /// (or was imported) and whose sessions were not ended since.
    pub async fn exchange(
        &self,
        act: Act,
        token: ForeignToken,
        new: NewSession,
    ) -> Result<LiveSession, WriteError> {
        on_engine!(self, store => store.exchange(act, token, new).await)
    }

    /// Consumes a refresh token, or says why not.
    pub async fn rotate(&self, rotate: Rotate) -> Result<Rotation, WriteError> {
        on_engine!(self, store => store.rotate(rotate).await)
    }

    /// A page of the account's living sessions, newest first; `before` is the former page's `next`.
    pub async fn sessions(
        &self,
        account_id: &str,
        now: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<SessionRecord>, StoreError> {
        on_engine!(self, store => store.sessions(account_id, now, before, limit).await)
    }

    /// The session that a refresh token of nobody's client, current or consumed, belongs to, whether it lives or not. A
    /// token belongs to one session for ever.
    pub async fn session_of_token(&self, token_hash: Hash) -> Result<Option<String>, StoreError> {
        on_engine!(self, store => store.session_of_token(token_hash).await)
    }

    /// A living session with its account.
    pub async fn live_session(
        &self,
        session_id: &str,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        on_engine!(self, store => store.live_session(session_id, now).await)
    }

    /// Ends one session of the account; [`WriteError::NotFound`] if it has no such living one.
    pub async fn end_session(
        &self,
        act: Act,
        account_id: &str,
        session_id: &str,
    ) -> Result<(), WriteError> {
        on_engine!(self, store => store.end_session(act, account_id, session_id).await)
    }

    /// Ends every session of the account but `keep`; says how many. Raises no generation.
    pub async fn end_other_sessions(
        &self,
        act: Act,
        account_id: &str,
        keep: &str,
    ) -> Result<u64, WriteError> {
        on_engine!(self, store => store.end_other_sessions(act, account_id, keep).await)
    }

    /// Ends every session of the account and raises its generation; says how many sessions.
    pub async fn end_all_sessions(&self, act: Act, account_id: &str) -> Result<u64, WriteError> {
        on_engine!(self, store => store.end_all_sessions(act, account_id).await)
    }

    /// Whose a refresh token is, current or consumed; `None` if it is not known.
    pub async fn token_owner(&self, token_hash: Hash) -> Result<Option<TokenOwner>, StoreError> {
        on_engine!(self, store => store.token_owner(token_hash).await)
    }

    /// Ends the session that a refresh token, current or consumed, belongs to. The client must be the session's.
    /// `(account id, session id)`, or `None` if there is no such living session.
    pub async fn end_session_by_token(
        &self,
        act: Act,
        token_hash: Hash,
        client_id: Option<String>,
    ) -> Result<Option<(String, String)>, WriteError> {
        on_engine!(self, store => store.end_session_by_token(act, token_hash, client_id).await)
    }
}
