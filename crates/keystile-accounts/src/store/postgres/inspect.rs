//! A look at a database that changes nothing: no migration, no key.

use deadpool_postgres::Object;

use super::super::inspection::CLIENTS;
use super::super::{Inspection, Migration, Options, Schema, StoreError};
use super::location::Location;
use super::migrate::{self, MIGRATIONS};
use super::{client as clients, connect, issuer, key, row};

const ACCOUNTS: &str = "SELECT count(*) FROM account";
const SESSIONS: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL";

/// See [`super::super::Store::inspect`].
pub(in crate::store) async fn inspect(url: &str) -> Result<Inspection, StoreError> {
    let location = Location::parse(url)?;
    let options = Options::default();
    let pool = connect::pool(&location, options, 1)?;
    let client = connect::first(&pool).await?;
    look(&client, MIGRATIONS).await
}

async fn look(client: &Object, known: &[Migration]) -> Result<Inspection, StoreError> {
    let mut found = Inspection {
        schema: schema(client, known).await?,
        damage: Vec::new(),
        signing_key: None,
        issuer: None,
        accounts: 0,
        sessions: 0,
        clients: Vec::new(),
        // Its own means leave no mark here.
        last_backup: None,
    };
    // What a stranger's tables mean nobody knows, and before the first migration there are none.
    let has_tables = match found.schema {
        Schema::Current { .. } => true,
        Schema::Behind { found, .. } => found > 0,
        Schema::TooNew { .. } | Schema::Foreign { .. } => false,
    };
    if has_tables {
        found.signing_key = key::signing_at_a_glance(client).await?;
        found.issuer = issuer::known(client).await?;
        found.accounts = row::number(client, ACCOUNTS, &[]).await?.cast_unsigned();
        found.sessions = row::number(client, SESSIONS, &[]).await?.cast_unsigned();
        if let Schema::Current { .. } = found.schema {
            found.clients = clients::first(client, CLIENTS).await?;
        }
    }
    Ok(found)
}

async fn schema(client: &Object, known: &[Migration]) -> Result<Schema, StoreError> {
    Schema::of(migrate::missing(client, known).await, known)
}
