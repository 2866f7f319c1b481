//! Where requests may go. The application's own settings may lead anywhere; what a document says leads no further
//! inwards than its author is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::FollowError;

/// How far inside an address lies. Ordered from outside inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Anybody's: the internet.
    Public,
    /// A network of the operator's own (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// This machine.
    Loopback,
    /// Where no issuer lives: link-local, where clouds keep their secrets, and what is reserved.
    Forbidden,
}

impl Depth {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            // The first two are where two clouds answer machines of theirs, outside of the ranges that are made for it.
            [100, 100, 100, 200]
            | [168, 63, 129, 16]
            | [0 | 224.., ..]
            | [169, 254, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _] => Self::Forbidden,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if let Some(v4) = address.to_ipv4_mapped() {
            return Self::of_v4(v4);
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // IPv4 behind a translator (RFC 6052).
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                Self::of_v4(Ipv4Addr::new(a, b, c, d))
            }
            // A cloud's own, Teredo and benchmarking and documentation, 6to4.
            [0xfd00, 0xec2, ..]
            | [0x2001, 0 | 2 | 0xdb8, ..]
            | [0x2002, ..]
            | [0x3fff, ..0x1000, ..] => Self::Forbidden,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Forbidden,
        }
    }
}

/// An address that the application gives: `https`, or `http` on this machine.
pub(super) fn configured(text: &str) -> Result<Url, FollowError> {
    let fault = |what| FollowError::Setting {
        value: text.chars().take(200).collect(),
        what,
    };
    let url =
        Url::parse(text).map_err(|_| fault("it is no URL; write it like https://id.example"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not even the part before the password is shown.
        return Err(FollowError::Setting {
            value: url.host_str().unwrap_or_default().to_owned(),
            what: "it has a user name or a password in it; write it without",
        });
    }
    if url.fragment().is_some() {
        return Err(fault(
            "it has a fragment; write it without what follows '#'",
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(fault(
            "keys that come without TLS are anybody's; write https, or run the issuer on localhost",
        )),
        _ => Err(fault("only https, and http on localhost, can be followed")),
    }
}

/// The issuer that the application names. It has no query either (RFC 8414, section 2).
pub(super) fn issuer(text: &str) -> Result<Url, FollowError> {
    let url = configured(text)?;
    if url.query().is_some() {
        return Err(FollowError::Setting {
            value: text.chars().take(200).collect(),
            what: "an issuer has no query; write it without what follows '?'",
        });
    }
    Ok(url)
}

/// An address out of a document of `owner`, where `depth` is how far inside the owner was found. Names are looked at
/// again where they are resolved.
pub(super) fn learned(text: &str, owner: &Url, depth: Depth) -> Result<Url, FollowError> {
    let refused = |what| FollowError::AddressRefused {
        url: shown(text),
        what,
    };
    let url = Url::parse(text).map_err(|_| refused("it is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it has a user name or a password in it"));
    }
    match url.scheme() {
        "https" => {}
        "http" if owner.scheme() == "http" && is_loopback(&url) => {}
        _ => return Err(refused("it is not https")),
    }
    if !same_origin(&url, owner)
        && let Some(address) = literal(&url)
        && !may_reach(Depth::of(address), depth)
    {
        return Err(refused(INWARDS));
    }
    Ok(url)
}

pub(super) const INWARDS: &str = "it leads further into a network than the issuer itself is";

/// Whether a document of one that lies at `owner` may lead to `depth`.
pub(super) fn may_reach(depth: Depth, owner: Depth) -> bool {
    match owner {
        Depth::Public | Depth::Forbidden => depth == Depth::Public,
        Depth::Private | Depth::Loopback => depth <= owner,
    }
}

/// Which addresses a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The application named the host.
    Any,
    /// Plain http.
    Loopback,
    /// A document named it, whose author was found so deep.
    From(Depth),
}

impl Allowed {
    /// For an address that the application gave.
    pub(super) fn configured(url: &Url) -> Self {
        if url.scheme() == "http" {
            Self::Loopback
        } else {
            Self::Any
        }
    }

    /// For an address out of a document of `owner`.
    pub(super) fn learned(url: &Url, owner: &Url, depth: Depth) -> Self {
        if same_origin(url, owner) || url.scheme() == "http" {
            Self::configured(url)
        } else {
            Self::From(depth)
        }
    }

    pub(super) fn permits(self, address: IpAddr) -> bool {
        let depth = Depth::of(address);
        match self {
            Self::Any => true,
            Self::Loopback => depth == Depth::Loopback,
            Self::From(owner) => may_reach(depth, owner),
        }
    }
}

/// Scheme, host and port.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// The host where it is an address and no name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

/// Whether the host is this machine, by address or by the name that is reserved for it (RFC 6761, section 6.3).
fn is_loopback(url: &Url) -> bool {
    match literal(url) {
        Some(address) => Depth::of(address) == Depth::Loopback,
        None => url.host_str().is_some_and(|host| {
            let host = host.strip_suffix('.').unwrap_or(host);
            host == "localhost" || host.ends_with(".localhost")
        }),
    }
}

/// What somebody else wrote, fit for a message: not long, nothing in it that a terminal or a log obeys.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(text: &str) -> Depth {
        Depth::of(text.parse().unwrap())
    }

    #[test]
    fn every_kind_of_address_has_its_depth() {
        use Depth::{Forbidden, Loopback, Private, Public};
        for (text, expected) in [
            ("8.8.8.8", Public),
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("192.0.1.1", Public),
            ("2606:4700::1111", Public),
            ("64:ff9b::8.8.8.8", Public),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("::ffff:10.0.0.1", Private),
            ("64:ff9b::10.0.0.1", Private),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("64:ff9b::127.0.0.1", Loopback),
            ("0.0.0.0", Forbidden),
            ("169.254.169.254", Forbidden),
            ("::ffff:169.254.169.254", Forbidden),
            ("64:ff9b::169.254.169.254", Forbidden),
            ("168.63.129.16", Forbidden),
            ("100.100.100.200", Forbidden),
            ("192.0.0.192", Forbidden),
            ("192.0.2.1", Forbidden),
            ("198.18.0.1", Forbidden),
            ("224.0.0.1", Forbidden),
            ("240.0.0.1", Forbidden),
            ("255.255.255.255", Forbidden),
            ("::", Forbidden),
            ("::2", Forbidden),
            ("::7f00:1", Forbidden),
            ("64:ff9b:1::1", Forbidden),
            ("fe80::1", Forbidden),
            ("fec0::1", Forbidden),
            ("ff02::1", Forbidden),
            ("100::1", Forbidden),
            ("2001:db8::1", Forbidden),
            ("2001::1", Forbidden),
            ("2002:7f00:1::", Forbidden),
            ("fd00:ec2::254", Forbidden),
            ("4000::1", Forbidden),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }

    #[test]
    fn the_application_may_name_any_host_and_plain_http_on_this_machine_only() {
        for good in [
            "https://id.example",
            "https://id.example/tenant/7",
            "https://10.0.0.5",
            "https://169.254.1.1",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080/",
            "http://id.localhost",
        ] {
            assert!(issuer(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "http://10.0.0.5",
            "http://localhost.example",
            "http://notlocalhost",
            "ftp://id.example",
            "file:///etc/passwd",
            "https://ada:secret@id.example",
            "https://ada@id.example",
            "https://id.example#a",
            "https://id.example?a=b",
        ] {
            let refused = issuer(bad).unwrap_err();
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_document_leads_no_further_inwards_than_its_author_is() {
        let id = Url::parse("https://id.example").unwrap();
        let from = |depth, text: &str| learned(text, &id, depth).is_ok();
        for outside in ["https://keys.example/jwks", "https://8.8.8.8/jwks"] {
            assert!(from(Depth::Public, outside), "{outside}");
        }
        for inside in [
            "https://127.0.0.1/jwks",
            "https://127.1/jwks",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://0/",
            "http://keys.example/jwks",
            "http://id.example/jwks",
            "http://localhost/jwks",
            "https://ada@keys.example/",
            "ftp://keys.example/",
            "jwks.json",
            "",
        ] {
            assert!(!from(Depth::Public, inside), "{inside}");
        }
        assert!(from(Depth::Private, "https://10.0.0.1/"));
        assert!(!from(Depth::Private, "https://127.0.0.1/"));
        assert!(from(Depth::Loopback, "https://10.0.0.1/"));
        assert!(!from(Depth::Loopback, "https://169.254.169.254/"));
        assert!(
            !from(Depth::Loopback, "http://127.0.0.1/"),
            "no step down from TLS"
        );

        let here = Url::parse("http://127.0.0.1:8080").unwrap();
        for near in ["http://127.0.0.1:8080/jwks", "http://localhost:9090/jwks"] {
            assert!(learned(near, &here, Depth::Loopback).is_ok(), "{near}");
        }
        assert!(learned("http://10.0.0.1/jwks", &here, Depth::Loopback).is_err());

        let odd = Url::parse("https://169.254.1.1:8443").unwrap();
        assert!(learned("https://169.254.1.1:8443/jwks", &odd, Depth::Forbidden).is_ok());
        assert!(learned("https://169.254.1.1/jwks", &odd, Depth::Forbidden).is_err());
    }
}
