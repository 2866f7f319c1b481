//! A look at the server, host by host, that changes nothing.

use std::time::Duration;

use keystile::Clock;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{DatabaseHost, DatabaseServer, HostState, Options, ServerFacts, StoreError};
use super::location::{Location, shown};
use super::migrate::OLDEST;
use super::row::get;
use super::tls;

const STATE: &str = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
const ABOUT: &str = "SELECT current_setting('server_version'), current_setting('server_version_num')::bigint,
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), current_setting('server_encoding'),
    current_setting('is_superuser') = 'on', current_setting('synchronous_commit'),
    current_setting('synchronous_standby_names')";
/// Settings with which the server loses writes that it has acknowledged.
const CARELESS: &str = "SELECT name FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name";
/// A role without rights to the statistics sees that there is a standby, but not whether it is waited for.
const STANDBYS: &str = "SELECT count(*), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
    count(*) FILTER (WHERE sync_state IS NULL) FROM pg_stat_replication";
const CLOCK: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// Those that only superusers get are not ours; -1 is no limit.
const CONNECTIONS: &str = "SELECT least(
        current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
            - coalesce(current_setting('reserved_connections', true)::bigint, 0),
        nullif(datconnlimit, -1), nullif(rolconnlimit, -1)),
    (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database)
    FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user";
/// With tables: what may not be done to them. Without: whether they can be made.
const LACKING: &str = "SELECT upper(wanted) || ' on ' || pg_class.relname
      FROM unnest($1::text[]) AS ours (name)
      JOIN pg_class ON pg_class.relname = ours.name AND pg_class.relnamespace =
           (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('keystile_migration'))
     CROSS JOIN unnest(ARRAY['select', 'insert', 'update', 'delete']) AS wanted
     WHERE NOT has_table_privilege(pg_class.oid, wanted)
       AND (relname <> 'keystile_migration' OR wanted = 'select')
    UNION ALL
    SELECT 'CREATE on ' || coalesce('schema ' || current_schema(), 'any schema of the search_path')
     WHERE to_regclass('keystile_migration') IS NULL
       AND NOT coalesce(has_schema_privilege(current_schema(), 'create'), false)
    UNION ALL
    SELECT 'EXECUTE on ' || called FROM unnest(ARRAY['pg_control_system()', 'pg_current_wal_lsn()']) AS called
     WHERE NOT has_function_privilege('pg_catalog.' || called, 'execute')
     ORDER BY 1";
/// The tables that the migrations make; a test compares.
pub(in crate::store) const TABLES: &[&str] = &[
    "account",
    "account_sequence",
    "attempt",
    "audit",
    "client",
    "exchanged",
    "keystile_migration",
    "meta",
    "password_format",
    "revocation",
    "session",
    "shared_secret",
    "signing_key",
    "spent",
];

/// See [`super::super::Store::inspect_server`].
pub(in crate::store) async fn inspect_server(url: &str) -> Result<DatabaseServer, StoreError> {
    let location = Location::parse(url)?;
    let tls = tls::connector(&location.protection)?;
    let patience = Options::default().patience;
    let looks: Vec<_> = location
        .hosts
        .iter()
        .map(|host| tokio::spawn(meet(host.clone(), tls.clone(), patience)))
        .collect();
    let mut found = DatabaseServer::default();
    let mut best: Option<(bool, Client)> = None;
    for (host, look) in location.hosts.iter().zip(looks) {
        let met = look.await;
        let met = met.unwrap_or_else(|error| Err(format!("the look broke off: {error}")));
        let state = match met {
            Ok((state, client)) => {
                let writes = state == HostState::Writes;
                if best.as_ref().is_none_or(|(others, _)| writes && !others) {
                    best = Some((writes, client));
                }
                state
            }
            Err(why) => HostState::Unreachable(why),
        };
        found.hosts.push(DatabaseHost::new(shown(host), state));
    }
    if let Some((_, client)) = best {
        let facts = timeout(patience, facts(&client)).await;
        found.facts = Some(facts.unwrap_or(Err(StoreError::Timeout))?);
    }
    Ok(found)
}

/// Connects to a host, whatever its part is; says which.
async fn meet(
    mut host: Config,
    tls: MakeRustlsConnect,
    patience: Duration,
) -> Result<(HostState, Client), String> {
    host.target_session_attrs(TargetSessionAttrs::Any);
    let meeting = async {
        let (client, connection) = host.connect(tls).await?;
        tokio::spawn(connection);
        let row = client.query_one(STATE, &[]).await?;
        let state = match (get(&row, 0)?, get(&row, 1)?) {
            (true, _) => HostState::Standby,
            (false, true) => HostState::ReadOnly,
            (false, false) => HostState::Writes,
        };
        Ok((state, client))
    };
    match timeout(patience, meeting).await {
        Ok(met) => met.map_err(|error: StoreError| match error {
            StoreError::Unreachable(why) | StoreError::Database(why) => why,
            other => other.to_string(),
        }),
        Err(_) => Err(format!(
            "it does not answer within {} s",
            patience.as_secs()
        )),
    }
}

async fn facts(client: &Client) -> Result<ServerFacts, StoreError> {
    let about = client.query_one(ABOUT, &[]).await?;
    let standbys = client.query_one(STANDBYS, &[]).await?;
    let connections = client.query_one(CONNECTIONS, &[]).await?;
    let hidden: i64 = get(&standbys, 2)?;
    let synchronous: i64 = get(&standbys, 1)?;
    Ok(ServerFacts {
        version: get(&about, 0)?,
        too_old: get::<i64>(&about, 1)? < OLDEST,
        encrypted: get(&about, 2)?,
        encoding: get(&about, 3)?,
        lacking: texts(&client.query(LACKING, &[&TABLES]).await?)?,
        superuser: get(&about, 4)?,
        careless: texts(&client.query(CARELESS, &[]).await?)?,
        synchronous_commit: get(&about, 5)?,
        synchronous_standby_names: get(&about, 6)?,
        standbys: get::<i64>(&standbys, 0)?.unsigned_abs(),
        synchronous: (hidden == 0).then_some(synchronous.unsigned_abs()),
        clock_ahead: clock_ahead(client).await?,
        connections: get::<i64>(&connections, 0)?.max(0).unsigned_abs(),
        connected: get::<i64>(&connections, 1)?.unsigned_abs(),
    })
}

/// As of the middle of the question's way.
async fn clock_ahead(client: &Client) -> Result<i64, StoreError> {
    let clock = Clock::system();
    let statement = client.prepare(CLOCK).await?;
    let asked = clock.now().as_millis();
    let shown: i64 = get(&client.query_one(&statement, &[]).await?, 0)?;
    let answered = clock.now().as_millis();
    Ok(shown.saturating_sub(asked.midpoint(answered)))
}

fn texts(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| get(row, 0)).collect()
}
