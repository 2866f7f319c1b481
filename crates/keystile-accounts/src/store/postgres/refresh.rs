//! The chain of refresh tokens: one statement rotates, in one round trip; new ones, with a fresh snapshot, say why not.

use deadpool_postgres::Object;

use super::super::spent::{Consumed, Verdict, judge};
use super::super::{
    Act, EndReason, LiveSession, NewHead, Rotate, Rotation, Salt, SessionRecord, StoreError,
    WriteError,
};
use super::account::{self, account_columns};
use super::row::{self, Values, get};
use super::session::{self, session_columns};
use super::{Postgres, Work, audit};

/// The presented token is the head of a living session, or nothing happens. `previous_*` keep what the head was. Whoever
/// waited here for another's rotation sees that the head is another, and changes nothing.
const ROTATE: &str = concat!(
    "WITH rotated AS (
        UPDATE session SET previous_hash = token_hash, previous_expires_at = expires_at, token_hash = $2, salt = $3,
            rotated_at = $4, last_used_at = $4, expires_at = least($5::bigint, absolute_expires_at),
            address = coalesce($6, address)
         WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $4 AND client_id IS NOT DISTINCT FROM $7::text
        RETURNING ",
    session_columns!(),
    ", chain, previous_expires_at
     ), consumed AS (
        INSERT INTO spent (hash, session_id, chain, expires_at) SELECT $1, id, chain, previous_expires_at FROM rotated
     )
     SELECT rotated.*, ",
    account_columns!(),
    " FROM rotated LEFT JOIN account ON account.id = rotated.account_id"
);
/// Where the account's columns begin in the answers to [`ROTATE`] and [`CONSUMED`].
const ACCOUNT_OF_ROTATED: usize = session::COLUMNS + 2;
const ACCOUNT_OF_CONSUMED: usize = session::COLUMNS + 4;
const CONSUMED: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", CASE WHEN session.previous_hash = $1 THEN session.salt END, session.rotated_at, spent.chain = session.chain,
       spent.expires_at, ",
    account_columns!(),
    " FROM spent JOIN session ON session.id = spent.session_id LEFT JOIN account ON account.id = session.account_id
     WHERE spent.hash = $1 AND session.client_id IS NOT DISTINCT FROM $2::text"
);
const HEAD: &str = "SELECT ended_at IS NOT NULL, expires_at <= $3 FROM session
    WHERE token_hash = $1 AND client_id IS NOT DISTINCT FROM $2::text";
const SPEND_HEAD: &str = "INSERT INTO spent (hash, session_id, chain, expires_at)
    SELECT token_hash, id, chain, expires_at FROM session WHERE id = $1";
const REPLACE_HEAD: &str = concat!(
    "UPDATE session SET token_hash = $2, previous_hash = NULL, previous_expires_at = NULL, salt = NULL, chain = chain + 1,
        rotated_at = $3, last_used_at = $3, expires_at = least($4::bigint, absolute_expires_at),
        auth_time = coalesce($5::bigint, auth_time)
     WHERE id = $1 AND ended_at IS NULL
     RETURNING ",
    session_columns!()
);

impl Postgres {
    pub async fn rotate(&self, rotate: Rotate) -> Result<Rotation, WriteError> {
        let asked = rotate.clone();
        let consumed = self
            .ask(move |client| Box::pin(async move { consume_or_ask(client, &rotate).await }))
            .await?;
        match consumed {
            Answer::Rotation(rotation) => Ok(rotation),
            Answer::Reused(session) => self.reused(asked, *session).await,
        }
    }

    /// Ends the session whose consumed token came again. Of several who bring one at once, one ends it.
    async fn reused(&self, rotate: Rotate, session: SessionRecord) -> Result<Rotation, WriteError> {
        let ended = self
            .write(move |work| Box::pin(async move { end_reused(work, &rotate, &session).await }))
            .await;
        match ended {
            Err(WriteError::NotFound) => Ok(Rotation::Ended),
            ended => ended,
        }
    }
}

/// What the statements outside of a transaction decide.
enum Answer {
    Rotation(Rotation),
    /// Of this session's tokens: it is yet to be ended.
    Reused(Box<SessionRecord>),
}

