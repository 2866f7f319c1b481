//! Where writes are held back on PostgreSQL: by triggers that wait for a lock of the proof's own.

use std::fmt;

use anyhow::Context;
use tokio_postgres::Client;

use crate::database::connect;

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

    /// How many statements wait for a lock, by connections of this name.
    pub async fn waiting(&self, name: &str) -> anyhow::Result<i64> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND application_name = $1";
        Ok(self.0.query_one(sql, &[&name]).await?.try_get(0)?)
    }

    /// Whether every transaction of others waits for a lock.
    pub async fn is_idle(&self) -> anyhow::Result<bool> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND pid <> pg_backend_pid() AND state <> 'idle' AND wait_event_type IS DISTINCT FROM 'Lock'";
        let busy: i64 = self.0.query_one(sql, &[]).await?.try_get(0)?;
        Ok(busy == 0)
    }

    /// How often one of the points was passed, each time at READ COMMITTED: whoever was not was refused.
    pub async fn passed(&self) -> anyhow::Result<i64> {
        let sql = "SELECT last_value FROM passed";
        Ok(self.0.query_one(sql, &[]).await?.try_get(0)?)
    }
}
