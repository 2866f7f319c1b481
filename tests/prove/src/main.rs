//! `prove`: shows Keystile's promises against the real server, one command each.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use keystile_prove::engine::Engine;
use keystile_prove::guarded::{self, Trusting};
use keystile_prove::verdict::Verdict;
use keystile_prove::{
    differ, feed, felt, hashing, keys, kill, lost, moving, outage, promises, races, rotation,
    several, storm, walk,
};

/// Shows Keystile's promises against the real server: each command starts it with a temporary data folder, loads it
/// over loopback, and ends with one line. Exit code 1 when a promise fails.
#[derive(Debug, Parser)]
#[command(name = "prove")]
struct Arguments {
    #[command(subcommand)]
    proof: Proof,
    /// On which database. PostgreSQL is started from the installed binaries.
    #[arg(long, global = true, default_value = "both")]
    store: Store,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
    /// PostgreSQL too, if it is installed.
    Both,
}

impl Store {
    fn engines(self) -> Vec<Engine> {
        match self {
            Self::Sqlite => vec![Engine::Sqlite],
            Self::Postgres => vec![Engine::Postgres],
            Self::Both => Engine::installed(),
        }
    }
}

#[derive(Clone, Debug, Subcommand)]
enum Proof {
    /// The list of promises that the store and its flows keep on both engines, by running their tests.
    Promises,
    /// Sign-up to sign-out, and every kind of refused token.
    Walk,
    /// Simultaneous refreshes of one token, lost answers, replays, restarts.
    RefreshStorm {
        /// How many storms.
        #[arg(long, default_value_t = 1_000)]
        rounds: usize,
        /// Refreshes in each.
        #[arg(long, default_value_t = 50)]
        at_once: usize,
    },
    /// What ends sessions or changes roles racing a refresh and a sign-in; refreshes and replays racing each other.
    Races {
        /// Rounds of each.
        #[arg(long, default_value_t = 1_000)]
        rounds: usize,
        /// Refreshes of one token at once, in the first kind.
        #[arg(long, default_value_t = 50)]
        at_once: usize,
        /// Only the kinds whose name has this in it, such as "role change".
        #[arg(long)]
        only: Option<String>,
    },
    /// `kill -9` under load and restart.
    Kill {
        /// How many times.
        #[arg(long, default_value_t = 50)]
        times: usize,
    },
    /// Guarded GETs while the hashing queue is full.
    Hashing {
        /// Clients that sign in; more than the queue takes.
        #[arg(long, default_value_t = 2_000)]
        clients: usize,
        /// How long each part is measured.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// The time until the server feels what a command did beside it.
    FeltWithin {
        /// How many times each.
        #[arg(long, default_value_t = 20)]
        times: usize,
    },
    /// The time from the answer to a sign-out until ten guards in other processes refuse, across two nodes.
    Feed {
        /// How many sign-outs; on PostgreSQL a fifth as many more without NOTIFY.
        #[arg(long, default_value_t = 1_000)]
        times: usize,
    },
    /// A transaction that revokes is held open while others commit: no reader of the feed misses anything.
    Held {
        /// For how long.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Thousands of readers of the feed on one node: memory, processor, and how soon the last is told.
    FeedReaders {
        /// How many; the server lets in half as many as `connections`.
        #[arg(long, default_value_t = 2_000)]
        readers: usize,
    },
    /// Sign-outs a second on PostgreSQL by sixteen clients, where they are told after the commit, inside of it, and not at all.
    SignOuts {
        /// How long each of fifteen parts is measured.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// The revocation feed lost under guards: cut, silent, its database paused, its node killed, its server restored.
    Lost {
        /// How long it is cut, and silent, in seconds; the database is paused for a third of that.
        #[arg(long, default_value_t = 60)]
        away: u64,
        /// How many nodes are killed.
        #[arg(long, default_value_t = 10)]
        kills: usize,
    },
    /// Two nodes on PostgreSQL behind a round-robin: one killed, paused or cut off under load; both started anew in turn.
    Nodes {
        /// How many kills; a fifth as many of everything else.
        #[arg(long, default_value_t = 20)]
        times: usize,
    },
    /// PostgreSQL stopped, paused, restarted and failed over under two nodes.
    Outage {
        /// How many times each; one failover.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Keys that turn under load, with PyJWT and jose verifying every token; then a withdrawal.
    Rotation {
        /// The algorithm after each rotation, with commas between; the same as before where it is empty.
        #[arg(long, default_value = TURNS, value_delimiter = ',')]
        turns: Vec<String>,
        /// Does not wait for the first key to leave the key set, which takes two minutes and a half more.
        #[arg(long)]
        short: bool,
    },
    /// Everything moved from SQLite to PostgreSQL, after which people go on.
    Move {
        /// How many accounts, with two sessions each.
        #[arg(long, default_value_t = 100_000)]
        accounts: u32,
    },
    /// A key server that is slow, silent, down, half broken, flooded and rotating, under requests in flight; a key that is
    /// withdrawn while it is down.
    Keys {
        /// How long each trouble lasts.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Requests under way at any time.
        #[arg(long, default_value_t = 200)]
        in_flight: usize,
    },
    /// Tokens made and altered by chance, judged by us, jsonwebtoken, PyJWT and jose: where we differ, we are the stricter.
    Differ {
        /// How many.
        #[arg(long, default_value_t = 1_000_000)]
        tokens: usize,
        /// Another seed makes other tokens.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// No proof: a program that guards `/guarded` by following an issuer, for proofs that need several such processes.
    #[command(hide = true)]
    Guard(Trusting),
    /// All of the above but the list of promises with their defaults, and a summary.
    All,
}

/// Three rotations and two changes of algorithm.
const TURNS: &str = ",,,EdDSA,RS256";

const ALL: [Proof; 17] = [
    Proof::Walk,
    Proof::RefreshStorm {
        rounds: 1_000,
        at_once: 50,
    },
    Proof::Races {
        rounds: 1_000,
        at_once: 50,
        only: None,
    },
    Proof::Kill { times: 50 },
    Proof::Hashing {
        clients: 2_000,
        seconds: 10,
    },
    Proof::FeltWithin { times: 20 },
    Proof::Feed { times: 1_000 },
    Proof::Held { seconds: 30 },
    Proof::FeedReaders { readers: 2_000 },
    Proof::SignOuts { seconds: 5 },
    Proof::Lost {
        away: 60,
        kills: 10,
    },
    Proof::Nodes { times: 20 },
    Proof::Outage { rounds: 5 },
    Proof::Rotation {
        turns: Vec::new(),
        short: false,
    },
    Proof::Move { accounts: 100_000 },
    Proof::Keys {
        seconds: 10,
        in_flight: 200,
    },
    Proof::Differ {
        tokens: 1_000_000,
        seed: 1,
    },
];

impl Proof {
    /// Those of the store's engines on which this can be shown: several nodes share a PostgreSQL database only, and a
    /// move ends on one.
    fn engines(&self, store: Store) -> Vec<Engine> {
        if matches!(
            self,
            Self::Promises | Self::Keys { .. } | Self::Differ { .. }
        ) {
            // These are of both, whatever is asked for, or of neither.
            return vec![Engine::Sqlite];
        }
        let mut engines = store.engines();
        if matches!(
            self,
            Self::Nodes { .. }
                | Self::Outage { .. }
                | Self::Move { .. }
                | Self::Held { .. }
                | Self::SignOuts { .. }
        ) {
            engines.retain(|engine| *engine == Engine::Postgres);
        }
        engines
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { proof, store } = Arguments::parse();
    let proofs = match proof {
        Proof::All => ALL.to_vec(),
        Proof::Guard(trusting) => {
            guarded::run(trusting).await?;
            return Ok(ExitCode::SUCCESS);
        }
        one => vec![one],
    };
    let mut verdicts = Vec::new();
    for proof in proofs {
        for engine in proof.engines(store) {
            let verdict = prove(&proof, engine).await?;
            println!("{verdict}");
            verdicts.push(verdict);
        }
    }
    if verdicts.len() > 2 {
        println!("\nSummary");
        for verdict in &verdicts {
            println!(
                "{} {}",
                if verdict.holds() { "holds" } else { "FAILS" },
                verdict.name
            );
        }
    }
    let held = verdicts.iter().all(Verdict::holds);
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn prove(proof: &Proof, engine: Engine) -> anyhow::Result<Verdict> {
    match *proof {
        Proof::Promises => promises::prove(),
        Proof::Walk => walk::prove(engine).await,
        Proof::RefreshStorm { rounds, at_once } => storm::prove(engine, rounds, at_once).await,
        Proof::Races {
            rounds,
            at_once,
            ref only,
        } => races::prove(engine, rounds, at_once, only.as_deref()).await,
        Proof::Kill { times } => kill::prove(engine, times).await,
        Proof::Hashing { clients, seconds } => hashing::prove(engine, clients, seconds).await,
        Proof::FeltWithin { times } => felt::prove(engine, times).await,
        Proof::Feed { times } => feed::told::prove(engine, times).await,
        Proof::Held { seconds } => feed::held::prove(seconds).await,
        Proof::FeedReaders { readers } => feed::many::prove(engine, readers).await,
        Proof::SignOuts { seconds } => feed::rate::prove(seconds).await,
        Proof::Lost { away, kills } => lost::prove(engine, Duration::from_secs(away), kills).await,
        Proof::Nodes { times } => several::prove(times).await,
        Proof::Outage { rounds } => outage::prove(rounds).await,
        Proof::Rotation { ref turns, short } => {
            let turns: Vec<&str> = if turns.is_empty() {
                TURNS.split(',').collect()
            } else {
                turns.iter().map(String::as_str).collect()
            };
            rotation::prove(engine, &turns, !short).await
        }
        Proof::Move { accounts } => moving::prove(accounts).await,
        Proof::Keys { seconds, in_flight } => keys::prove(seconds, in_flight).await,
        Proof::Differ { tokens, seed } => {
            if let Some(missing) = differ::missing() {
                anyhow::bail!(missing);
            }
            differ::prove(tokens, seed).await
        }
        Proof::All | Proof::Guard(_) => anyhow::bail!("this is no proof of its own"),
    }
}
