//! Where the database is and how the way to it is protected: the URL.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::super::StoreError;

/// How a connection is protected against whoever is on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// Not at all.
    None,
    /// By TLS if the server offers it, to whoever answers: against nobody who is able to answer in its place.
    Offered,
    /// By TLS or not at all, but to whoever answers.
    Encrypted,
    /// By TLS, and the certificate must be for the host and from an authority of the system or of this file.
    Verified(Option<PathBuf>),
}

/// What makes a database that is fit for this program, whatever the server's defaults are.
pub(in crate::store) const CREATE: &str =
    "`createdb --owner ROLE --encoding UTF8 --template template0 NAME`";

/// How long a connection is silent before the other side is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A database on one of some hosts.
#[derive(Clone)]
pub(super) struct Location {
    /// One for each host, to be tried in turn.
    pub(super) hosts: Vec<Config>,
    pub(super) protection: Protection,
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

/// Hosts and database, without the credentials.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", shown(host))?;
        }
        let database = self.hosts.first().and_then(Config::get_dbname);
        database.map_or(Ok(()), |name| write!(f, "/{name}"))
    }
}

/// Host and port of a configuration of one host.
pub(super) fn shown(host: &Config) -> String {
    let port = host.get_ports().first().copied().unwrap_or(5432);
    match host.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        Some(Host::Unix(folder)) => format!("{}:{port}", folder.display()),
        None => "?".to_owned(),
    }
}

/// Whether a URL names a database that can be opened, without looking for it.
pub(in crate::store) fn check_url(url: &str) -> Result<(), StoreError> {
    Location::parse(url).map(|_| ())
}

/// What the URL says of TLS and of the server's part; the driver reads the rest.
#[derive(Default)]
struct Said {
    mode: Option<String>,
    authority: Option<PathBuf>,
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if url.contains(char::is_control) {
            return Err(wrong(
                "a control character is in it, such as a NUL or a line's end",
            ));
        }
        let (said, rest) = Said::take_from(url)?;
        let config: Config = rest.parse().map_err(|_| wrong("it cannot be read"))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host"));
        }
        let ports = config.get_ports().len();
        if ports > 1 && ports != config.get_hosts().len() {
            return Err(wrong("it needs one port, or one for each host"));
        }
        // Read up to the first @: what follows would be taken for the host, and shown as one.
        let is_torn = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(is_torn) {
            return Err(wrong("there is more than one @ in it"));
        }
        let protection = said.protection(&config)?;
        let hosts = (0..config.get_hosts().len()).map(|index| alone(&config, index, &protection));
        Ok(Self {
            hosts: hosts.collect(),
            protection,
        })
    }
}

impl Said {
    /// Takes what is ours out of the query, as the driver refuses what it does not know.
    fn take_from(url: &str) -> Result<(Self, String), StoreError> {
        let mut said = Self::default();
        let Some((base, query)) = url.split_once('?') else {
            return Ok((said, url.to_owned()));
        };
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sslmode" => said.mode = Some(value.to_owned()),
                "sslrootcert" => said.authority = Some(PathBuf::from(decoded(value)?)),
                "target_session_attrs" if matches!(value, "read-write" | "primary") => {}
                "target_session_attrs" => {
                    return Err(wrong(
                        "target_session_attrs must be read-write: this program writes",
                    ));
                }
                "host" | "hostaddr" | "port" | "user" | "password" | "dbname" | "options"
                | "application_name" | "connect_timeout" | "channel_binding" => rest.push(pair),
                // A secret with an unescaped `?` would show up here.
                name if name.len() < 32
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') =>
                {
                    return Err(wrong(&format!(
                        "it has a parameter that is not known here: {name}"
                    )));
                }
                _ => return Err(wrong("it has a parameter that is not known here")),
            }
        }
        Ok((said, format!("{base}?{}", rest.join("&"))))
    }

    /// Where nothing is said: TLS with a verified certificate, but on the way within this machine.
    fn protection(self, config: &Config) -> Result<Protection, StoreError> {
        let local = config.get_hosts().iter().all(is_local) && self.authority.is_none();
        let mode = self.mode.as_deref();
        let protection = match mode.unwrap_or(if local { "prefer" } else { "verify-full" }) {
            "disable" => Protection::None,
            "prefer" => Protection::Offered,
            "require" => Protection::Encrypted,
            "verify-full" => return Ok(Protection::Verified(self.authority)),
            _ => {
                return Err(wrong(
                    "its sslmode must be one of disable, prefer, require, verify-full",
                ));
            }
        };
        match self.authority {
            None => Ok(protection),
            Some(_) => Err(wrong(
                "sslrootcert is for sslmode=verify-full: no other looks at the certificate",
            )),
        }
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

/// The configuration of one of several hosts, which must let us write.
fn alone(all: &Config, index: usize, protection: &Protection) -> Config {
    let mut one = Config::new();
    match &all.get_hosts()[index] {
        Host::Tcp(name) => one.host(name),
        Host::Unix(folder) => one.host_path(folder),
    };
    if let Some(address) = all.get_hostaddrs().get(index) {
        one.hostaddr(*address);
    }
    let ports = all.get_ports();
    if let Some(port) = ports.get(index).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(timeout) = all.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    // The other side may vanish without a word: then a connection is given up about as soon as a request is.
    one.keepalives(true);
    one.keepalives_idle(KEEPALIVE);
    one.keepalives_interval(KEEPALIVE / 2);
    one.keepalives_retries(2);
    one.tcp_user_timeout(2 * KEEPALIVE);
    one.application_name(all.get_application_name().unwrap_or("keystile"));
    one.channel_binding(all.get_channel_binding());
    one.target_session_attrs(TargetSessionAttrs::ReadWrite);
    one.ssl_mode(match protection {
        Protection::None => SslMode::Disable,
        Protection::Offered => SslMode::Prefer,
        Protection::Encrypted | Protection::Verified(_) => SslMode::Require,
    });
    one
}

/// `%XX` undone.
fn decoded(text: &str) -> Result<String, StoreError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let both = digit(rest.next()).zip(digit(rest.next()));
                both.and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
                    .ok_or_else(|| wrong("a % is not followed by two digits"))?
            }
            byte => byte,
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))
}

