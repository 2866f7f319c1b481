//! Gives raw values their meaning, and notes every fault on the way.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keystile_accounts::Accounts;

use super::fault::{Fault, Faults};
use super::layers::{Layers, Raw, Sources};
use keystile::{Algorithm, SigningKey};

use super::{DatabaseUrl, Network, SealingKey, Tls, duration};

/// A setting may be read as often as it is needed: a fault is noted once.
pub(super) struct Reader {
    layers: Layers,
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(sources: &Sources) -> Self {
        let mut faults = Vec::new();
        let layers = Layers::gather(sources, &mut faults);
        Self { layers, faults }
    }

    /// What was read, if nothing was wrong.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(Faults(self.faults)),
        }
    }

    /// Notes what is wrong with a setting's value.
    pub(super) fn fault(&mut self, key: &str, problem: impl Into<String>, cure: &str) {
        let mut fault = Fault::new(key, problem, cure);
        fault.origin = self.layers.get(key).and_then(|found| found.origin);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Whether nothing is wrong with these settings, so that one which has no value was given none.
    pub(super) fn are_sound(&self, keys: &[&str]) -> bool {
        let at_fault = |fault: &Fault| keys.contains(&fault.subject.as_str());
        !self.faults.iter().any(at_fault)
    }

    /// The value as text; a list has none.
    fn text(&mut self, key: &str, cure: &str) -> Option<String> {
        match self.layers.get(key)?.raw {
            Raw::Text(text) => Some(text),
            Raw::Integer(number) => Some(number.to_string()),
            Raw::Boolean(switch) => Some(switch.to_string()),
            Raw::List(_) => {
                self.fault(key, "is a list", cure);
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        key: &str,
        cure: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key, cure)?;
        let value = parse(&text);
        if value.is_none() {
            self.fault(key, format!("{text:?} is not right"), cure);
        }
        value
    }

    pub(super) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.parsed(
            key,
            "Write an address and a port, for example 127.0.0.1:8080 or [::1]:8080",
            |text| {
                let text = text
                    .strip_prefix("localhost:")
                    .map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
                text.parse().ok()
            },
        )
    }

    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.parsed(key, "Write one path", |text| Some(PathBuf::from(text)))
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.parsed(
            key,
            "Write a duration such as 90s, 15m, 1h30m or 30d",
            duration::parse,
        )
    }

    pub(super) fn duration_within(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let (least, most) = (duration::show(*range.start()), duration::show(*range.end()));
        let cure = format!("Write a duration from {least} to {most}");
        self.parsed(key, &cure, |text| {
            duration::parse(text).filter(|found| range.contains(found))
        })
    }

    /// A duration that must not be nothing. Whole seconds: tokens count in seconds (RFC 7519).
    pub(super) fn lifetime(&mut self, key: &str) -> Option<Duration> {
        self.parsed(
            key,
            "Write a duration of whole seconds above zero, such as 90s, 15m or 30d",
            |text| duration::parse(text).filter(|d| !d.is_zero() && d.subsec_millis() == 0),
        )
    }

    pub(super) fn number(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let cure = format!("Write a number from {} to {}", range.start(), range.end());
        self.parsed(key, &cure, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// `Some(None)` is `auto`: one a core.
    #[expect(
        clippy::option_option,
        reason = "the outer says whether the setting could be read"
    )]
    pub(super) fn threads(&mut self) -> Option<Option<usize>> {
        self.parsed(
            "password.threads",
            "Write auto, or a number from 1 to 256",
            |text| {
                if text == "auto" {
                    return Some(None);
                }
                text.parse()
                    .ok()
                    .filter(|n| (1..=256).contains(n))
                    .map(Some)
            },
        )
    }

    pub(super) fn switch(&mut self, key: &str) -> Option<bool> {
        self.choice(key, &[("true", true), ("false", false)])
    }

    pub(super) fn choice<T: Clone>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let cure = format!("Write one of: {}", names.join(", "));
        self.parsed(key, &cure, |text| {
            choices
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text))
                .map(|(_, value)| value.clone())
        })
    }

    /// The items of a list, which the environment writes with commas.
    fn texts(&self, key: &str) -> Vec<String> {
        match self.layers.get(key).map(|found| found.raw) {
            None => Vec::new(),
            Some(Raw::List(texts)) => texts,
            Some(Raw::Text(text)) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Some(Raw::Integer(number)) => vec![number.to_string()],
            Some(Raw::Boolean(switch)) => vec![switch.to_string()],
        }
    }

    /// The private keys of the files; what is in a file is never shown.
    pub(super) fn key_files(&mut self) -> Vec<SigningKey> {
        let cure = "Name readable PEM files, each with one private key of its own";
        let mut keys: Vec<SigningKey> = Vec::new();
        for path in self.texts("keys.files") {
            let text = std::fs::read_to_string(&path).map(zeroize::Zeroizing::new);
            let problem = match text.map(|text| SigningKey::from_pem(&text)) {
                Ok(Ok(key)) if keys.iter().any(|other| other.key_id() == key.key_id()) => {
                    format!("{path} holds a key that another file holds too")
                }
                Ok(Ok(key)) => {
                    keys.push(key);
                    continue;
                }
                Ok(Err(error)) => format!("{path}: {error}"),
                Err(error) => format!("{path} cannot be read: {error}"),
            };
            self.fault("keys.files", problem, cure);
        }
        keys
    }

    pub(super) fn networks(&mut self, key: &str) -> Vec<Network> {
        let mut networks = Vec::new();
        for text in self.texts(key) {
            match text.parse() {
                Ok(network) => networks.push(network),
                Err(problem) => {
                    let cure = "Write addresses or networks, for example 10.0.0.5 or 10.0.0.0/8";
                    self.fault(key, problem, cure);
                }
            }
        }
        networks
    }

    /// Origins of pages, as browsers write them (RFC 6454, section 6.1).
    pub(super) fn origins(&mut self, key: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for text in self.texts(key) {
            if is_origin(&text) {
                origins.push(text);
            } else {
                let cure = "Write scheme, host and port in lower case without a path, for example https://app.example.com or http://localhost:5173";
                self.fault(key, format!("{text:?} is not an origin"), cure);
            }
        }
        origins
    }

    /// A sealing key; a fault never shows it.
    pub(super) fn sealing_key(&mut self, key: &str) -> Option<SealingKey> {
        let cure = "Give 32 random bytes in hexadecimal: `openssl rand -hex 32` makes them";
        let text = self.text(key, cure)?;
        let found = SealingKey::from_hex(&text);
        if found.is_none() {
            self.fault(key, "is not 32 random bytes in hexadecimal", cure);
        }
        found
    }

    /// The database URL; a fault never shows it, since it may hold a password.
    pub(super) fn database(&mut self, data: Option<&Path>) -> Option<DatabaseUrl> {
        let cure = "Write sqlite://PATH, for example sqlite:///var/lib/keystile/keystile.db, or postgres://USER:PASSWORD@HOST/DATABASE";
        let Some(text) = self.text("database", cure) else {
            return Some(DatabaseUrl(format!(
                "sqlite://{}",
                data?.join("keystile.db").display()
            )));
        };
        let problem = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            match Accounts::check_url(&text) {
                Ok(()) => return Some(DatabaseUrl(text)),
                // It says what to write instead.
                Err(error) => {
                    self.fault("database", "cannot be used", &error.to_string());
                    return None;
                }
            }
        } else if text.strip_prefix("sqlite://").is_none_or(str::is_empty) {
            "is not a database URL".to_owned()
        } else {
            return Some(DatabaseUrl(text));
        };
        self.fault("database", problem, cure);
        None
    }

    pub(super) fn algorithm(&mut self) -> Option<Algorithm> {
        self.choice(
            "tokens.algorithm",
            &[
                ("ES256", Algorithm::Es256),
                ("EdDSA", Algorithm::EdDsa),
                ("RS256", Algorithm::Rs256),
            ],
        )
    }

    pub(super) fn issuer(&mut self) -> Option<String> {
        let cure = "Write the public URL of this server, without a slash at its end, for example https://login.example.com";
        self.parsed("issuer", cure, |text| {
            is_issuer(text).then(|| text.to_owned())
        })
    }

    pub(super) fn tls(&mut self) -> Option<Tls> {
        let cert = self.path("tls.cert");
        let key = self.path("tls.key");
        let (missing, beside) = match (cert, key) {
            (Some(cert), Some(key)) => return Some(Tls { cert, key }),
            (None, None) => return None,
            (Some(_), None) => ("tls.key", "tls.cert"),
            (None, Some(_)) => ("tls.cert", "tls.key"),
        };
        self.fault(
            missing,
            format!("is missing beside {beside}"),
            "Set both or neither",
        );
        None
    }
}

