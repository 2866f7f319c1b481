//! A refresh token of another program's, exchanged once for a session. The unique index decides.

use super::super::{Act, AuditRecord, ForeignToken, LiveSession, NewSession, WriteError};
use super::session::{self, session_columns};
use super::{Postgres, Work, account, audit};

const TAKE: &str = "INSERT INTO exchanged (issuer, token_id, expires_at) VALUES ($1, $2, $3)";
const REVOKED: &str = "SELECT 1 FROM revocation WHERE kind = 'token' AND value = $1 LIMIT 1";
/// The third value is the moment of the token's issue, which is known to the second only.
const OPEN: &str = concat!(
    "INSERT INTO session (id, account_id, client_id, token_hash, created_at, last_used_at, expires_at,
        absolute_expires_at, device, address, auth_time, amr)
     SELECT $1::text, id, $4::text, $5::bytea, $6::bigint, $6, least($7::bigint, $8::bigint), $8, $9::text, $10::text,
        $11::bigint, $12::text
       FROM account WHERE id = $2 AND disabled_at IS NULL
        AND (sessions_ended_at IS NULL OR sessions_ended_at < $3::bigint)
        AND (imported OR created_at < $3 + 1000)
        FOR NO KEY UPDATE
     RETURNING ",
    session_columns!()
);

impl Postgres {
    pub async fn exchange(
        &self,
        act: Act,
        token: ForeignToken,
        new: NewSession,
    ) -> Result<LiveSession, WriteError> {
        self.write(move |work| Box::pin(async move { exchange(work, &act, &token, &new).await }))
            .await
    }
}

async fn exchange(
    work: &Work<'_>,
    act: &Act,
    token: &ForeignToken,
    new: &NewSession,
) -> Result<LiveSession, WriteError> {
    work.run(TAKE, &[&token.issuer, &token.token_id, &token.kept_until])
        .await?;
    if work.optional(REVOKED, &[&token.token_id]).await?.is_some() {
        return Err(WriteError::Stale);
    }
    let session = session::insert(work, OPEN, act, new, token.issued_at)
        .await?
        .ok_or(WriteError::NotFound)?;
    session::displace(work, act, new).await?;
    let record = AuditRecord {
        at: act.now,
        kind: "session.exchanged".to_owned(),
        account_id: Some(new.account_id.clone()),
        session_id: Some(new.id.clone()),
        from: act.from.clone(),
        detail: Some(serde_json::json!({ "jti": token.token_id }).to_string()),
        ..AuditRecord::default()
    };
    audit::insert(&**work, &record).await?;
    let account = account::by_id(work, &new.account_id).await?;
    Ok(LiveSession { session, account })
}
