//! Making, listing and deleting clients. `caller` is the administrator, rechecked in the write's own transaction; `None`
//! stands for the command line and the program itself.

use keystile::OpaqueToken;

use super::trouble::Trouble;
use crate::accounts::Accounts;
use crate::client::{Client, ClientsPage, CreatedClient, NewClient, SECRET_PREFIX};
use crate::engine::Engine;
use crate::error::{AdminError, Fault};
use crate::names;
use crate::request::Caller;
use crate::store;

const LARGEST_PAGE: u32 = 200;
const MOST_SCOPES: usize = 64;
const MOST_AUDIENCES: usize = 32;

impl Accounts {
    /// Makes a client. Its secret is in the answer and nowhere else.
    pub async fn create_client(
        &self,
        caller: Option<&Caller>,
        new: NewClient,
    ) -> Result<CreatedClient, AdminError> {
        let created = self.engine().create_client(caller, new).await?;
        tracing::info!(client = created.client.id, name = ?created.client.name, "a client was made");
        Ok(created)
    }

    /// Clients in the order of their creation, at most `limit` (1 to 200) a page. `after` is the former page's `next`.
    pub async fn clients_page(&self, after: Option<i64>, limit: u32) -> Result<ClientsPage, Fault> {
        let limit = limit.clamp(1, LARGEST_PAGE);
        let page = self.engine().store.clients(after, limit).await?;
        Ok(ClientsPage {
            clients: page.items.iter().map(Client::from).collect(),
            next: page.next,
        })
    }

    /// One client, by its id or, if none has that, by its name.
    pub async fn find_client(&self, id_or_name: &str) -> Result<Option<Client>, Fault> {
        let store = &self.engine().store;
        let found = match store.client(id_or_name).await? {
            Some(found) => Some(found),
            None => store.client_by_name(id_or_name).await?,
        };
        Ok(found.as_ref().map(Client::from))
    }

    /// Deletes a client: its secret opens nothing any more, its own tokens are refused, and the sessions that were opened
    /// for it end; says how many of those.
    pub async fn delete_client(
        &self,
        caller: Option<&Caller>,
        id: &str,
    ) -> Result<u64, AdminError> {
        let engine = self.engine();
        let act = engine.act(caller, engine.now());
        let sessions = engine.store.delete_client(act, id).await.map_err(unknown)?;
        tracing::info!(client = id, sessions, "a client was deleted");
        Ok(sessions)
    }
}

impl Engine {
    async fn create_client(
        &self,
        caller: Option<&Caller>,
        new: NewClient,
    ) -> Result<CreatedClient, Trouble> {
        names::client_name(&new.name).map_err(Trouble::name("name"))?;
        let scopes = checked(new.scopes, "scopes", MOST_SCOPES, names::scope)?;
        let audiences = checked(new.audiences, "audiences", MOST_AUDIENCES, names::audience)?;
        let secret = OpaqueToken::generate(SECRET_PREFIX, &self.random);
        let new = store::NewClient {
            id: self.new_id(),
            name: new.name,
            secret_hash: *secret.hash().as_bytes(),
            scopes,
            audiences,
        };
        let act = self.act(caller, self.now());
        let record = self.store.create_client(act, new).await?;
        Ok(CreatedClient {
            client: Client::from(&record),
            secret,
        })
    }
}

/// Sorted, each once, each as its rule says.
fn checked(
    mut words: Vec<String>,
    field: &'static str,
    most: usize,
    rule: impl Fn(&str) -> Result<(), names::BadName>,
) -> Result<Vec<String>, Trouble> {
    words.sort();
    words.dedup();
    if words.len() > most {
        let message = format!("give at most {most}");
        return Err(Trouble::invalid(field, "list_too_long", &message));
    }
    for word in &words {
        rule(word).map_err(Trouble::name(field))?;
    }
    Ok(words)
}

fn unknown(error: store::WriteError) -> AdminError {
    match error {
        store::WriteError::NotFound => AdminError::NotFound { what: "client" },
        other => Trouble::from(other).into(),
    }
}
