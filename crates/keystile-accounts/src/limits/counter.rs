//! Under which key an attempt is counted.

use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::store::Hash;

/// What is being guessed at.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// The identifier of a sign-in, normalised.
    Identifier(&'a str),
    /// The account whose owner is asked for the current password.
    Account(&'a str),
    /// Any client's secret. Not by the client's id: a wrong one costs next to nothing, and with an id in it whoever sends many
    /// would make so many counters that those of passwords had to go.
    Clients,
    /// No guess: the client that revokes tokens of its own.
    Revocations(&'a str),
}

/// Names counters by HMAC, so that their table names nobody.
pub(super) struct Counters(hmac::Key);

impl Counters {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The counter of attempts from this address; without one, of those from anywhere.
    pub(super) fn of(&self, subject: Subject<'_>, from: Option<IpAddr>) -> Hash {
        let (kind, text) = match subject {
            Subject::Identifier(text) => (b'i', text),
            Subject::Account(id) => (b'a', id),
            Subject::Clients => (b'c', ""),
            Subject::Revocations(id) => (b'r', id),
        };
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"keystile guess v1");
        context.update(&[kind]);
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
        context.update(&block(from));
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

/// The block that an address counts by: one IPv4 address, or the /64 that one IPv6 subscriber has at the least.
fn block(address: Option<IpAddr>) -> Vec<u8> {
    match address.map(|address| address.to_canonical()) {
        None => vec![0],
        Some(IpAddr::V4(address)) => [&[4], address.octets().as_slice()].concat(),
        Some(IpAddr::V6(address)) => [&[6], &address.octets()[..8]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(subject: Subject<'_>, from: Option<&str>) -> Hash {
        Counters::new(&[7; 32]).of(subject, from.map(|address| address.parse().unwrap()))
    }

    #[test]
    fn addresses_count_by_block() {
        let of = |from| counter(Subject::Identifier("ada"), Some(from));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), counter(Subject::Identifier("ada"), None));
        assert_ne!(
            of("192.0.2.1"),
            counter(Subject::Account("ada"), Some("192.0.2.1"))
        );
    }
}
