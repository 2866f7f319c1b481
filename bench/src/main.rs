//! The figures of Keystile: each beside what it is compared with, all from one run.
#![forbid(unsafe_code)]

mod child;
mod count;
mod guard;
mod load;
mod machine;
mod naive;
mod refresh;
mod refresh_postgres;
mod report;
mod server;
mod sign_in;
mod stopwatch;
mod storm;
mod tokens;
mod verify;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::machine::{Machine, cores, pin_to_core};
use crate::report::Report;

/// Measures Keystile beside bare axum, jsonwebtoken and code written by hand, in one run.
#[derive(Debug, Parser)]
#[command(
    name = "keystile-bench",
    after_help = "Run it with: cargo run --release -p keystile-bench -- [SECTION]..."
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
struct Arguments {
    /// Sections to measure [default: all].
    sections: Vec<Wanted>,
    /// Fewer requests and rounds: a first look in seconds.
    #[arg(long)]
    quick: bool,
    /// One JSON document instead of tables.
    #[arg(long)]
    json: bool,
    /// Exit with 1 when a figure is beyond its limit.
    #[arg(long)]
    gate: bool,
    /// The measured side; started by the benchmark itself.
    #[arg(long, hide = true)]
    child: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Instructions and rate of a guarded GET against bare axum.
    Guard,
    /// Issuing and verifying against jsonwebtoken.
    Verify,
    /// Refreshes a second and fsyncs a refresh on SQLite.
    Refresh,
    /// Refreshes a second on PostgreSQL against pgbench's single-row update.
    Postgres,
    /// Sign-ins a second against what Argon2id allows.
    SignIn,
    /// A guarded GET's time, and memory, while 64 clients sign in.
    Storm,
}

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    Full,
    Quick,
}

impl Effort {
    /// Requests of the shorter of two counted runs.
    pub(crate) fn counted_requests(self) -> usize {
        match self {
            Self::Full => 1000,
            Self::Quick => 200,
        }
    }

    /// Requests that are stepped through.
    pub(crate) fn stepped_requests(self) -> usize {
        match self {
            Self::Full => 20,
            Self::Quick => 4,
        }
    }

    /// Requests of one timed round.
    pub(crate) fn timed_requests(self) -> usize {
        match self {
            Self::Full => 20_000,
            Self::Quick => 4000,
        }
    }

    /// Rounds of what takes milliseconds.
    pub(crate) fn timing_rounds(self) -> usize {
        match self {
            Self::Full => 51,
            Self::Quick => 11,
        }
    }

    /// Refreshes of a lone client in a round.
    pub(crate) fn lone_refreshes(self) -> usize {
        match self {
            Self::Full => 2000,
            Self::Quick => 300,
        }
    }

    /// Refreshes of each of 64 clients in a round.
    pub(crate) fn shared_refreshes(self) -> usize {
        match self {
            Self::Full => 200,
            Self::Quick => 30,
        }
    }

    /// Refreshes on PostgreSQL, and updates of pgbench's, of each of so many clients in a round.
    pub(crate) fn postgres_refreshes(self, clients: usize) -> usize {
        let all = match self {
            Self::Full => 12_000,
            Self::Quick => 1_500,
        };
        // A lone client waits for the disk each time.
        if clients == 1 { all / 4 } else { all / clients }
    }

    /// Sign-ins of each client in a round.
    pub(crate) fn sign_ins(self) -> usize {
        match self {
            Self::Full => 12,
            Self::Quick => 4,
        }
    }

    /// Guarded requests of one measurement at 200 a second.
    pub(crate) fn paced_requests(self) -> usize {
        match self {
            Self::Full => 2000,
            Self::Quick => 400,
        }
    }

    pub(crate) fn rounds(self) -> usize {
        match self {
            Self::Full => 5,
            Self::Quick => 3,
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.child {
        child::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    // The load keeps to the last core, one-threaded servers to the first.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(|| pin_to_core(cores().saturating_sub(1)))
        .enable_all()
        .build()?;
    runtime.block_on(async { tokio::spawn(measure(arguments)).await? })
}

async fn measure(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let effort = if arguments.quick {
        Effort::Quick
    } else {
        Effort::Full
    };
    let mut report = Report {
        machine: Machine::read(),
        sections: Vec::new(),
    };
    if !arguments.json {
        println!("{}", report.machine);
    }
    for wanted in Wanted::value_variants() {
        if !arguments.sections.is_empty() && !arguments.sections.contains(wanted) {
            continue;
        }
        let section = match wanted {
            Wanted::Guard => guard::measure(effort).await?,
            Wanted::Verify => verify::measure(effort)?,
            Wanted::Refresh => refresh::measure(effort).await?,
            Wanted::Postgres => refresh_postgres::measure(effort).await?,
            Wanted::SignIn => sign_in::measure(effort).await?,
            Wanted::Storm => storm::measure(effort).await?,
        };
        if !arguments.json {
            print!("{}", section.text());
        }
        report.sections.push(section);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    let failed = arguments.gate && !report.all_met();
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
