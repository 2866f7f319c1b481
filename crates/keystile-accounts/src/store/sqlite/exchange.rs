//! A refresh token of another program's, exchanged once for a session. The unique index decides.

use rusqlite::OptionalExtension;

use super::super::{Act, AuditRecord, ForeignToken, LiveSession, NewSession, WriteError};
use super::session::{self, session_columns};
use super::{Sqlite, Work, account, audit};

const TAKE: &str = "INSERT INTO exchanged (issuer, token_id, expires_at) VALUES (?1, ?2, ?3)";
const REVOKED: &str = "SELECT 1 FROM revocation WHERE kind = 'token' AND value = ?1";
/// The third value is the moment of the token's issue, which is known to the second only.
const OPEN: &str = concat!(
    "INSERT INTO session (id, account_id, client_id, token_hash, created_at, last_used_at, expires_at,
        absolute_expires_at, device, address, auth_time, amr)
     SELECT ?1, id, ?4, ?5, ?6, ?6, min(?7, coalesce(?8, ?7)), ?8, ?9, ?10, ?11, ?12
       FROM account WHERE id = ?2 AND disabled_at IS NULL
        AND (sessions_ended_at IS NULL OR sessions_ended_at < ?3)
        AND (imported = 1 OR created_at < ?3 + 1000)
     RETURNING ",
    session_columns!()
);

impl Sqlite {
    pub async fn exchange(
        &self,
        act: Act,
        token: ForeignToken,
        new: NewSession,
    ) -> Result<LiveSession, WriteError> {
        self.write(move |work| exchange(work, &act, &token, &new))
            .await
    }
}

fn exchange(
    work: &Work<'_>,
    act: &Act,
    token: &ForeignToken,
    new: &NewSession,
) -> Result<LiveSession, WriteError> {
    work.run(TAKE, (&token.issuer, &token.token_id, token.kept_until))?;
    if work.prepare_cached(REVOKED)?.exists([&token.token_id])? {
        return Err(WriteError::Stale);
    }
    let session = session::insert(work, OPEN, act, new, token.issued_at)
        .optional()?
        .ok_or(WriteError::NotFound)?;
    session::displace(work, act, new)?;
    let record = AuditRecord {
        at: act.now,
        kind: "session.exchanged".to_owned(),
        account_id: Some(new.account_id.clone()),
        session_id: Some(new.id.clone()),
        from: act.from.clone(),
        detail: Some(serde_json::json!({ "jti": token.token_id }).to_string()),
        ..AuditRecord::default()
    };
    audit::insert(work, &record)?;
    let account = account::by_id(work, &new.account_id)?;
    Ok(LiveSession { session, account })
}
