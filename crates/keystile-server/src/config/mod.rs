//! The configuration: flags over environment over `keystile.toml` over defaults.
//!
//! [`Config::load`] and [`Config::load_to_serve`] report every fault at once, each with its cure. Nothing here
//! listens, opens a database or makes a folder.

mod duration;
mod fault;
mod layers;
mod network;
mod reader;
mod setting;
mod show;
mod together;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use keystile::{Algorithm, SigningKey};

pub use fault::{Fault, Faults};
pub use layers::Sources;
pub use network::Network;
use reader::Reader;
pub use setting::{SETTINGS, Setting};
pub use show::Shown;

/// Everything that can be configured, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// The issuer as configured; see [`Config::issuer_at`].
    pub issuer: Option<String>,
    /// Whether anybody may make an account over HTTP.
    pub signup_open: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins of pages that may sign in by cookie, beside the issuer's.
    pub cookie_origins: Vec<String>,
    /// Most connections at a time.
    pub connections: u32,
    /// How a PostgreSQL database is asked.
    pub postgres: Postgres,
    /// How long the server says that it is not ready before it closes its listener.
    pub drain: Duration,
    /// Lifetimes and algorithm.
    pub tokens: Tokens,
    /// How signing keys are kept and when they turn.
    pub keys: Keys,
    /// Password policy and hashing cost.
    pub password: Password,
    /// Whether guessing is limited.
    pub limit_guessing: bool,
    /// Certificate and key, where the server speaks TLS itself.
    pub tls: Option<Tls>,
    /// Logging.
    pub log: Log,
}

/// A database URL; `Debug` and `Display` hide the password that it may hold.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole URL. May hold a password: do not print it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The path of an SQLite database, where it is one.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        self.0.strip_prefix("sqlite://").map(PathBuf::from)
    }
}

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0.split_once("://"), self.0.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, place))) => {
                write!(f, "{scheme}://[redacted]@{}", without_query(place))
            }
            _ => f.write_str(without_query(&self.0)),
        }
    }
}

/// The query may name a password too.
fn without_query(place: &str) -> &str {
    place.split_once('?').map_or(place, |(place, _)| place)
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// What `postgres.*` says.
#[derive(Debug, Clone, Copy)]
pub struct Postgres {
    /// Most connections of this process.
    pub connections: u32,
    /// How long a call may wait for the database in all.
    pub timeout: Duration,
}

/// What `tokens.*` and `sessions.*` say.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// What access tokens are signed with; `None`: what the present key says.
    pub algorithm: Option<Algorithm>,
    /// Life of an access token.
    pub access_lifetime: Duration,
    /// Life of a refresh token.
    pub refresh_lifetime: Duration,
    /// Ends a session that was not refreshed for so long.
    pub idle_limit: Option<Duration>,
    /// Ends a session so long after its sign-in.
    pub absolute_limit: Option<Duration>,
    /// Most living sessions of one account.
    pub session_limit: u32,
    /// How long a refresh may be repeated with the same answer.
    pub replay_grace: Duration,
}

/// What `keys.*` says.
#[derive(Debug, Clone)]
pub struct Keys {
    /// How long verifiers may keep the published keys.
    pub max_age: Duration,
    /// When a new key is made without being asked for.
    pub rotate_every: Option<Duration>,
    /// Keys that are kept outside the database: the first signs.
    pub files: Vec<SigningKey>,
    /// Seals private keys.
    pub sealing_key: Option<SealingKey>,
    /// Sealed them before a change.
    pub sealing_key_previous: Option<SealingKey>,
}

/// Thirty-two secret bytes; `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey(zeroize::Zeroizing<[u8; 32]>);

impl SealingKey {
    /// The bytes: do not print them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// From 64 hexadecimal digits.
    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            let digits = text.get(at..at + 2)?;
            // `from_str_radix` would take a sign too.
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        // One byte over and over is a placeholder, not a secret.
        (bytes.iter().any(|byte| *byte != bytes[0])).then_some(Self(bytes))
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

/// What `password.*` says.
#[derive(Debug, Clone)]
pub struct Password {
    /// Fewest characters (Unicode code points).
    pub min_length: usize,
    /// Argon2id's memory, in KiB.
    pub memory_kib: u32,
    /// Argon2id's passes.
    pub passes: u32,
    /// Hashing threads; `None`: one a core.
    pub threads: Option<usize>,
}

/// Where the certificate is.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM file with the chain.
    pub cert: PathBuf,
    /// PEM file with the key.
    pub key: PathBuf,
}

/// What `log.*` says.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON lines instead of lines for people.
    pub json: bool,
    /// Least level.
    pub level: tracing::Level,
}

