//! A look at a database that changes nothing: no migration, no key.

use deadpool_postgres::Object;

use super::super::{Inspection, Migration, Options, Schema, StoreError};
use super::location::Location;
use super::migrate::{self, MIGRATIONS};
use super::{connect, key, row};

const ACCOUNTS: &str = "SELECT count(*) FROM account";
const SESSIONS: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL";
const SERVER: &str = "SELECT 'PostgreSQL ' || current_setting('server_version') || CASE
    (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) WHEN true THEN ', over TLS' ELSE ', without TLS' END";
/// Settings with which the server loses writes that it has acknowledged.
const CARELESS: &str = "SELECT name FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";

/// See [`super::super::Store::inspect`].
pub(in crate::store) async fn inspect(url: &str) -> Result<Inspection, StoreError> {
    let location = Location::parse(url)?;
    let options = Options::default();
    let pool = connect::pool(&location, options)?;
    let client = match pool.get().await {
        Ok(client) => client,
        Err(deadpool_postgres::PoolError::Backend(error)) => return Err(error.into()),
        Err(_) => return Err(StoreError::Timeout),
    };
    let mut found = look(&client, MIGRATIONS).await?;
    let server = row::optional(&client, SERVER, &[]).await?;
    if let Some(server) = server {
        let server: String = row::get(&server, 0)?;
        found.server = Some(format!("{server}, at {location}"));
    }
    Ok(found)
}

async fn look(client: &Object, known: &[Migration]) -> Result<Inspection, StoreError> {
    let mut found = Inspection {
        schema: schema(client, known).await?,
        damage: Vec::new(),
        signing_key: None,
        accounts: 0,
        sessions: 0,
        server: None,
        risks: Vec::new(),
        // Its own means leave no mark here.
        last_backup: None,
    };
    for row in row::all(client, CARELESS, &[]).await? {
        let setting: &str = row::get(&row, 0)?;
        found.risks.push(format!(
            "the server's `{setting}` is off: a crash loses what it has acknowledged"
        ));
    }
    // What a stranger's tables mean nobody knows, and before the first migration there are none.
    let has_tables = match found.schema {
        Schema::Current { .. } => true,
        Schema::Behind { found, .. } => found > 0,
        Schema::TooNew { .. } | Schema::Foreign { .. } => false,
    };
    if has_tables {
        found.signing_key = key::signing_at_a_glance(client).await?;
        found.accounts = row::number(client, ACCOUNTS, &[]).await?.cast_unsigned();
        found.sessions = row::number(client, SESSIONS, &[]).await?.cast_unsigned();
    }
    Ok(found)
}

async fn schema(client: &Object, known: &[Migration]) -> Result<Schema, StoreError> {
    Schema::of(migrate::missing(client, known).await, known)
}
