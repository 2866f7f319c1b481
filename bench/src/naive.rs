//! A rotating refresh as it is commonly written by hand: one connection behind a lock, read, decide, write, commit.
//!
//! Durable as ours is (`WAL`, `synchronous=FULL`), with the same tables touched and the same access token signed
//! (outside the lock), so that what differs is the grouping of commits and the form of the statements.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::{EncodingKey, Header};
use keystile::Algorithm;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::task::JoinSet;

use crate::stopwatch::{Stopwatch, seconds_now};
use crate::tokens::{Rival, RowOfClaims, default_claims, signing_key};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE session (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, token_hash BLOB NOT NULL UNIQUE,
        rotated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
    );
    CREATE TABLE spent (token_hash BLOB PRIMARY KEY, session INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
";
const THIRTY_DAYS: i64 = 30 * 24 * 3600;

/// The store written by hand.
#[derive(Clone)]
pub(crate) struct Naive {
    connection: Arc<Mutex<Connection>>,
    key: Arc<EncodingKey>,
    header: Arc<Header>,
}

impl Naive {
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(folder.join("naive.db"))?;
        connection.execute_batch(SCHEMA)?;
        let rival = Rival::of(&signing_key(Algorithm::Es256)?)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            key: Arc::new(rival.signing),
            header: Arc::new(rival.header),
        })
    }

    /// A new session's first refresh token.
    pub(crate) fn open_session(&self) -> anyhow::Result<String> {
        let token = new_token();
        let now = seconds_now();
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).execute(
            "INSERT INTO session (account, token_hash, rotated_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
            params!["0199f0a0-0000-7000-8000-000000000001", hash(&token), now, now + THIRTY_DAYS],
        )?;
        Ok(token)
    }

    /// Consumes `presented`; the next refresh token and an access token.
    fn refresh(&self, presented: &str) -> anyhow::Result<(String, String)> {
        let next = new_token();
        let account = self.rotate(presented, &next)?;
        let mut claims = RowOfClaims::of(&default_claims(0));
        claims.sub = account;
        claims.jti = Some(next[..22].to_owned());
        let access = jsonwebtoken::encode(&self.header, &claims, &self.key)?;
        Ok((next, access))
    }

    fn rotate(&self, presented: &str, next: &str) -> anyhow::Result<String> {
        let (presented, next, now) = (hash(presented), hash(next), seconds_now());
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (session, account, expires_at): (i64, String, i64) = transaction
            .prepare_cached("SELECT id, account, expires_at FROM session WHERE token_hash = ?1")?
            .query_row([presented], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?
            .context("an unknown refresh token")?;
        ensure!(expires_at > now, "an expired refresh token");
        transaction
            .prepare_cached("UPDATE session SET token_hash = ?2, rotated_at = ?3, expires_at = ?4 WHERE id = ?1")?
            .execute(params![session, next, now, now + THIRTY_DAYS])?;
        transaction
            .prepare_cached(
                "INSERT INTO spent (token_hash, session, expires_at) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![presented, session, expires_at])?;
        transaction.commit()?;
        Ok(account)
    }

    /// `clients` sessions, each refreshing `each` times in turn; seconds.
    pub(crate) async fn run(self, clients: usize, each: usize) -> anyhow::Result<f64> {
        let first: Vec<String> = (0..clients)
            .map(|_| self.open_session())
            .collect::<Result<_, _>>()?;
        let watch = Stopwatch::start();
        let mut tasks = JoinSet::new();
        for mut token in first {
            let store = self.clone();
            tasks.spawn_blocking(move || {
                for _ in 0..each {
                    token = store.refresh(&token)?.0;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(watch.elapsed().as_secs_f64())
    }
}

fn new_token() -> String {
    let bytes = keystile::Random::system().bytes::<32>();
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            text
        })
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}