async fn consume_or_ask(client: &Object, rotate: &Rotate) -> Result<Answer, WriteError> {
    match consume(client, rotate).await? {
        Some(live) => Ok(Answer::Rotation(Rotation::Rotated(Box::new(live)))),
        None => classify(client, rotate).await,
    }
}

/// The winner's part.
async fn consume(client: &Object, rotate: &Rotate) -> Result<Option<LiveSession>, WriteError> {
    // Without a grace nobody will derive again, so the salt is not kept at all.
    let salt = (rotate.grace > 0).then_some(rotate.salt.0.as_slice());
    let values: Values<'_> = &[
        &rotate.presented.as_slice(),
        &rotate.successor.as_slice(),
        &salt,
        &rotate.now,
        &rotate.expires_at,
        &rotate.address,
        &rotate.client_id,
    ];
    let rotated = row::optional(client, ROTATE, values).await?;
    let live = rotated.map(|row| session::live_from(&row, ACCOUNT_OF_ROTATED));
    Ok(live.transpose()?)
}

/// The loser's part.
async fn classify(client: &Object, rotate: &Rotate) -> Result<Answer, WriteError> {
    let values: Values<'_> = &[&rotate.presented.as_slice(), &rotate.client_id];
    let Some(row) = row::optional(client, CONSUMED, values).await? else {
        return Ok(Answer::Rotation(head(client, rotate).await?));
    };
    let salt: Option<&[u8]> = get(&row, 13)?;
    let consumed = Consumed {
        session: session::from_row(&row)?,
        salt: salt.map(row::bytes).transpose()?.map(Salt),
        rotated_at: get(&row, 14)?,
        same_chain: get(&row, 15)?,
        expires_at: get(&row, 16)?,
    };
    Ok(Answer::Rotation(match judge(rotate, &consumed) {
        Verdict::Ended => Rotation::Ended,
        Verdict::Expired => Rotation::Expired,
        Verdict::Replayed(salt) => {
            let live = session::live_from(&row, ACCOUNT_OF_CONSUMED)?;
            Rotation::Replayed(salt, Box::new(live))
        }
        Verdict::Reused => return Ok(Answer::Reused(Box::new(consumed.session))),
    }))
}

async fn head(client: &Object, rotate: &Rotate) -> Result<Rotation, StoreError> {
    let values: Values<'_> = &[&rotate.presented.as_slice(), &rotate.client_id, &rotate.now];
    let Some(row) = row::optional(client, HEAD, values).await? else {
        return Ok(Rotation::Unknown);
    };
    Ok(match (get(&row, 0)?, get(&row, 1)?) {
        (true, _) => Rotation::Ended,
        (false, true) => Rotation::Expired,
        (false, false) => Rotation::Unknown,
    })
}

async fn end_reused(
    work: &Work<'_>,
    rotate: &Rotate,
    session: &SessionRecord,
) -> Result<Rotation, WriteError> {
    let act = Act {
        actor: None,
        now: rotate.now,
        revoked_until: rotate.revoked_until,
        from: rotate.address.clone(),
    };
    let SessionRecord {
        id: session_id,
        account_id,
        ..
    } = session;
    session::end(work, &act, account_id, session_id, EndReason::Reused).await?;
    audit::note(
        work,
        &act,
        "session.reuse_detected",
        account_id,
        Some(session_id),
    )
    .await?;
    Ok(Rotation::Reused {
        account_id: account_id.clone(),
        session_id: session_id.clone(),
    })
}

/// A new chain for a session that goes on; the old one's tokens are answered `Ended`.
pub(super) async fn replace_head(
    work: &Work<'_>,
    act: &Act,
    session_id: &str,
    head: &NewHead,
) -> Result<LiveSession, WriteError> {
    work.run(SPEND_HEAD, &[&session_id]).await?;
    let values: Values<'_> = &[
        &session_id,
        &head.token_hash.as_slice(),
        &act.now,
        &head.expires_at,
        &head.auth_time,
    ];
    let row = work.optional(REPLACE_HEAD, values).await?;
    let session = session::from_row(&row.ok_or(WriteError::Stale)?)?;
    let account = account::by_id(work, &session.account_id).await?;
    Ok(LiveSession { session, account })
}