/// Says what is wrong and shows nothing of the URL, which may hold a password.
fn wrong(what: &str) -> StoreError {
    StoreError::Url(format!(
        "the PostgreSQL URL is not right: {what}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE, in the password %40 for @, %2F for /, %3F for ? and %25 for %"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Location {
        Location::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn several_hosts_are_tried_in_turn_and_credentials_are_not_shown() {
        let location =
            parsed("postgresql://ada:secret@one:5433,two,%2Frun%2Fpg:5434/shop?sslmode=disable");
        assert_eq!(location.to_string(), "one:5433,two:5432,/run/pg:5434/shop");
        assert!(!format!("{location:?}").contains("secret"));
        for host in &location.hosts {
            assert_eq!(
                host.get_target_session_attrs(),
                TargetSessionAttrs::ReadWrite
            );
            assert_eq!(host.get_password(), Some("secret".as_bytes()));
        }
    }

    #[test]
    fn without_a_word_of_it_the_way_through_a_network_is_verified() {
        for (url, protection) in [
            ("postgres://u@db.example/x", Protection::Verified(None)),
            (
                "postgres://u@127.0.0.1,db.example/x",
                Protection::Verified(None),
            ),
            ("postgres://u@localhost/x", Protection::Offered),
            ("postgres://u@[::1]:1/x", Protection::Offered),
            ("postgres://u@%2Frun%2Fpg/x", Protection::Offered),
            (
                "postgres://u@db.example/x?sslmode=prefer",
                Protection::Offered,
            ),
            (
                "postgres://u@db.example/x?sslmode=require",
                Protection::Encrypted,
            ),
            (
                "postgres://u@db.example/x?sslmode=disable",
                Protection::None,
            ),
            (
                "postgres://u@localhost/x?sslrootcert=%2Fetc%2Fca.pem",
                Protection::Verified(Some("/etc/ca.pem".into())),
            ),
        ] {
            assert_eq!(parsed(url).protection, protection, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused_and_not_shown() {
        for url in [
            "postgres://",
            "postgres:///x",
            "postgres://u:s3cret@h:port/x",
            "postgres://u:s3cret@h/x?sslmode=allow",
            "postgres://u:s3cret@h/x?sslmode=require&sslrootcert=/etc/ca.pem",
            "postgres://u:s3cret@h/x?target_session_attrs=read-only",
            "postgres://u:s3cret@h/x?nonsense=1",
            "postgres://u:a?s3cret@h/x",
            "postgres://u:s3cret@h/x?sslrootcert=%2",
            "postgres://u:an@s3cret@h/x",
            "postgres://u:s3cret@one,s3cret@two/x",
            "postgres://u:s3cret@h/x\0",
            "postgres://u:s3cret@h/x\npostgres://u:s3cret@h/x",
        ] {
            match Location::parse(url) {
                Err(StoreError::Url(text)) => assert!(!text.contains("s3cret"), "{text}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
