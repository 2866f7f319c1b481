//! Refreshes a second on PostgreSQL, beside pgbench's update of one row on the same server: both one statement, one round
//! trip and one commit that is on disk (`fsync` and `synchronous_commit` are on).

use std::process::Stdio;

use anyhow::{Context, ensure};
use keystile_accounts::{Accounts, Hashing};
use keystile_tests_postgres::{Database, Server};
use serde::{Deserialize, Serialize};

use crate::Effort;
use crate::child::{self, Role, Running};
use crate::machine::cores;
use crate::refresh::{open_by, refresh_all};
use crate::report::{Figure, Limit, Section};
use crate::stopwatch::median;

/// Rows of pgbench's table, of which each update takes one at random: as many as there may be sessions.
const ROWS: u32 = 10_000;

/// Connections of a node by default.
const DEFAULT: usize = 16;

/// What a child process is told to do: refresh, and say how many seconds it took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    url: String,
    clients: usize,
    connections: usize,
    /// Refreshes of each client, one after another.
    each: usize,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section =
        Section::new("Refresh on PostgreSQL: rotating, durable (fsync, synchronous_commit on)");
    let Some(server) = Server::shared() else {
        let note = "PostgreSQL is not installed: not measured";
        section.notes.push(note.to_owned());
        return Ok(section);
    };
    let beside = server.database();
    if beside.pgbench().is_none() {
        let note = "pgbench is not installed: not measured";
        section.notes.push(note.to_owned());
        return Ok(section);
    }
    beside.sql("CREATE TABLE one (id INTEGER PRIMARY KEY, value BIGINT NOT NULL)");
    beside.sql(&format!(
        "INSERT INTO one SELECT id, 0 FROM generate_series(1, {ROWS}) AS id"
    ));
    beside.sql("VACUUM ANALYZE one");
    for (clients, connections) in [(1, DEFAULT), (64, DEFAULT), (64, 65)] {
        let figure = rates(effort, server, &beside, clients, connections).await?;
        // A lone refresh is held to nothing: pgbench itself, running the refresh's statement, has half of its update's rate
        // (README.md has the figures).
        section.figures.push(match (clients, connections) {
            (64, DEFAULT) => figure.limit(Limit::AtLeast(0.5)),
            _ => figure,
        });
    }
    let version = beside.sql("SHOW server_version");
    section.notes.push(format!(
        "PostgreSQL {version} over its socket, on the same cores as the load; in process, each refresh with an ES256 access token \
         signed. pgbench: UPDATE of one row in {ROWS} by its key, prepared, as many connections as clients; the rounds alternate"
    ));
    Ok(section)
}

async fn rates(
    effort: Effort,
    server: &'static Server,
    beside: &Database,
    clients: usize,
    connections: usize,
) -> anyhow::Result<Figure> {
    let each = effort.postgres_refreshes(clients);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds() {
        let a = refreshes(server, clients, connections, each).await?;
        let b = updates(beside, clients, each)?;
        ours.push(a);
        theirs.push(b);
        ratios.push(a / b);
    }
    let name = format!("refreshes, {clients} clients, at most {connections} connections");
    Ok(Figure::new(name, median(ours), "/s").with_ratio("pgbench", median(theirs), median(ratios)))
}

/// Refreshes a second, in a fresh process on a fresh database.
async fn refreshes(
    server: &'static Server,
    clients: usize,
    connections: usize,
    each: usize,
) -> anyhow::Result<f64> {
    let database = server.database();
    let task = Task {
        url: database.url(),
        clients,
        connections,
        each,
    };
    let mut child = Running::start(&[], &Role::RefreshPostgres(task)).await?;
    let seconds: f64 = child
        .line()
        .await?
        .parse()
        .context("the refreshing process said no time")?;
    child.finish().await?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok((clients * each) as f64 / seconds)
}

/// pgbench's updates a second.
fn updates(beside: &Database, clients: usize, each: usize) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("update.sql");
    let update =
        format!("\\set id random(1, {ROWS})\nUPDATE one SET value = value + 1 WHERE id = :id;\n");
    std::fs::write(&script, update)?;
    let mut pgbench = beside.pgbench().context("pgbench is not installed")?;
    pgbench.args(["--no-vacuum", "--protocol", "prepared"]);
    pgbench.args(["--client", &clients.to_string()]);
    pgbench.args(["--jobs", &cores().min(clients).to_string()]);
    pgbench.args(["--transactions", &each.to_string()]);
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

/// The child's side.
pub(crate) fn run(task: &Task) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores())
        .enable_all()
        .build()?;
    let seconds = runtime.block_on(async {
        let builder = Accounts::builder(&task.url).database_connections(task.connections);
        let accounts = open_by(builder, Hashing::default()).await?;
        refresh_all(accounts, task.clients, task.each).await
    })?;
    child::say(&seconds.to_string())
}
