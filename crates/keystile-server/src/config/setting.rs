//! The list of settings: the one place that knows their names, defaults and meanings.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in `keystile.toml`: `section.key`, or a bare key.
    pub key: &'static str,
    /// Its default, as it would be written in the environment; empty means "none".
    pub default: &'static str,
    /// Whether its value may hold a secret: read from `…_FILE` too, and never printed.
    pub secret: bool,
    /// What it does, in a sentence.
    pub about: &'static str,
}

const fn plain(key: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting {
        key,
        default,
        secret: false,
        about,
    }
}

const fn secret(key: &'static str, about: &'static str) -> Setting {
    Setting {
        key,
        default: "",
        secret: true,
        about,
    }
}

/// Every setting that there is.
pub const SETTINGS: &[Setting] = &[
    plain("listen", "127.0.0.1:8080", "Address and port to listen on."),
    plain(
        "data",
        "./keystile-data",
        "Folder of the database and its lock; made with mode 0700.",
    ),
    Setting {
        key: "database",
        default: "",
        secret: true,
        about: "Database URL; by default sqlite in the data folder.",
    },
    plain(
        "issuer",
        "",
        "The tokens' `iss`: this server's public URL; by default the listen URL on loopback.",
    ),
    plain(
        "signup",
        "",
        "Who may make an account over HTTP: open or closed; open on loopback by default.",
    ),
    plain(
        "trusted_proxies",
        "",
        "Addresses or networks whose X-Forwarded-For is believed.",
    ),
    plain(
        "cookies.origins",
        "",
        "Origins of pages that may sign in by cookie, beside the issuer's own, which needs no mention.",
    ),
    plain(
        "connections",
        "4096",
        "Most connections at a time, never more than the limit on open files less 64; the surplus is closed at once.",
    ),
    plain(
        "postgres.connections",
        "16",
        "PostgreSQL: most connections of this node, 3 to 1000; all nodes' together must fit into the server's max_connections.",
    ),
    plain(
        "postgres.timeout",
        "5s",
        "PostgreSQL: how long a request may wait for the database in all, 500ms to 25s; then it is answered 503.",
    ),
    plain(
        "drain",
        "500ms",
        "How long after SIGTERM it serves on while /readyz says 503, at most 5m; more than twice as long as a balancer takes to look.",
    ),
    plain(
        "tokens.algorithm",
        "",
        "Signature of access tokens: ES256, EdDSA or RS256; by default that of the present key, ES256 at first.",
    ),
    plain(
        "tokens.access_lifetime",
        "15m",
        "How long an access token is good for.",
    ),
    plain(
        "tokens.refresh_lifetime",
        "30d",
        "How long a refresh token is good for.",
    ),
    plain(
        "tokens.idle_limit",
        "",
        "Ends a session that was not refreshed for so long; none by default.",
    ),
    plain(
        "tokens.absolute_limit",
        "",
        "Ends a session so long after its sign-in; none by default.",
    ),
    plain(
        "tokens.replay_grace",
        "60s",
        "How long a refresh may be repeated with the same answer; 0s turns it off.",
    ),
    plain(
        "sessions.limit",
        "100",
        "Most living sessions of one account, 1 to 10000; a sign-in beyond it ends those that were not used for longest.",
    ),
    plain(
        "keys.max_age",
        "5m",
        "How long verifiers may keep the published keys; a new key is published for longer before it signs.",
    ),
    plain(
        "keys.rotate_every",
        "",
        "Makes a new signing key when the present one has signed for so long; by hand only by default.",
    ),
    plain(
        "keys.files",
        "",
        "PEM files of signing keys that are kept outside the database: the first signs, the others verify.",
    ),
    secret(
        "keys.sealing_key",
        "Seals the private keys in the database: 32 bytes in hexadecimal; not sealed by default.",
    ),
    secret(
        "keys.sealing_key_previous",
        "The sealing key before a change: what it sealed is sealed anew at the start.",
    ),
    plain(
        "password.min_length",
        "15",
        "Fewest characters of a new password; 8 at the least.",
    ),
    plain("password.memory_kib", "19456", "Argon2id's memory in KiB."),
    plain("password.passes", "2", "Argon2id's passes over its memory."),
    plain(
        "password.threads",
        "auto",
        "Threads that hash passwords; auto is one a core.",
    ),
    plain(
        "limits.guessing",
        "true",
        "Slows the guessing of passwords; false only in tests.",
    ),
    plain("tls.cert", "", "PEM file with the certificate chain."),
    plain(
        "tls.key",
        "",
        "PEM file with the certificate's private key.",
    ),
    plain("log.format", "human", "How log lines look: human or json."),
    plain(
        "log.level",
        "info",
        "Least level that is logged: error, warn, info, debug or trace.",
    ),
];

/// The setting of that name.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The known name nearest to `unknown`, where one is near enough to be meant.
pub(crate) fn nearest(unknown: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    SETTINGS
        .iter()
        .map(|setting| {
            let whole = distance(unknown, setting.key);
            let tail = 1 + distance(&last(unknown), &last(setting.key));
            (whole.min(tail), setting.key)
        })
        .min()
        .filter(|(edits, key)| *edits <= 1 + key.len() / 3)
        .map(|(_, key)| key)
}

/// Edit distance: insertions, deletions and replacements of one character.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The environment variable of a setting: `tokens.access_lifetime` is
/// `KEYSTILE_TOKENS__ACCESS_LIFETIME`.
pub(crate) fn variable(key: &str) -> String {
    format!("KEYSTILE_{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_setting() {
        assert_eq!(
            nearest("tokens.acces_lifetime"),
            Some("tokens.access_lifetime")
        );
        assert_eq!(nearest("lisen"), Some("listen"));
        assert_eq!(nearest("access_lifetime"), Some("tokens.access_lifetime"));
        assert_eq!(nearest("qwertyuiop"), None);
    }

    #[test]
    fn variables_follow_the_names() {
        assert_eq!(
            variable("tokens.access_lifetime"),
            "KEYSTILE_TOKENS__ACCESS_LIFETIME"
        );
        assert_eq!(variable("listen"), "KEYSTILE_LISTEN");
    }
}
