//! The chain of refresh tokens: one statement rotates, in one round trip; new ones, with a fresh snapshot, say why not.

use deadpool_postgres::Object;

use super::super::spent::{Consumed, Head, Verdict, judge, refusal_detail};
use super::super::{
    Act, EndReason, LiveSession, NewHead, OfSession, Rotate, Rotation, Salt, SessionRecord,
    StoreError, WriteError,
};
use super::account::{self, account_columns};
use super::row::{self, Values, get};
use super::session::{self, session_columns};
use super::{Postgres, Work, audit, ending};

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
const HEAD: &str =
    "SELECT account_id, id, ended_at IS NOT NULL, expires_at, absolute_expires_at FROM session
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
        let of = session.ids();
        let ended = self
            .write(move |work| Box::pin(async move { end_reused(work, &rotate, &session).await }))
            .await;
        match ended {
            Err(WriteError::NotFound) => Ok(Rotation::Ended(of)),
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
    if let Some(live) = consume(client, rotate).await? {
        return Ok(Answer::Rotation(Rotation::Rotated(Box::new(live))));
    }
    let answer = classify(client, rotate).await?;
    if let Answer::Rotation(rotation) = &answer {
        note_refusal(client, rotate, rotation).await?;
    }
    Ok(answer)
}

/// Once for each session, however often its tokens come: the unique index decides.
async fn note_refusal(
    client: &Object,
    rotate: &Rotate,
    rotation: &Rotation,
) -> Result<(), WriteError> {
    let Some(of) = rotation.refused_before() else {
        return Ok(());
    };
    audit::note_once(client, &rotate.act(), of, &refusal_detail(rotation)).await
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
        Verdict::Ended => Rotation::Ended(consumed.session.ids()),
        Verdict::Expired(expiry) => Rotation::Expired(consumed.session.ids(), expiry),
        Verdict::Replayed(salt) => {
            let live = session::live_from(&row, ACCOUNT_OF_CONSUMED)?;
            Rotation::Replayed(salt, Box::new(live))
        }
        Verdict::Reused => return Ok(Answer::Reused(Box::new(consumed.session))),
    }))
}

async fn head(client: &Object, rotate: &Rotate) -> Result<Rotation, StoreError> {
    let values: Values<'_> = &[&rotate.presented.as_slice(), &rotate.client_id];
    let Some(row) = row::optional(client, HEAD, values).await? else {
        return Ok(Rotation::Unknown);
    };
    let head = Head {
        of: OfSession {
            account_id: get(&row, 0)?,
            session_id: get(&row, 1)?,
        },
        ended: get(&row, 2)?,
        expires_at: get(&row, 3)?,
        absolute_expires_at: get(&row, 4)?,
    };
    Ok(head.refused(rotate))
}

async fn end_reused(
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
    )
    .await?;
    audit::note(
        work,
        &act,
        "session.reuse_detected",
        &of.account_id,
        Some(&of.session_id),
    )
    .await?;
    Ok(Rotation::Reused(of))
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
