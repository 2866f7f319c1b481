//! Where writes are held back on PostgreSQL: by triggers that wait for a lock of the proof's own.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::database::connect;
use crate::figures::Stopwatch;

/// The longest that anybody waits for connections to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a write waits. Each is a trigger's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// A statement that changes accounts has its snapshot, and has locked nothing yet.
    AccountAsked,
    /// It has the account's row.
    AccountLocked,
    /// A statement that opens or changes sessions has its snapshot, and has locked nothing yet.
    SessionAsked,
    /// It has the session's row, or, where it opens one, the account's.
    SessionLocked,
    /// It has changed what it found, be it nothing.
    SessionChanged,
    /// A consumed refresh token is being noted.
    Spent,
    /// A revocation is being noted.
    Revoked,
    /// The act is being noted in the audit.
    Noted,
    /// All is done, and not kept yet.
    Done,
}

impl Point {
    /// All of them, in the order in which a transaction may come by.
    pub const ALL: [Self; 9] = [
        Self::AccountAsked,
        Self::AccountLocked,
        Self::SessionAsked,
        Self::SessionLocked,
        Self::SessionChanged,
        Self::Spent,
        Self::Revoked,
        Self::Noted,
        Self::Done,
    ];

    fn trigger(self) -> &'static str {
        match self {
            Self::AccountAsked => "account_asked",
            Self::AccountLocked => "account_locked",
            Self::SessionAsked => "session_asked",
            Self::SessionLocked => "session_locked",
            Self::SessionChanged => "session_changed",
            Self::Spent => "spent",
            Self::Revoked => "revoked",
            Self::Noted => "noted",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.trigger())
    }
}

/// Who passes is counted, must be at READ COMMITTED, and waits while the lock of this trigger and this connection's name
/// is held. A sequence is what nobody waits for.
const TRIGGERS: &str = "
    CREATE SEQUENCE passed;
    CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'the isolation level is %', current_setting('transaction_isolation');
        END IF;
        PERFORM nextval('passed');
        PERFORM pg_advisory_xact_lock_shared(hashtext(TG_NAME), hashtext(current_setting('application_name')));
        RETURN coalesce(NEW, OLD);
    END $$;
    CREATE TRIGGER account_asked BEFORE UPDATE OR DELETE ON account FOR EACH STATEMENT EXECUTE FUNCTION pass();
    CREATE TRIGGER account_locked BEFORE UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE TRIGGER session_asked BEFORE INSERT OR UPDATE ON session FOR EACH STATEMENT EXECUTE FUNCTION pass();
    CREATE TRIGGER session_locked BEFORE INSERT OR UPDATE ON session FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE TRIGGER session_changed AFTER INSERT OR UPDATE ON session FOR EACH STATEMENT EXECUTE FUNCTION pass();
    CREATE TRIGGER spent BEFORE INSERT ON spent FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE TRIGGER revoked BEFORE INSERT ON revocation FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE TRIGGER noted BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE CONSTRAINT TRIGGER done AFTER INSERT OR UPDATE ON session
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass();
    CREATE CONSTRAINT TRIGGER done AFTER UPDATE OR DELETE ON account
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass();";

/// The lock on all of them, and what the database says of those who wait.
#[derive(Debug)]
pub struct Gate(Client);

impl Gate {
    /// Makes the triggers, open.
    pub async fn new(url: &str) -> anyhow::Result<Self> {
        let client = connect(url).await?;
        client.batch_execute(TRIGGERS).await?;
        Ok(Self(client))
    }

    /// Whoever comes to this point by a connection of one of these names waits there.
    pub async fn close(&self, point: Point, names: &[&str]) -> anyhow::Result<()> {
        for name in names {
            let close = "SELECT pg_advisory_lock(hashtext($1::text), hashtext($2::text))";
            self.0.execute(close, &[&point.trigger(), name]).await?;
        }
        Ok(())
    }

    /// Lets them go on.
    pub async fn open(&self) -> anyhow::Result<()> {
        let open = "SELECT pg_advisory_unlock_all()";
        self.0
            .execute(open, &[])
            .await
            .context("opening the gate")?;
        Ok(())
    }

    /// How many statements wait for a lock that another transaction keeps. Whoever adds a page to a table is waited for too, but
    /// not for long.
    pub async fn waiting(&self) -> anyhow::Result<i64> {
        let sql = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event <> 'extend'";
        self.number(sql).await
    }

    /// Whether every transaction of others waits for a lock.
    pub async fn is_idle(&self) -> anyhow::Result<bool> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND state <> 'idle' AND wait_event_type IS DISTINCT FROM 'Lock'";
        Ok(self.number(sql).await? == 0)
    }

    /// How often one of the points was passed, each time at READ COMMITTED: whoever was not was refused.
    pub async fn passed(&self) -> anyhow::Result<i64> {
        self.number("SELECT last_value FROM passed").await
    }

    /// How many waits in a circle were broken by failing one of those who waited. Counted when connections end: nobody else
    /// may have one any more.
    pub async fn deadlocks(&self) -> anyhow::Result<i64> {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid()";
        let watch = Stopwatch::start();
        // The proof's own reader ends with it.
        while self.number(others).await? > 0 {
            ensure!(
                watch.elapsed() < PATIENCE,
                "connections of servers that are gone do not end"
            );
            sleep(Duration::from_millis(5)).await;
        }
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        self.number(sql).await
    }

    async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        Ok(self.0.query_one(sql, &[]).await?.try_get(0)?)
    }
}
