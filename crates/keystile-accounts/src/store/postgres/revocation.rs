//! What is revoked, for guards to follow. A reader asks for what its last snapshot did not show, so that no row is missed
//! however late its transaction commits, and none comes twice.

use tokio_postgres::Row;

use super::super::column::{revoked_columns, revoked_from};
use super::super::{
    Act, AuditRecord, Cursor, Hint, RevocationPoll, RevocationRecord, Revoked, StoreError,
    WriteError,
};
use super::row::{self, Values, get};
use super::{Postgres, Work, audit, connect, session};

/// Kept for the longest life that any issuer on this database has given its tokens, not only for that of this process's.
/// Whoever is just saying a longer one waits for those who still go by the shorter.
const INSERT: &str = "INSERT INTO revocation (kind, value, smallest_generation, at, until)
    VALUES ($1, $2, $3, $4::bigint, greatest($5::bigint, $4 + coalesce(
        (SELECT value::bigint FROM meta WHERE name = 'longest_token_life' FOR SHARE), 0)))
    RETURNING id, until, xid::text";
/// The same for many sessions, in one round trip: a client that is deleted may have had tens of thousands.
const INSERT_SESSIONS: &str = "INSERT INTO revocation (kind, value, at, until)
    SELECT 'session', ended.id, $2::bigint, greatest($3::bigint, $2 + coalesce(
        (SELECT value::bigint FROM meta WHERE name = 'longest_token_life' FOR SHARE), 0))
      FROM unnest($1::text[]) AS ended (id)
    RETURNING id, until, xid::text, value";
const LONGEST: &str =
    "SELECT coalesce(max(value::bigint), -1) FROM meta WHERE name = 'longest_token_life'";
const LENGTHEN: &str =
    "INSERT INTO meta (name, value) VALUES ('longest_token_life', $1::bigint::text)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    WHERE meta.value::bigint < excluded.value::bigint";
/// A hundred years: beyond it nobody waits for a token to expire, and the sum with the time would not fit its column.
const LONGEST_LIFE: i64 = 100 * 366 * 24 * 3_600_000;

/// Where it is said that there is something new.
const CHANNEL: &str = "keystile_revocation";
/// Nothing is on disk for it, so it is quick, unlike one inside of a transaction that writes.
pub(super) const TELL: &str = "NOTIFY keystile_revocation";

/// The history that the rows belong to: also another after a failover, when the new primary may count transactions again
/// that its predecessor had counted.
macro_rules! feed {
    () => {
        "(SELECT value FROM meta WHERE name = 'feed_id') || '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    };
}

/// What is committed in the snapshot `upto` and was not in the snapshot `$1`, after a place in it. At least one row, so
/// that feed and snapshot are told even if nothing is new.
const AFTER: &str = concat!(
    "SELECT ",
    feed!(),
    ", upto.snapshot::text, found.xid::text, found.id, found.kind, found.value, found.smallest_generation, found.at,
        found.until
       FROM (SELECT coalesce($2::text::pg_snapshot, pg_current_snapshot()) AS snapshot) AS upto
       LEFT JOIN LATERAL (
            SELECT * FROM revocation
             WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND (xid, id) > ($3::text::xid8, $4::bigint)
               AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
               AND pg_visible_in_snapshot(xid, upto.snapshot)
             ORDER BY xid, id LIMIT $5::bigint) AS found ON true
      ORDER BY found.xid, found.id"
);
const LIVING: &str = concat!(
    "SELECT ",
    feed!(),
    ", upto.snapshot::text, found.xid::text, found.id, found.kind, found.value, found.smallest_generation, found.at,
        found.until
       FROM (SELECT pg_current_snapshot() AS snapshot) AS upto
       LEFT JOIN (SELECT * FROM revocation WHERE until > $1) AS found ON true
      ORDER BY found.xid, found.id"
);

impl Postgres {
    pub async fn revocations_after(
        &self,
        cursor: Cursor,
        limit: u32,
    ) -> Result<RevocationPoll, StoreError> {
        let place = Place::read(&cursor);
        self.ask_apart(move |client| {
            Box::pin(async move {
                let values: Values<'_> = &[
                    &place.since,
                    &place.upto,
                    &place.xid,
                    &place.id,
                    &i64::from(limit),
                ];
                let rows = row::all(client, AFTER, values).await?;
                poll(&rows, &place.since, limit)
            })
        })
        .await
    }

    pub async fn revocation_snapshot(&self, now: i64) -> Result<RevocationPoll, StoreError> {
        self.ask_apart(move |client| {
            Box::pin(async move {
                let rows = row::all(client, LIVING, &[&now]).await?;
                poll(&rows, "", u32::MAX)
            })
        })
        .await
    }

    pub async fn hear_of_revocations(&self, hint: Hint) -> StoreError {
        let (location, options) = (&self.0.location, self.0.options);
        let heard = connect::listen(location, options, CHANNEL, hint).await;
        heard.map_or_else(|error| error, |()| StoreError::Closed)
    }

    pub async fn remember_token_life(&self, life: i64) -> Result<(), WriteError> {
        let life = life.clamp(0, LONGEST_LIFE);
        self.ask(move |client| {
            Box::pin(async move {
                // Asked first: usually nothing is to be changed, and then nobody is to be waited for.
                if row::number(client, LONGEST, &[]).await? < life {
                    row::run(client, LENGTHEN, &[&life]).await?;
                }
                Ok(())
            })
        })
        .await
    }

    pub async fn revoke_token(&self, act: Act, token_id: &str) -> Result<(), WriteError> {
        let token_id = token_id.to_owned();
        self.write(move |work| {
            Box::pin(async move {
                session::recheck(work, &act, None).await?;
                let record = AuditRecord {
                    at: act.now,
                    kind: "token.revoked".to_owned(),
                    actor_id: act.actor.as_ref().map(|actor| actor.account_id.clone()),
                    from: act.from.clone(),
                    detail: Some(serde_json::json!({ "jti": token_id }).to_string()),
                    ..AuditRecord::default()
                };
                audit::insert(&**work, &record).await?;
                insert(work, &act, Revoked::Token { token_id }).await
            })
        })
        .await
    }
}

