//! What a look at a PostgreSQL server means for whoever runs Keystile on it.

use keystile_accounts::{DatabaseHost, DatabaseServer, HostState, ServerFacts};

use super::check::Check;

/// So far apart clocks do harm, in milliseconds: verifiers elsewhere go by their own.
const FAR_APART: u64 = 5_000;

/// In the order in which they are to be mended. `pool` is how many connections a node may hold.
pub(super) fn checks(found: &DatabaseServer, pool: u32) -> Vec<Check> {
    let mut checks = hosts(&found.hosts);
    if let Some(facts) = &found.facts {
        checks.push(version(facts));
        checks.extend(encoding(facts));
        checks.push(rights(facts));
        checks.extend(durability(facts));
        checks.push(standby(facts));
        checks.push(clock(facts));
        checks.push(connections(facts, u64::from(pool)));
    }
    checks
}

fn hosts(hosts: &[DatabaseHost]) -> Vec<Check> {
    let subject = "database host";
    let writing: Vec<_> = hosts
        .iter()
        .filter(|host| host.state == HostState::Writes)
        .map(|host| host.name.as_str())
        .collect();
    let mut checks: Vec<_> = hosts.iter().map(|found| host(found, &writing)).collect();
    if writing.len() > 1 {
        let finding = format!("each of {} takes writes: two primaries", writing.join(", "));
        let cure = "Stop the one that was not promoted, at once: what is written there is lost";
        checks.push(Check::wrong(subject, finding, cure));
    }
    checks
}

/// One host. What is wrong with it matters less where another takes writes.
fn host(found: &DatabaseHost, writing: &[&str]) -> Check {
    let subject = "database host";
    let name = &found.name;
    let (finding, cure) = match &found.state {
        HostState::Writes => return Check::right(subject, format!("{name} takes writes")),
        HostState::Standby if !writing.is_empty() => {
            return Check::right(subject, format!("{name} is a standby"));
        }
        HostState::Standby => (
            format!("{name} is a standby, and no host takes writes"),
            "Promote it if the primary is lost (`pg_ctl promote`); or name the primary in the URL too",
        ),
        HostState::ReadOnly => (
            format!("{name} refuses to write (default_transaction_read_only is on)"),
            "Turn it off if this is the primary: `ALTER SYSTEM RESET default_transaction_read_only`, or that of the role or database",
        ),
        HostState::Unreachable(why) => (
            format!("{name} cannot be reached: {why}"),
            "Mend what the message says: name, port, network, pg_hba.conf, password",
        ),
        other => (
            format!("{name}: {other:?}"),
            "Use the newest keystile doctor",
        ),
    };
    if writing.is_empty() {
        Check::wrong(subject, finding, cure)
    } else {
        Check::notice(subject, finding, cure)
    }
}

fn version(facts: &ServerFacts) -> Check {
    let tls = if facts.encrypted { "over" } else { "without" };
    let finding = format!("PostgreSQL {}, {tls} TLS", facts.version);
    if facts.too_old {
        let finding = format!("{finding}, is older than 13");
        return Check::wrong("database server", finding, "Use PostgreSQL 13 or later");
    }
    Check::right("database server", finding)
}

fn encoding(facts: &ServerFacts) -> Option<Check> {
    (facts.encoding != "UTF8").then(|| {
        Check::wrong(
            "encoding",
            format!("the database is in {}, not in UTF8", facts.encoding),
            "Make another: `createdb --owner ROLE --encoding UTF8 --template template0 NAME`",
        )
    })
}

fn rights(facts: &ServerFacts) -> Check {
    let subject = "database rights";
    if !facts.lacking.is_empty() {
        let finding = format!("this role lacks {}", facts.lacking.join(", "));
        let cure = "Let the role own the database, or GRANT it what is named, as the book's page on PostgreSQL shows";
        return Check::wrong(subject, finding, cure);
    }
    if facts.superuser {
        let cure = "Give keystile a role of its own that owns its database and nothing else";
        return Check::notice(subject, "this role is a superuser", cure);
    }
    Check::right(subject, "all that are needed")
}

fn durability(facts: &ServerFacts) -> Vec<Check> {
    let subject = "durability";
    let mut checks = Vec::new();
    if !facts.careless.is_empty() {
        let finding = format!(
            "{} is off: a crash of the database's machine loses what was acknowledged, or spoils the database",
            facts.careless.join(" and ")
        );
        checks.push(Check::wrong(
            subject,
            finding,
            "Turn it on in postgresql.conf",
        ));
    }
    if facts.synchronous_commit == "off" {
        checks.push(Check::notice(
            subject,
            "synchronous_commit is off by default here; keystile turns it on for itself",
            "Nothing for keystile; other programs here may lose what they were told is kept",
        ));
    }
    checks
}

fn standby(facts: &ServerFacts) -> Check {
    let subject = "standby";
    let names = &facts.synchronous_standby_names;
    let following = facts.standbys;
    if names.is_empty() {
        let finding = format!(
            "none is waited for (synchronous_standby_names is empty; standbys that follow: {following}): whoever loses this server loses what it acknowledged last"
        );
        let cure = "Right if that may be; else set synchronous_standby_names, as the book's page on failover shows";
        return Check::notice(subject, finding, cure);
    }
    if following == 0 {
        let finding = format!(
            "synchronous_standby_names is {names}, and none is connected: every write waits for one, and is answered 503"
        );
        let cure = "Start the standby; or go on without: `ALTER SYSTEM SET synchronous_standby_names = ''` and a reload";
        return Check::wrong(subject, finding, cure);
    }
    if facts.synchronous == Some(0) {
        let finding = format!(
            "synchronous_standby_names is {names}, and none of the {following} that follow is meant: every write waits, and is answered 503"
        );
        let cure = "Give the standby one of these names: application_name in its primary_conninfo";
        return Check::wrong(subject, finding, cure);
    }
    if facts.synchronous_commit == "local" {
        let finding = "synchronous_commit is local: no standby is waited for in spite of synchronous_standby_names";
        return Check::wrong(subject, finding, "Set synchronous_commit to on");
    }
    match facts.synchronous {
        Some(count) => Check::right(subject, format!("{names}; waited for: {count}")),
        None => Check::right(
            subject,
            format!(
                "{names}; connected: {following}; which are waited for is shown to members of pg_monitor"
            ),
        ),
    }
}

fn clock(facts: &ServerFacts) -> Check {
    let subject = "database clock";
    let apart = facts.clock_ahead.unsigned_abs();
    if apart <= FAR_APART {
        return Check::right(subject, format!("within {apart} ms of this machine's"));
    }
    let way = if facts.clock_ahead > 0 {
        "ahead of"
    } else {
        "behind"
    };
    let finding = format!("{} s {way} this machine's", apart / 1_000);
    let cure = "Let both follow a time server: nodes go by the database's, verifiers elsewhere by their own";
    Check::notice(subject, finding, cure)
}

fn connections(facts: &ServerFacts, pool: u64) -> Check {
    let subject = "database connections";
    let (allowed, present) = (facts.connections, facts.connected);
    let cure = "Lower postgres.connections, or raise max_connections (or the role's or the database's own limit)";
    if allowed < pool {
        let finding = format!("{allowed} are allowed, and one node may want {pool}");
        return Check::wrong(subject, finding, cure);
    }
    let nodes = allowed / pool.max(1);
    let finding = format!(
        "{allowed} are allowed, {present} there now; with postgres.connections at {pool}, nodes that fit: {nodes}"
    );
    if nodes < 2 {
        return Check::notice(subject, finding, cure);
    }
    Check::right(subject, finding)
}

#[cfg(test)]
mod tests;
