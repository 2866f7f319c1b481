//! Many accounts with their sessions, as rows of SQLite: quicker than to sign them all up.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;

/// One account in so many has a session whose refresh token is known.
const EVERY: u32 = 1_000;

/// Two sessions each, of which one has been rotated three times; three rows of audit; now and then a revocation and a
/// counter. Ids, hashes and times are as long as real ones.
const ROWS: &str = "
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :accounts) SELECT i FROM n;
CREATE TEMP TABLE now AS SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000 AS t;
INSERT INTO account (id, username, username_key, email, email_key, password_hash, password_format, roles, generation,
        created_at, updated_at, imported)
    SELECT printf('019a0000-0000-7000-8000-%012x', i), 'person' || i, 'person' || i, 'Person' || i || '@example.org',
        'person' || i || '@example.org', '$argon2id$v=19$m=19456,t=2,p=1$' || hex(randomblob(11)) || '$' || hex(randomblob(21)),
        '$argon2id$v=19$m=19456,t=2,p=1', CASE i % 50 WHEN 0 THEN '[\"editor\"]' ELSE '[]' END, i % 3, t - i, t, 0
    FROM n, now;
INSERT INTO session (id, account_id, token_hash, previous_hash, previous_expires_at, rotated_at, created_at, last_used_at,
        expires_at, device, address, auth_time, amr)
    SELECT printf('019b%04x-0000-7000-8000-%012x', nth, i), printf('019a0000-0000-7000-8000-%012x', i), randomblob(32),
        CASE nth WHEN 1 THEN randomblob(32) END, CASE nth WHEN 1 THEN t END, CASE nth WHEN 1 THEN t END, t - i, t,
        t + 2592000000, 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', '192.0.2.' || (i % 250), t - i, '[\"pwd\"]'
    FROM n, now, (SELECT 1 AS nth UNION SELECT 2);
INSERT INTO spent (hash, session_id, chain, expires_at)
    SELECT randomblob(32), printf('019b0001-0000-7000-8000-%012x', i), 0, t + 2592000000
    FROM n, now, (SELECT 1 UNION SELECT 2 UNION SELECT 3);
INSERT INTO audit (at, kind, actor_id, account_id, session_id, origin)
    SELECT t - i, kind, printf('019a0000-0000-7000-8000-%012x', i), printf('019a0000-0000-7000-8000-%012x', i),
        CASE nth WHEN 0 THEN NULL ELSE printf('019b%04x-0000-7000-8000-%012x', nth, i) END, '192.0.2.' || (i % 250)
    FROM n, now, (SELECT 0 AS nth, 'account.created' AS kind UNION SELECT 1, 'session.opened' UNION SELECT 2, 'session.opened');
INSERT INTO revocation (kind, value, smallest_generation, at, until)
    SELECT 'subject', printf('019a0000-0000-7000-8000-%012x', i), i % 3, t, t + 1020000 FROM n, now WHERE i % 100 = 0;
INSERT INTO attempt (key, count, window_ends_at) SELECT randomblob(32), 3, t + 900000 FROM n, now WHERE i % 100 = 0;
";

/// Writes them beside what is there; the known refresh tokens.
pub(super) fn fill(file: &Path, accounts: u32) -> anyhow::Result<Vec<String>> {
    let mut database = Connection::open(file)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(&ROWS.replace(":accounts", &accounts.to_string()))?;
    let mut known = Vec::new();
    for number in (1..=accounts).step_by(EVERY as usize) {
        let token = token(number);
        let hash = digest(&SHA256, token.as_bytes());
        let changed = transaction.execute(
            "UPDATE session SET token_hash = ?1 WHERE id = printf('019b0001-0000-7000-8000-%012x', ?2)",
            (hash.as_ref(), number),
        )?;
        anyhow::ensure!(changed == 1, "the session of account {number} is not there");
        known.push(token);
    }
    transaction.commit()?;
    Ok(known)
}

/// The form of a refresh token; nobody guards anything with it.
fn token(number: u32) -> String {
    let bytes = digest(&SHA256, &number.to_be_bytes());
    format!("ksr_{}", URL_SAFE_NO_PAD.encode(bytes))
}
