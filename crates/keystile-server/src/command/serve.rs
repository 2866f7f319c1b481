//! `keystile serve`: the server.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use keystile_accounts::{Accounts, Fault};
use keystile_server::config::{Config, Faults, Sources};
use keystile_server::{Certificate, Readiness, Settings, Stop, listen, router};
use rustix::process::{Resource, getrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::place::{Place, builder, opening, prepare_folder};
use super::{logging, output, run};

/// How long requests under way may take to finish when the server ends.
const FINISH: Duration = Duration::from_secs(8);
/// Open files that are kept for all else than connections: the database, the log, keys being read.
const OTHER_FILES: u64 = 64;

/// Start the server.
///
/// With nothing configured it listens on 127.0.0.1:8080 and makes its data folder, database and keys.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keystile serve
  keystile serve --listen 127.0.0.1:9000 --data /var/lib/keystile
  KEYSTILE_TOKENS__ACCESS_LIFETIME=5m keystile serve

Settings come from flags, the environment (KEYSTILE_SECTION__KEY), keystile.toml, defaults, in this
order; `keystile config print` lists them all. SIGTERM and SIGINT end the server gracefully.")]
pub(crate) struct Serve {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Serve {
    pub(crate) fn run(self) -> Result<()> {
        let config = Config::load_to_serve(&self.sources())?;
        logging::start(&config.log);
        run::on_all_cores(Box::pin(serve(config)))?
    }

    fn sources(&self) -> Sources {
        let mut sources = self.place.sources();
        sources.flags.extend(
            self.listen
                .clone()
                .map(|address| ("listen", "--listen", address)),
        );
        sources
    }
}

async fn serve(config: Config) -> Result<()> {
    let tls = certificate(&config).await?;
    let made = config.database.sqlite_path().is_some() && prepare_folder(&config.data)?;
    let listener = bind(config.listen)?;
    let address = listener.local_addr()?;
    let issuer = config
        .issuer_at(address)
        .map_err(|fault| Faults(vec![fault]))?;
    let mut engine = builder(&config, issuer.clone()).rotate_keys_every(config.keys.rotate_every);
    if let Some(algorithm) = config.tokens.algorithm {
        engine = engine.algorithm(algorithm);
    }
    // First of all: to open the database may change it, and another server would feel that.
    let _lock = engine
        .claim_server_lock()
        .map_err(|fault| unclaimable(fault, &config))?;
    let accounts = engine.open().await.with_context(|| opening(&config))?;
    agree_on_issuer(&accounts, &config, &issuer).await?;
    let readiness = Readiness::default();
    let connections = connections(&config);
    let settings = Settings {
        signup_open: config.signup_open,
        trusted_proxies: config.trusted_proxies.clone(),
        cookie_origins: config.cookie_origins.clone(),
        readiness: readiness.clone(),
        // Readers keep theirs; the other half is for people.
        feed_readers: (connections / 2).max(1),
        ..Settings::default()
    };
    let app = router(accounts.clone(), settings);
    let stop = Stop::default();
    let signals = tokio::spawn(end_on_signal(
        Signals::new()?,
        config.drain,
        stop.clone(),
        readiness,
    ));
    output::line(&super::welcome::text(&config, address, &issuer, made))?;
    tracing::info!(%address, issuer, "listening");
    let served = listen(listener, app, connections, tls, stop).await;
    signals.abort();
    accounts.close().await;
    tracing::info!("ended");
    Ok(served?)
}

/// Whoever has another issuer than the rest refuses their tokens, and they refuse its own. A configured one is meant; one that
/// follows from the address is nobody's intention, and where several servers may share the database it does not start.
async fn agree_on_issuer(accounts: &Accounts, config: &Config, issuer: &str) -> Result<()> {
    let shared = config.database.sqlite_path().is_none();
    let configured = config.issuer.is_some();
    let known = accounts.agreed_issuer().await?;
    let known = known.unwrap_or_else(|| issuer.to_owned());
    if known == issuer {
        if shared && !configured {
            tracing::warn!(
                issuer,
                "no issuer is configured: another node on this database would have another and be refused; set issuer to the public URL, the same on all"
            );
        }
        return Ok(());
    }
    if shared && !configured {
        accounts.close().await;
        bail!(
            "the servers on {} issue tokens as {known}, and this one, without an issuer in its configuration, would as {issuer}: each would refuse the other's. Set issuer to the public URL, the same on all nodes; to go on as before, KEYSTILE_ISSUER={known}",
            config.database
        );
    }
    accounts.insist_on_issuer(&known).await?;
    tracing::warn!(
        former = known,
        issuer,
        "the issuer was changed: access tokens of the former are refused, also by nodes and verifiers that still have it"
    );
    Ok(())
}

/// Most connections at a time: as many as configured, where the limit on open files allows that.
fn connections(config: &Config) -> usize {
    let open_files = getrlimit(Resource::Nofile).current;
    let most = within_open_files(config.connections, open_files);
    if most < config.connections {
        tracing::info!(
            configured = config.connections,
            most,
            "the limit on open files allows fewer connections than configured"
        );
    }
    usize::try_from(most).unwrap_or(usize::MAX)
}

fn within_open_files(wanted: u32, open_files: Option<u64>) -> u32 {
    let room = open_files.map_or(u64::MAX, |limit| limit.saturating_sub(OTHER_FILES).max(1));
    wanted.min(u32::try_from(room).unwrap_or(u32::MAX))
}

fn unclaimable(fault: Fault, config: &Config) -> anyhow::Error {
    let said = if fault.code() == "server_running" {
        format!(
            "another server, a restore or a move is at work in the data folder {}. End it or wait until it is done, or give this one a folder of its own with --data",
            config.data.display()
        )
    } else {
        opening(config)
    };
    anyhow::Error::from(fault).context(said)
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{address} is in use: another program listens there, perhaps another Keystile. End it, or choose another port with --listen 127.0.0.1:PORT"
        ),
        ErrorKind::PermissionDenied => {
            anyhow!("this user may not listen on {address}. Choose a port above 1023 with --listen")
        }
        ErrorKind::AddrNotAvailable => {
            anyhow!("{address} is not an address of this machine. Choose one that is with --listen")
        }
        _ => anyhow!("cannot listen on {address}: {error}. Choose another address with --listen"),
    })
}