/// An issuer identifier: an URL of http or https without user, query and fragment (RFC 8414, section 2).
fn is_issuer(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest.filter(|_| text.len() <= 512 && !text.ends_with('/')) else {
        return false;
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let inside = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%/".contains(c);
    is_authority(authority) && path.chars().all(inside)
}

/// An origin just as a browser sends it: it is compared byte by byte.
fn is_origin(text: &str) -> bool {
    let (authority, usual) = if let Some(rest) = text.strip_prefix("https://") {
        (rest, ":443")
    } else if let Some(rest) = text.strip_prefix("http://") {
        (rest, ":80")
    } else {
        return false;
    };
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && is_authority(authority) && !authority.ends_with(usual)
}

/// A host, with or without a port: a name, an IPv4 address, or an IPv6 address in brackets.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        }
    };
    host && port
}

#[cfg(test)]
mod tests {
    use super::is_issuer;

    #[test]
    fn an_issuer_is_a_plain_url() {
        for issuer in [
            "https://login.example.com",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://example.com/sign-in",
        ] {
            assert!(is_issuer(issuer), "{issuer}");
        }
        for other in [
            "",
            "login.example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/",
            "https://example.com?a",
            "https://example.com#a",
            "https://ada@example.com",
            "https://example.com:port",
            "https://example.com:0",
            "https://[::1",
            "https://exa mple.com",
            "https://example.com/\n",
        ] {
            assert!(!is_issuer(other), "{other:?}");
        }
    }
}
