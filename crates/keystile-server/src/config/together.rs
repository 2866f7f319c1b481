//! What settings decide together. Judged wherever each of them can be read, so that it is told beside every other fault;
//! nothing is concluded from one that cannot be read, whose own fault is told already.

use std::path::Path;
use std::time::Duration;

use super::reader::Reader;
use super::{ISSUER_CURE, duration, no_issuer};

/// A longer grace would hide a stolen refresh token for too long.
const LONGEST_GRACE: Duration = Duration::from_secs(300);
const LONGEST_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);

/// What the lifetimes must be to each other.
pub(super) fn check_lifetimes(reader: &mut Reader) {
    let limits = [
        "tokens.refresh_lifetime",
        "tokens.idle_limit",
        "tokens.absolute_limit",
    ];
    if let Some(access) = reader.lifetime("tokens.access_lifetime") {
        for key in limits {
            if reader.lifetime(key).is_some_and(|limit| limit <= access) {
                reader.fault(
                    key,
                    "is not longer than tokens.access_lifetime, so no session could be refreshed",
                    &format!("Give more than {}", duration::show(access)),
                );
            }
        }
    }
    let grace = reader.duration("tokens.replay_grace");
    if grace.is_some_and(|grace| grace > LONGEST_GRACE) {
        reader.fault(
            "tokens.replay_grace",
            "is longer than five minutes, which would hide a stolen refresh token for too long",
            "Give 60s, or at most 5m",
        );
    }
}

/// What the times of keys must be to each other, and the sealing keys.
pub(super) fn check_keys(reader: &mut Reader) {
    let max_age = reader.lifetime("keys.max_age");
    if max_age.is_some_and(|age| age > LONGEST_MAX_AGE) {
        reader.fault(
            "keys.max_age",
            "is longer than a day, and a new key would wait for longer still",
            "Give 5m, or at most 1d",
        );
    }
    let access = reader.lifetime("tokens.access_lifetime");
    if let (Some(max_age), Some(access)) = (max_age, access) {
        let least = keystile_accounts::least_key_schedule(max_age, access);
        let every = reader.lifetime("keys.rotate_every");
        if every.is_some_and(|every| every < least) {
            let problem = "is too short: a key is published before it signs, and kept until its tokens have expired";
            let cure = format!("Give at least {}, or remove it", duration::show(least));
            reader.fault("keys.rotate_every", problem, &cure);
        }
    }
    check_key_files(reader);
    let present = reader.sealing_key("keys.sealing_key");
    let previous = reader.sealing_key("keys.sealing_key_previous");
    if previous.is_some() && present.is_none() && reader.are_sound(&["keys.sealing_key"]) {
        reader.fault(
            "keys.sealing_key_previous",
            "is given without a new one",
            "Set keys.sealing_key to the new one, or, if nothing is to change, to this one",
        );
    }
    if present.is_some() && present == previous {
        reader.fault(
            "keys.sealing_key_previous",
            "is the same as keys.sealing_key",
            "Remove it",
        );
    }
}

/// Keys that are kept in files are changed there, and the first of them decides the algorithm.
fn check_key_files(reader: &mut Reader) {
    let files = reader.key_files();
    let Some(first) = files.first().filter(|_| reader.are_sound(&["keys.files"])) else {
        return;
    };
    if reader.lifetime("keys.rotate_every").is_some() {
        reader.fault(
            "keys.rotate_every",
            "is set, and keys.files holds the keys, which only you can change",
            "Remove one of the two",
        );
    }
    let wanted = reader.algorithm();
    if wanted.is_some_and(|wanted| wanted != first.algorithm()) {
        let problem = format!(
            "is not {}, which the first of keys.files signs by",
            first.algorithm()
        );
        reader.fault(
            "tokens.algorithm",
            problem,
            "Remove it, or put another file first",
        );
    }
}

/// What a server needs besides: files that it can read and, beyond loopback, encryption and a name.
pub(super) fn check_serving(reader: &mut Reader) {
    let tls = reader.tls().is_some();
    for key in ["tls.cert", "tls.key"] {
        let file = reader.path(key);
        if let Some(problem) = file.and_then(|file| unreadable(&file)) {
            let cure = "Give the path of a PEM file that the server's user may read";
            reader.fault(key, problem, cure);
        }
    }
    let listen = reader.address("listen");
    let Some(listen) = listen.filter(|listen| !listen.ip().is_loopback()) else {
        return;
    };
    let encrypted = tls || !reader.networks("trusted_proxies").is_empty();
    if !encrypted && reader.are_sound(&["tls.cert", "tls.key", "trusted_proxies"]) {
        reader.fault(
            "listen",
            format!("{listen} is beyond loopback, where passwords would travel unencrypted"),
            "Set tls.cert and tls.key, or name in trusted_proxies the proxy that speaks TLS for this server, or listen on 127.0.0.1",
        );
    }
    if reader.issuer().is_none() && reader.are_sound(&["issuer"]) {
        reader.fault("issuer", no_issuer(listen), ISSUER_CURE);
    }
}

/// Why a file cannot be read, if it cannot.
fn unreadable(file: &Path) -> Option<String> {
    let error = std::fs::read(file).err()?;
    Some(format!("{} cannot be read: {error}", file.display()))
}