impl Config {
    /// Reads and checks the configuration, for a command.
    ///
    /// # Errors
    /// Every fault that there is, not the first.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        together::check_lifetimes(&mut reader);
        together::check_keys(&mut reader);
        reader.finish(config)
    }

    /// Reads and checks the configuration, for a server.
    ///
    /// # Errors
    /// Every fault that there is, and what forbids to serve though each setting is right by itself.
    pub fn load_to_serve(sources: &Sources) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let config = Self::read(&mut reader);
        together::check_lifetimes(&mut reader);
        together::check_keys(&mut reader);
        together::check_serving(&mut reader);
        reader.finish(config)
    }

    /// Reads every setting before it gives up on any, so that all faults are found.
    fn read(reader: &mut Reader) -> Option<Self> {
        let listen = reader.address("listen");
        let data = reader.path("data");
        let database = reader.database(data.as_deref());
        let issuer = reader.issuer();
        let signup = reader.choice("signup", &[("open", true), ("closed", false)]);
        let trusted_proxies = reader.networks("trusted_proxies");
        let cookie_origins = reader.origins("cookies.origins");
        let connections = reader.number("connections", 1..=1_048_576);
        let postgres = read_postgres(reader);
        let drain = reader.duration_within("drain", Duration::ZERO..=LONGEST_DRAIN);
        let tokens = read_tokens(reader);
        let keys = read_keys(reader);
        let password = read_password(reader);
        let limit_guessing = reader.switch("limits.guessing");
        let tls = reader.tls();
        let log = read_log(reader);
        let listen = listen?;
        Some(Self {
            listen,
            data: data?,
            database: database?,
            issuer,
            signup_open: signup.unwrap_or_else(|| listen.ip().is_loopback()),
            trusted_proxies,
            cookie_origins,
            connections: connections?,
            postgres: postgres?,
            drain: drain?,
            tokens: tokens?,
            keys: keys?,
            password: password?,
            limit_guessing: limit_guessing?,
            tls,
            log: log?,
        })
    }

    /// The issuer when the server listens at `address`: the configured one, or the listen URL on
    /// loopback. Never taken from a request.
    ///
    /// # Errors
    /// Beyond loopback nobody but the operator knows the public URL.
    pub fn issuer_at(&self, address: SocketAddr) -> Result<String, Fault> {
        if let Some(issuer) = &self.issuer {
            return Ok(issuer.clone());
        }
        if !address.ip().is_loopback() {
            return Err(Fault::new("issuer", no_issuer(address), ISSUER_CURE));
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{address}"))
    }
}

/// More is a mistake: whoever ends the server waits for it.
const LONGEST_DRAIN: Duration = Duration::from_secs(300);

const ISSUER_CURE: &str =
    "Set issuer to the public URL of this server, for example https://login.example.com";

fn no_issuer(address: SocketAddr) -> String {
    format!("is not set, and {address} is not a loopback address")
}

fn read_postgres(reader: &mut Reader) -> Option<Postgres> {
    // Longer than a request may take would be for nobody's use.
    let longest = Duration::from_secs(25);
    let connections = reader.number("postgres.connections", 3..=1_000);
    let timeout = reader.duration_within("postgres.timeout", Duration::from_millis(500)..=longest);
    Some(Postgres {
        connections: connections?,
        timeout: timeout?,
    })
}

fn read_tokens(reader: &mut Reader) -> Option<Tokens> {
    let algorithm = reader.algorithm();
    let access_lifetime = reader.lifetime("tokens.access_lifetime");
    let refresh_lifetime = reader.lifetime("tokens.refresh_lifetime");
    let idle_limit = reader.lifetime("tokens.idle_limit");
    let absolute_limit = reader.lifetime("tokens.absolute_limit");
    let replay_grace = reader.duration("tokens.replay_grace");
    let session_limit = reader.number("sessions.limit", 1..=10_000);
    Some(Tokens {
        algorithm,
        access_lifetime: access_lifetime?,
        refresh_lifetime: refresh_lifetime?,
        idle_limit,
        absolute_limit,
        session_limit: session_limit?,
        replay_grace: replay_grace?,
    })
}

fn read_keys(reader: &mut Reader) -> Option<Keys> {
    let max_age = reader.lifetime("keys.max_age");
    let rotate_every = reader.lifetime("keys.rotate_every");
    let sealing_key = reader.sealing_key("keys.sealing_key");
    let sealing_key_previous = reader.sealing_key("keys.sealing_key_previous");
    Some(Keys {
        max_age: max_age?,
        rotate_every,
        files: reader.key_files(),
        sealing_key,
        sealing_key_previous,
    })
}

fn read_password(reader: &mut Reader) -> Option<Password> {
    let min_length = reader.number("password.min_length", 8..=256);
    let memory_kib = reader.number("password.memory_kib", 19_456..=4_194_304);
    let passes = reader.number("password.passes", 2..=64);
    let threads = reader.threads();
    Some(Password {
        min_length: usize::try_from(min_length?).ok()?,
        memory_kib: memory_kib?,
        passes: passes?,
        threads: threads?,
    })
}

fn read_log(reader: &mut Reader) -> Option<Log> {
    use tracing::Level;
    let json = reader.choice("log.format", &[("human", false), ("json", true)]);
    let level = reader.choice(
        "log.level",
        &[
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
            ("trace", Level::TRACE),
        ],
    );
    Some(Log {
        json: json?,
        level: level?,
    })
}

#[cfg(test)]
mod tests;
