//! Who asks: the peer's address, or the one that a trusted proxy names.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::App;
use crate::config::Network;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The client's address; unspecified where the embedding program gives no `ConnectInfo`.
    pub(crate) address: IpAddr,
    /// What it calls itself, as it came: the engine cuts it and frees it from what is not seen.
    pub(crate) device: Option<String>,
}

impl FromRequestParts<App> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let direct = connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let device = parts.headers.get(USER_AGENT);
        Ok(Self {
            address: client_address(direct, &parts.headers, &app.settings.trusted_proxies),
            device: device.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        })
    }
}

/// Walks `X-Forwarded-For` from the right, past the trusted proxies; the first other is the client.
/// A header from anybody else counts for nothing.
fn client_address(direct: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = direct.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = hop_address(hop.trim()) else {
            break;
        };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// An address, with or without a port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    address
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|a| a.ip()))
        .map(|a| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(direct: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = [
            "10.0.0.0/8".parse().unwrap(),
            "192.168.0.1".parse().unwrap(),
        ];
        client_address(direct.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn strangers_cannot_forward() {
        assert_eq!(client("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
    }

    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        assert_eq!(client("10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 1.2.3.4, 192.168.0.1"]),
            "1.2.3.4"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.7"]),
            "1.2.3.4"
        );
        assert_eq!(client("10.0.0.1", &["1.2.3.4:5555"]), "1.2.3.4");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:5555"]), "2001:db8::1");
    }

    #[test]
    fn nonsense_stops_the_walk() {
        assert_eq!(client("10.0.0.1", &["1.2.3.4, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