async fn certificate(config: &Config) -> Result<Option<Certificate>> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let read = Certificate::read(&tls.cert, &tls.key).await;
    read.map(Some).with_context(|| {
        let (cert, key) = (tls.cert.display(), tls.key.display());
        format!("cannot use the certificate {cert} with the key {key}; both must be PEM files that belong together")
    })
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Waits for SIGTERM or SIGINT; then `/readyz` says 503, so that a balancer looks elsewhere, after a while the listener
/// closes, and what is under way finishes. SIGINT, from a terminal, has no balancer to wait for.
async fn end_on_signal(mut signals: Signals, drain: Duration, stop: Stop, readiness: Readiness) {
    tokio::select! {
        _ = signals.terminate.recv() => {
            readiness.drain();
            tracing::info!(?drain, "SIGTERM: ending");
            // Told once more, it does not wait.
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                _ = signals.terminate.recv() => {}
                _ = signals.interrupt.recv() => {}
            }
        }
        _ = signals.interrupt.recv() => {
            readiness.drain();
            tracing::info!("SIGINT: ending");
        }
    }
    readiness.end_streams();
    stop.within(FINISH);
}

#[cfg(test)]
mod tests {
    use super::within_open_files;

    #[test]
    fn connections_leave_files_for_the_rest() {
        assert_eq!(within_open_files(4096, None), 4096);
        assert_eq!(within_open_files(4096, Some(1 << 40)), 4096);
        assert_eq!(within_open_files(4096, Some(1024)), 960);
        assert_eq!(within_open_files(100, Some(1024)), 100);
        assert_eq!(within_open_files(4096, Some(20)), 1);
    }
}
