//! How many sign-outs a second the database keeps: told after the commit, told inside the transaction, and not told.

use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use keystile_tests_postgres::Database;

use super::program::SETTINGS;
use crate::engine::{Engine, Place};
use crate::server::Server;
use crate::verdict::Verdict;

/// Connections that sign out all the time: as many as a node has by default.
const CLIENTS: usize = 16;
/// Each way in turn, so often.
const ROUNDS: usize = 5;
/// Of what the database keeps where nobody is told.
const AT_LEAST: f64 = 0.7;

const SESSIONS: &str = "
    INSERT INTO account (id, roles, generation, created_at, updated_at, imported)
        SELECT 'rate' || i, '[]', 0, 0, 0, false FROM generate_series(1, 20000) AS i;
    INSERT INTO session (id, account_id, token_hash, created_at, last_used_at, expires_at, auth_time, amr)
        SELECT 'rate' || i, 'rate' || i, sha256(('rate' || i)::bytea), 0, 0, 9999999999999, 0, '[]'
          FROM generate_series(1, 20000) AS i;
    ANALYZE";
/// What the store does for a sign-out, but that a session may come up again.
const SIGN_OUT: &str = "\\set n random(1, 20000)
    BEGIN;
    SELECT account.roles FROM session JOIN account ON account.id = session.account_id
     WHERE session.id = 'rate' || :n AND session.account_id = 'rate' || :n AND account.generation = 0
       AND account.disabled_at IS NULL FOR NO KEY UPDATE OF session;
    UPDATE session SET ended_at = 1, end_reason = 'signed_out', salt = NULL
     WHERE id = 'rate' || :n AND account_id = 'rate' || :n;
    INSERT INTO revocation (kind, value, at, until) VALUES ('session', 'rate' || :n, 0, 1) RETURNING id, until, xid::text;
    INSERT INTO audit (at, kind, account_id, session_id) VALUES (0, 'session.ended', 'rate' || :n, 'rate' || :n);
    COMMIT;\n";
const TELL: &str = "NOTIFY keystile_revocation;\n";

/// When it is told.
#[derive(Clone, Copy)]
enum Told {
    /// As nodes do.
    After,
    /// As the trigger does for others.
    Inside,
    Never,
}

/// With a node that listens; each way for `seconds`, and so for several rounds.
pub async fn prove(seconds: u64) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("sign-outs", Engine::Postgres);
    let server = Server::start(Engine::Postgres, &SETTINGS).await?;
    let Place::Postgres(database) = server.place() else {
        bail!("PostgreSQL is needed");
    };
    database.sql(SESSIONS);
    let ways = [Told::After, Told::Inside, Told::Never];
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (way, rates) in ways.into_iter().zip(&mut rates) {
            rates.push(rate(database, way, seconds)?);
        }
    }
    let [after, inside, never] = rates;
    let of_never = |rates: &[f64]| median(rates.iter().zip(&never).map(|(a, b)| a / b).collect());
    let (ours, theirs) = (of_never(&after), of_never(&inside));
    verdict.check(ours >= AT_LEAST, || {
        format!("telling after the commit leaves {ours:.2} of the rate")
    });
    verdict.figures = format!(
        "{CLIENTS} clients, medians of {ROUNDS} rounds of {seconds} s: {:.0}/s told after the commit, {:.0}/s told inside of it, {:.0}/s \
         untold; of the last in the same round {ours:.2} and {theirs:.2}",
        median(after),
        median(inside),
        median(never)
    );
    Ok(verdict)
}

/// Sign-outs a second.
fn rate(database: &Database, told: Told, seconds: u64) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("sign-out.sql");
    let after = matches!(told, Told::After);
    let told_after = if after { TELL } else { "" };
    std::fs::write(&script, format!("{SIGN_OUT}{told_after}"))?;
    let mut pgbench = database.pgbench().context("install pgbench to try this")?;
    if !matches!(told, Told::Inside) {
        pgbench.env("PGOPTIONS", "-c keystile.tells_after_commit=on");
    }
    pgbench.args(["--no-vacuum", "--protocol", "prepared"]);
    pgbench.args(["--client", &CLIENTS.to_string(), "--jobs", "2"]);
    pgbench.args(["--time", &seconds.to_string()]);
    pgbench.arg("--file").arg(&script).stdin(Stdio::null());
    let said = pgbench.output().context("pgbench does not start")?;
    let out = String::from_utf8_lossy(&said.stdout);
    let errors = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "pgbench failed: {errors}");
    let rate = out.lines().find_map(|line| {
        let rest = line.strip_prefix("tps = ")?;
        rest.split(' ').next()?.parse().ok()
    });
    rate.with_context(|| format!("pgbench said no rate: {out}"))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