/// Where a reader stands: it has all of one snapshot, and of another the rows up to one of them.
struct Place {
    since: String,
    upto: Option<String>,
    xid: String,
    id: i64,
}

impl Place {
    /// A cursor is the snapshot's text, and within a snapshot that comes in pages also that one's and the last row's.
    fn read(cursor: &Cursor) -> Self {
        let mut parts = cursor.0.split(' ');
        let since = parts.next().filter(|since| !since.is_empty());
        let upto = parts.next().map(str::to_owned);
        Self {
            // A snapshot that shows nothing.
            since: since.unwrap_or("1:1:").to_owned(),
            upto,
            xid: parts.next().unwrap_or("0").to_owned(),
            id: parts.next().and_then(|id| id.parse().ok()).unwrap_or(0),
        }
    }
}

/// The cursor is the whole snapshot if this was all of it.
fn poll(rows: &[Row], since: &str, limit: u32) -> Result<RevocationPoll, StoreError> {
    let first = rows.first();
    let first = first.ok_or(StoreError::Corrupt("a poll that answers nothing"))?;
    let (feed_id, upto): (String, &str) = (get(first, 0)?, get(first, 1)?);
    // The oldest transaction that was under way: whatever began before it had been kept, or never will be.
    let whole_below = upto.split(':').next().map_or(Ok(0), number)?;
    let mut found = Vec::new();
    let mut cursor = upto.to_owned();
    for row in rows {
        let Some(xid) = get::<Option<&str>>(row, 2)? else {
            continue;
        };
        let record = from_row(row, xid)?;
        if rows.len() >= limit as usize {
            cursor = format!("{since} {upto} {xid} {}", record.id);
        }
        found.push(record);
    }
    Ok(RevocationPoll {
        feed_id,
        cursor: Cursor(cursor),
        whole_below,
        rows: found,
    })
}

pub(super) async fn session(
    work: &Work<'_>,
    act: &Act,
    session_id: &str,
) -> Result<(), WriteError> {
    let session_id = session_id.to_owned();
    insert(work, act, Revoked::Session { session_id }).await
}

/// Revokes the tokens of these sessions.
pub(super) async fn sessions(
    work: &Work<'_>,
    act: &Act,
    session_ids: &[String],
) -> Result<(), WriteError> {
    if session_ids.is_empty() {
        return Ok(());
    }
    let values: Values<'_> = &[&session_ids, &act.now, &act.revoked_until];
    for row in work.all(INSERT_SESSIONS, values).await? {
        let session_id = get(&row, 3)?;
        note(work, act, &row, Revoked::Session { session_id })?;
    }
    Ok(())
}

pub(super) async fn subject(
    work: &Work<'_>,
    act: &Act,
    account_id: &str,
    smallest_generation: i64,
) -> Result<(), WriteError> {
    let revoked = Revoked::Subject {
        account_id: account_id.to_owned(),
        smallest_generation: smallest_generation.cast_unsigned(),
    };
    insert(work, act, revoked).await
}

pub(super) async fn key(work: &Work<'_>, act: &Act, kid: &str) -> Result<(), WriteError> {
    let kid = kid.to_owned();
    insert(work, act, Revoked::Key { kid }).await
}

async fn insert(work: &Work<'_>, act: &Act, revoked: Revoked) -> Result<(), WriteError> {
    let (kind, value, generation) = revoked_columns(&revoked);
    let values: Values<'_> = &[&kind, &value, &generation, &act.now, &act.revoked_until];
    let row = work.optional(INSERT, values).await?;
    let row = row.ok_or(StoreError::Corrupt("an insert that answers nothing"))?;
    note(work, act, &row, revoked)
}

/// What an insert answers is told of after the commit.
fn note(work: &Work<'_>, act: &Act, row: &Row, revoked: Revoked) -> Result<(), WriteError> {
    let (id, until) = (get(row, 0)?, get(row, 1)?);
    work.note_revoked(RevocationRecord {
        id,
        place: number(get(row, 2)?)?,
        revoked,
        at: act.now,
        until,
    });
    Ok(())
}

/// Of a transaction; it has 64 bits, and comes as text.
fn number(text: &str) -> Result<u64, StoreError> {
    let wrong = StoreError::Corrupt("a transaction's number that is none");
    text.parse().map_err(|_| wrong)
}

fn from_row(row: &Row, xid: &str) -> Result<RevocationRecord, StoreError> {
    let revoked = revoked_from(get(row, 4)?, get(row, 5)?, get(row, 6)?);
    Ok(RevocationRecord {
        id: get(row, 3)?,
        place: number(xid)?,
        revoked: revoked.ok_or(StoreError::Corrupt("a revocation of an unknown kind"))?,
        at: get(row, 7)?,
        until: get(row, 8)?,
    })
}
