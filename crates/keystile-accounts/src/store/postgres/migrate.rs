//! Embedded migrations: applied once, in order, in one transaction under an advisory lock, so that nodes that start
//! together do not race.

use deadpool_postgres::{GenericClient, Object, Transaction};

use super::super::{Migration, Options, StoreError, migration};
use super::location::{CREATE, Location};
use super::{connect, row};

/// All steps this program knows, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sql: include_str!("../../../migrations/postgres/0001_first.sql"),
    },
    Migration {
        version: 2,
        sql: include_str!("../../../migrations/postgres/0002_holds.sql"),
    },
    Migration {
        version: 3,
        sql: include_str!("../../../migrations/postgres/0003_refusals.sql"),
    },
    Migration {
        version: 4,
        sql: include_str!("../../../migrations/postgres/0004_clients.sql"),
    },
    Migration {
        version: 5,
        sql: include_str!("../../../migrations/postgres/0005_living.sql"),
    },
    Migration {
        version: 6,
        sql: include_str!("../../../migrations/postgres/0006_told.sql"),
    },
    Migration {
        version: 7,
        sql: include_str!("../../../migrations/postgres/0007_told_after.sql"),
    },
];

/// The oldest server whose functions the store uses: 13.
pub(super) const OLDEST: i64 = 130_000;
const SERVER: &str = "SELECT current_setting('server_version_num')::bigint";
/// Others lack characters that people have in their names, or take bytes that are none.
const UNFIT_ENCODING: &str = "SELECT count(*) WHERE current_setting('server_encoding') <> 'UTF8'";
/// "keystile", as eight bytes. Held until the transaction ends.
const LOCK: &str = "SELECT pg_advisory_xact_lock(x'6b65797374696c65'::bigint)";
/// A step may take longer than a request would wait.
const NO_HURRY: &str = "SET LOCAL statement_timeout = 0";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS keystile_migration (
    version  BIGINT PRIMARY KEY,
    checksum BYTEA NOT NULL
)";
const TABLE_EXISTS: &str = "SELECT count(to_regclass('keystile_migration'))";
const APPLIED: &str = "SELECT version, checksum FROM keystile_migration ORDER BY version";
const RECORD: &str = "INSERT INTO keystile_migration (version, checksum) VALUES ($1, $2)";
const IN_ITS_CLUSTER: &str = "SELECT count(*) FROM meta, pg_control_system() AS here
    WHERE meta.name = 'cluster' AND meta.value = here.system_identifier::text";
/// Another history of revocations begins, and all that are there belong to it.
const MOVE_HOUSE: &str = "UPDATE meta SET value = CASE name
        WHEN 'feed_id' THEN replace(gen_random_uuid()::text, '-', '')
        ELSE (SELECT system_identifier::text FROM pg_control_system()) END
    WHERE name IN ('feed_id', 'cluster')";
const RENUMBER: &str = "UPDATE revocation SET xid = pg_current_xact_id()";

/// Brings the schema of a database to the newest of `known`; refuses one that is ahead, or that was made by other steps.
pub async fn migrate(url: &str, options: Options, known: &[Migration]) -> Result<(), StoreError> {
    let pool = connect::pool(&Location::parse(url)?, options, 1)?;
    let mut client = connect::first(&pool).await?;
    migrate_on(&mut client, known).await
}

pub(super) async fn migrate_on(client: &mut Object, known: &[Migration]) -> Result<(), StoreError> {
    refuse_unfit(client).await?;
    if missing(client, known).await?.is_empty() {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(NO_HURRY).await?;
    apply(&transaction, known).await?;
    Ok(transaction.commit().await?)
}

/// Refuses a server or a database that lacks what the store uses.
pub(super) async fn refuse_unfit(client: &impl GenericClient) -> Result<(), StoreError> {
    if row::number(client, SERVER, &[]).await? < OLDEST {
        return Err(StoreError::Database(
            "this server is older than PostgreSQL 13; use a newer one".to_owned(),
        ));
    }
    if row::number(client, UNFIT_ENCODING, &[]).await? != 0 {
        return Err(StoreError::Database(format!(
            "this database is not in UTF8; make another with {CREATE}"
        )));
    }
    Ok(())
}

/// Takes the missing steps, one caller at a time.
pub(super) async fn apply(
    transaction: &Transaction<'_>,
    known: &[Migration],
) -> Result<(), StoreError> {
    transaction.execute(LOCK, &[]).await?;
    // Asked again under the lock: another opener may have been first. Not whether there is a table, which this
    // connection remembers as it was before it waited.
    transaction.batch_execute(TABLE).await?;
    for step in missing_after(transaction, known).await? {
        transaction.batch_execute(step.sql).await?;
        transaction
            .execute(RECORD, &[&step.version, &step.checksum()])
            .await?;
    }
    Ok(())
}

/// The steps that are not applied yet.
pub(super) async fn missing<'a>(
    client: &impl GenericClient,
    known: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    if row::number(client, TABLE_EXISTS, &[]).await? == 0 {
        return Ok(known);
    }
    missing_after(client, known).await
}

/// The steps that are not among those recorded.
async fn missing_after<'a>(
    client: &impl GenericClient,
    known: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    let rows = client.query(APPLIED, &[]).await?;
    let applied: Result<Vec<_>, StoreError> = rows
        .iter()
        .map(|row| Ok((row::get(row, 0)?, row::get(row, 1)?)))
        .collect();
    migration::missing(&applied?, known)
}

/// The numbers of transactions that the revocations carry mean something in one cluster only. Where a dump was restored
/// into another, they are given its own, and whoever follows is told by a new feed id.
pub(super) async fn follow_cluster(client: &mut Object) -> Result<(), StoreError> {
    if row::number(client, IN_ITS_CLUSTER, &[]).await? == 1 {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction.batch_execute(NO_HURRY).await?;
    transaction.execute(LOCK, &[]).await?;
    if row::number(&transaction, IN_ITS_CLUSTER, &[]).await? == 0 {
        transaction.execute(MOVE_HOUSE, &[]).await?;
        transaction.execute(RENUMBER, &[]).await?;
    }
    Ok(transaction.commit().await?)
}
