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

    /// Deletes: revokes all its own tokens, ends the sessions that were opened for it; says how many of them lived.
    pub async fn delete_client(&self, act: Act, id: &str) -> Result<u64, WriteError> {
        on_engine!(self, store => store.delete_client(act, id).await)
    }
}
