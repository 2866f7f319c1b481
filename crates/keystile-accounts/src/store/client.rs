//! What the store keeps of clients.

use super::{Act, ClientRecord, NewClient, Page, Store, StoreError, WriteError};

impl Store {
    /// Creates a client; [`WriteError::Taken`] if another has its name.
    pub async fn create_client(
        &self,
        act: Act,
        new: NewClient,
    ) -> Result<ClientRecord, WriteError> {
        on_engine!(self, store => store.create_client(act, new).await)
    }

    /// By id.
    pub async fn client(&self, id: &str) -> Result<Option<ClientRecord>, StoreError> {
        on_engine!(self, store => store.client(id).await)
    }

    /// By name.
    pub async fn client_by_name(&self, name: &str) -> Result<Option<ClientRecord>, StoreError> {
        on_engine!(self, store => store.client_by_name(name).await)
    }

    /// A page in order of creation; `after` is the former page's `next`.
    pub async fn clients(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<ClientRecord>, StoreError> {
        on_engine!(self, store => store.clients(after, limit).await)
    }

    /// Deletes a client: its own tokens are revoked, and the sessions that were opened for it end; says how many of them.
    /// [`WriteError::NotFound`] if it is not there.
    ///
    /// One that had very many sessions would hold everybody else up, or take longer than the store waits: all but the last are
    /// ended some at a time. Where that breaks off the client is there still, and asked again it goes on. The session of whoever
    /// asks, if that is one of them, ends with the client: by it alone they may.
    pub async fn delete_client(&self, act: Act, id: &str) -> Result<u64, WriteError> {
        let mut ended = 0;
        loop {
            let act = act.clone();
            let some = on_engine!(self, store => store.end_sessions_of_client(act, id).await)?;
            ended += some.living;
            if some.all {
                break;
            }
        }
        let rest = on_engine!(self, store => store.delete_client(act, id).await)?;
        Ok(ended + rest)
    }
}

/// Sessions of a client that are ended in one transaction at the most.
pub(super) const SOME_SESSIONS: u32 = 2_000;

/// What became of some of a client's sessions.
#[derive(Clone, Copy, Debug)]
pub struct EndedSome {
    /// How many were alive.
    pub(super) living: u64,
    /// Whether none is left but those that were opened meanwhile.
    pub(super) all: bool,
}
