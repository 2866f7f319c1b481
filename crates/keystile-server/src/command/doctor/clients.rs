//! Whether clients can do what they were made for.

use keystile_accounts::{Client, Inspection};
use keystile_server::config::Config;

use super::check::Check;
use crate::command::client::misses_the_feed;
use crate::command::output;

/// Nothing is said where there are none.
pub(super) fn checks(found: &Inspection, config: &Config) -> Vec<Check> {
    if found.clients.is_empty() {
        return Vec::new();
    }
    let issuer = config.issuer.as_deref().or(found.issuer.as_deref());
    let mut checks: Vec<Check> = found
        .clients
        .iter()
        .filter_map(|client| beside_the_feed(client, issuer?))
        .collect();
    if checks.is_empty() {
        checks.push(Check::right("clients", found.clients.len().to_string()));
    }
    checks
}

fn beside_the_feed(client: &Client, issuer: &str) -> Option<Check> {
    let misses = misses_the_feed(&client.scopes, &client.audiences, issuer);
    let name = output::plain(&client.name);
    misses.then(|| {
        Check::notice(
            "clients",
            format!(
                "{name} has the scope revocations:read, and none of its audiences is this server's issuer {issuer}: it cannot read the feed of revocations"
            ),
            format!(
                "Right if nothing is to read the feed by it. Else make another with --audience {issuer} too, give that to the program, and delete this one"
            ),
        )
    })
}
