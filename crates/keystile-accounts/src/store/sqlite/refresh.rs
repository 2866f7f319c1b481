//! The chain of refresh tokens: one UPDATE decides, a second statement says why not.

use rusqlite::{OptionalExtension, params};

use super::super::spent::{Consumed, Head, Verdict, judge, refusal_detail};
use super::super::{
    Act, EndReason, Hash, NewHead, OfSession, Rotate, Rotation, Salt, SessionRecord, WriteError,
};
use super::session::{self, session_columns};
use super::{Sqlite, Work, audit, ending};

/// The presented token is the head of a living session, or nothing happens. `previous_*` keep what the head was.
const ROTATE: &str = concat!(
    "UPDATE session SET previous_hash = token_hash, previous_expires_at = expires_at, token_hash = ?2, salt = ?3,
        rotated_at = ?4, last_used_at = ?4, expires_at = min(?5, coalesce(absolute_expires_at, ?5)),
        address = coalesce(?6, address)
     WHERE token_hash = ?1 AND ended_at IS NULL AND expires_at > ?4 AND client_id IS ?7
     RETURNING ",
    session_columns!(),
    ", chain, previous_expires_at"
);
const SPEND: &str =
    "INSERT INTO spent (hash, session_id, chain, expires_at) VALUES (?1, ?2, ?3, ?4)";
const CONSUMED: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", CASE WHEN previous_hash = ?1 THEN salt END, rotated_at,
       (SELECT spent.chain FROM spent WHERE hash = ?1) = chain,
       (SELECT spent.expires_at FROM spent WHERE hash = ?1)
     FROM session WHERE id = (SELECT session_id FROM spent WHERE hash = ?1) AND client_id IS ?2"
);
const HEAD: &str =
    "SELECT account_id, id, ended_at IS NOT NULL, expires_at, absolute_expires_at FROM session
     WHERE token_hash = ?1 AND client_id IS ?2";
const SPEND_HEAD: &str = "INSERT INTO spent (hash, session_id, chain, expires_at)
    SELECT token_hash, id, chain, expires_at FROM session WHERE id = ?1";
const REPLACE_HEAD: &str = concat!(
    "UPDATE session SET token_hash = ?2, previous_hash = NULL, previous_expires_at = NULL, salt = NULL, chain = chain + 1,
        rotated_at = ?3, last_used_at = ?3, expires_at = min(?4, coalesce(absolute_expires_at, ?4)),
        auth_time = coalesce(?5, auth_time)
     WHERE id = ?1 AND ended_at IS NULL
     RETURNING ",
    session_columns!()
);

impl Sqlite {
    pub async fn rotate(&self, rotate: Rotate) -> Result<Rotation, WriteError> {
        self.write(move |work| {
            if let Some(session) = consume(work, &rotate)? {
                let live = session::with_account(work, session)?;
                return Ok(Rotation::Rotated(Box::new(live)));
            }
            let rotation = classify(work, &rotate)?;
            note_refusal(work, &rotate, &rotation)?;
            Ok(rotation)
        })
        .await
    }
}

/// The winner's part.
fn consume(work: &Work<'_>, rotate: &Rotate) -> Result<Option<SessionRecord>, WriteError> {
    // Without a grace nobody will derive again, so the salt is not kept at all.
    let salt = (rotate.grace > 0).then_some(rotate.salt.0);
    let values = params![
        rotate.presented,
        rotate.successor,
        salt,
        rotate.now,
        rotate.expires_at,
        rotate.address,
        rotate.client_id,
    ];
    let rotated = work
        .prepare_cached(ROTATE)?
        .query_row(values, |row| {
            Ok((
                session::from_row(row)?,
                row.get::<_, i64>(13)?,
                row.get::<_, i64>(14)?,
            ))
        })
        .optional()?;
    let Some((session, chain, expired_at)) = rotated else {
        return Ok(None);
    };
    work.run(SPEND, (&rotate.presented, &session.id, chain, expired_at))?;
    Ok(Some(session))
}

/// The loser's part, in new statements.
fn classify(work: &Work<'_>, rotate: &Rotate) -> Result<Rotation, WriteError> {
    let consumed = work
        .prepare_cached(CONSUMED)?
        .query_row(params![rotate.presented, rotate.client_id], |row| {
            Ok(Consumed {
                session: session::from_row(row)?,
                salt: row.get::<_, Option<[u8; 32]>>(13)?.map(Salt),
                rotated_at: row.get(14)?,
                same_chain: row.get(15)?,
                expires_at: row.get(16)?,
            })
        })
        .optional()?;
    match consumed {
        Some(consumed) => judged(work, rotate, consumed),
        None => head(work, rotate),
    }
}

fn judged(work: &Work<'_>, rotate: &Rotate, consumed: Consumed) -> Result<Rotation, WriteError> {
    Ok(match judge(rotate, &consumed) {
        Verdict::Ended => Rotation::Ended(consumed.session.ids()),
        Verdict::Expired(expiry) => Rotation::Expired(consumed.session.ids(), expiry),
        Verdict::Replayed(salt) => {
            let live = session::with_account(work, consumed.session)?;
            Rotation::Replayed(salt, Box::new(live))
        }
        Verdict::Reused => return reused(work, rotate, &consumed.session),
    })
}

fn reused(
    work: &Work<'_>,
    rotate: &Rotate,
    session: &SessionRecord,
) -> Result<Rotation, WriteError> {
    let act = rotate.act();
    let of = session.ids();
    ending::end(
        work,
        &act,
        &of.account_id,
        &of.session_id,
        EndReason::Reused,
    )?;
    audit::note(
        work,
        &act,
        "session.reuse_detected",
        &of.account_id,
        Some(&of.session_id),
    )?;
    Ok(Rotation::Reused(of))
}

/// Once for each session, however often its tokens come: the unique index decides.
fn note_refusal(work: &Work<'_>, rotate: &Rotate, rotation: &Rotation) -> Result<(), WriteError> {
    let Some(of) = rotation.refused_before() else {
        return Ok(());
    };
    audit::note_once(work, &rotate.act(), of, &refusal_detail(rotation))
}

fn head(work: &Work<'_>, rotate: &Rotate) -> Result<Rotation, WriteError> {
    let found = work
        .prepare_cached(HEAD)?
        .query_row(params![rotate.presented, rotate.client_id], |row| {
            Ok(Head {
                of: OfSession {
                    account_id: row.get(0)?,
                    session_id: row.get(1)?,
                },
                ended: row.get(2)?,
                expires_at: row.get(3)?,
                absolute_expires_at: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found.map_or(Rotation::Unknown, |head| head.refused(rotate)))
}

/// A new chain for a session that goes on; the old one's tokens are answered `Ended`.
pub(super) fn replace_head(
    work: &Work<'_>,
    act: &Act,
    session_id: &str,
    head: &NewHead,
) -> Result<SessionRecord, WriteError> {
    let NewHead {
        token_hash,
        expires_at,
        auth_time,
    }: &NewHead = head;
    let token_hash: &Hash = token_hash;
    work.run(SPEND_HEAD, [session_id])?;
    work.prepare_cached(REPLACE_HEAD)?
        .query_row(
            params![session_id, token_hash, act.now, expires_at, auth_time],
            session::from_row,
        )
        .optional()?
        .ok_or(WriteError::Stale)
}
