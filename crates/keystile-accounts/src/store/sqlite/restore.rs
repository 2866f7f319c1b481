//! A backup put in the place of the database: copied, checked, brought to this version, told whom not to trust any more,
//! and only then given the name.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::super::{
    AuditRecord, CopyError, Progress, Restoration, Restored, StoreError, Trusted, Watch,
};
use super::location::{Location, ServerLock, folder_of, make_folder};
use super::replaced::{self, Outliving, Replaced};
use super::unfinished::{Unfinished, failed};
use super::{audit, backup, copy, inspect, migrate, snapshot, whole};

const NEW_FEED: &str = "UPDATE meta SET value = lower(hex(randomblob(16))) WHERE name = 'feed_id'";
const SEQUENCE: &str = "UPDATE account_sequence SET last = max(last, ?1)";
const ACCOUNTS: &str = "SELECT count(*) FROM account";
const LIVING: &str = "SELECT count(*) FROM session WHERE ended_at IS NULL AND expires_at > ?1";
const END_SESSIONS: &str = "UPDATE session SET ended_at = ?1, end_reason = 'restored', salt = NULL
    WHERE ended_at IS NULL";
/// Far above any generation that the lost history can have reached: what guards elsewhere remember of it must touch no
/// token of the time after. Tokens of other programs from before are over too.
const RAISE_GENERATIONS: &str = "UPDATE account SET generation = generation + 4294967296,
    sessions_ended_at = max(coalesce(sessions_ended_at, ?1), ?1)";
const REVOKE_KEYS: &str = "INSERT INTO revocation (kind, value, at, until)
    SELECT 'key', kid, ?1, max(?2, ?1 + coalesce((SELECT CAST(value AS INTEGER) FROM meta
        WHERE name = 'longest_token_life'), 0))
    FROM signing_key WHERE state <> 'withdrawn' AND kid = coalesce(?3, kid) ORDER BY created_at, kid";
/// As each withdrawal: nobody signs with them any more, so their private parts go.
const WITHDRAW_KEYS: &str =
    "UPDATE signing_key SET state = 'withdrawn', state_since = ?1, private = x'', due_at = NULL
    WHERE state <> 'withdrawn' AND kid = coalesce(?2, kid)";

/// See [`super::super::Store::restore`].
pub(in crate::store) fn restore(
    url: &str,
    file: &Path,
    how: Restoration,
    watch: &mut Watch<'_>,
) -> Result<Restored, CopyError> {
    let named = backup::path_of(url)?;
    let source = open(file, &named)?;
    make_folder(folder_of(&named))?;
    // Held to the end: no server begins on what is about to be replaced.
    let _lock = ServerLock::claim(&Location::File(named.clone()))?;
    // The file itself, where its name is a link: SQLite's other files lie beside that.
    let database = fs::canonicalize(&named).unwrap_or(named);
    let former = Replaced::take(&database)?;
    let unfinished = Unfinished::beside(&database)?;
    let mut copied = snapshot_of(&source, &unfinished, watch)?;
    drop(source);
    watch.tell(Progress::Checking)?;
    whole::check(&mut copied, file, watch)?;
    migrate::migrate(&mut copied, migrate::MIGRATIONS)?;
    let undone = former.as_ref().and_then(|former| former.beyond(&copied));
    let outliving = former.as_ref().map(Replaced::outliving).unwrap_or_default();
    let restored = begin_anew(&mut copied, how, &outliving)?;
    backup::close(copied)?;
    watch.go_on()?;
    let kept = former.as_ref().map(|former| former.keep(how.now));
    let kept = kept.transpose()?;
    replaced::keep_log(&database, kept.as_deref(), how.now)?;
    if database.exists() {
        unfinished.replace(&database)?;
    } else {
        // A command may have made one meanwhile.
        unfinished.name(&database)?;
    }
    Ok(Restored {
        replaced: kept,
        undone,
        ..restored
    })
}

/// Opens the backup to read; it stays as it is, be it on a disk that cannot be written.
fn open(file: &Path, database: &Path) -> Result<Connection, CopyError> {
    let found = match fs::metadata(file) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Err(whole::not_whole(file, "it is not a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(CopyError::NoBackup(file.to_owned()));
        }
        Err(source) => return Err(failed(file, source)),
    };
    let same = fs::metadata(database)
        .is_ok_and(|other| (other.dev(), other.ino()) == (found.dev(), found.ino()));
    if same {
        return Err(CopyError::SameFile(file.to_owned()));
    }
    let source = inspect::open(file)?;
    whole::version(&source, file)?;
    Ok(source)
}

fn snapshot_of(
    source: &Connection,
    unfinished: &Unfinished,
    watch: &mut Watch<'_>,
) -> Result<Connection, CopyError> {
    let mut outcome = Err(CopyError::Stopped);
    snapshot(source, |source| {
        // The snapshot begins with the first read.
        source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        outcome = copy::copy(source, unfinished, watch);
        Ok(())
    })?;
    outcome
}

/// Everything that parts this history from the one that was lost, in one transaction.
fn begin_anew(
    copied: &mut Connection,
    how: Restoration,
    outliving: &Outliving,
) -> Result<Restored, StoreError> {
    let transaction = copied.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let restored = Restored {
        taken_at: backup::marked(&transaction)?,
        replaced: None,
        accounts: backup::count(&transaction, ACCOUNTS)?,
        sessions: transaction
            .query_row(LIVING, [how.now], |row| row.get::<_, i64>(0))?
            .unsigned_abs(),
        keys_withdrawn: distrust(&transaction, how, &outliving.withdrawn_keys)?,
        undone: None,
    };
    transaction.execute(NEW_FEED, [])?;
    transaction.execute(SEQUENCE, [outliving.last_account_id])?;
    let detail = serde_json::json!({
        "taken_at": restored.taken_at,
        "trusted": match how.trusted {
            Trusted::Nothing => "nothing",
            Trusted::Keys => "keys",
            Trusted::Everything => "everything",
        },
    });
    let record = AuditRecord {
        at: how.now,
        kind: "database.restored".to_owned(),
        from: Some("command line".to_owned()),
        detail: Some(detail.to_string()),
        ..AuditRecord::default()
    };
    audit::put(&transaction, &record)?;
    transaction.commit()?;
    Ok(restored)
}

/// Ends what was handed out, as far as it is not trusted; says how many keys were withdrawn.
fn distrust(
    transaction: &Transaction<'_>,
    how: Restoration,
    withdrawn: &[(String, i64)],
) -> Result<u64, StoreError> {
    if how.trusted != Trusted::Everything {
        transaction.execute(END_SESSIONS, [how.now])?;
        transaction.execute(RAISE_GENERATIONS, [how.now])?;
    }
    let mut count = 0;
    // As of when it was done: the next restore tells them from those that this one withdraws.
    for (kid, since) in withdrawn {
        count += withdraw(transaction, how, Some(kid), *since)?;
    }
    if how.trusted == Trusted::Nothing {
        count += withdraw(transaction, how, None, how.now)?;
    }
    Ok(count)
}

/// Withdraws one key, or all.
fn withdraw(
    transaction: &Transaction<'_>,
    how: Restoration,
    kid: Option<&str>,
    since: i64,
) -> Result<u64, StoreError> {
    transaction.execute(REVOKE_KEYS, (how.now, how.revoked_until, kid))?;
    Ok(transaction.execute(WITHDRAW_KEYS, (since, kid))? as u64)
}
