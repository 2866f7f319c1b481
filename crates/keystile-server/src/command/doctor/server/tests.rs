use keystile_accounts::{DatabaseHost, DatabaseServer, HostState, ServerFacts};

use super::super::check::{Check, State};
use super::checks;

/// A server about which there is nothing to say.
fn sound() -> ServerFacts {
    let mut facts = ServerFacts::default();
    "15.1".clone_into(&mut facts.version);
    facts.encrypted = true;
    "UTF8".clone_into(&mut facts.encoding);
    "on".clone_into(&mut facts.synchronous_commit);
    "standby".clone_into(&mut facts.synchronous_standby_names);
    (facts.standbys, facts.synchronous) = (1, Some(1));
    facts.connections = 97;
    facts
}

fn found(states: &[HostState], facts: ServerFacts) -> Vec<Check> {
    let mut found = DatabaseServer::default();
    let names = ["one:5432", "two:5432"];
    let named = names.iter().zip(states);
    found.hosts = named
        .map(|(name, state)| DatabaseHost::new(*name, state.clone()))
        .collect();
    found.facts = Some(facts);
    checks(&found, 16)
}

/// What is said of a sound server after this was done to it, but for what is right.
fn after(change: impl FnOnce(&mut ServerFacts)) -> Vec<(State, String)> {
    let mut facts = sound();
    change(&mut facts);
    let checks = found(&[HostState::Writes], facts);
    let amiss = checks
        .into_iter()
        .filter(|check| check.state != State::Right);
    amiss
        .map(|check| {
            assert!(check.cure.is_some(), "{check:?}");
            (check.state, format!("{}: {}", check.subject, check.finding))
        })
        .collect()
}

#[test]
fn nothing_is_amiss_with_a_sound_server() {
    assert_eq!(after(|_| ()), []);
}

#[test]
fn each_fault_is_found_by_itself() {
    type Change = fn(&mut ServerFacts);
    let wrong: [(Change, &str); 9] = [
        (|facts| facts.too_old = true, "older than 13"),
        (|facts| facts.encoding = "LATIN1".to_owned(), "in LATIN1"),
        (
            |facts| facts.lacking = vec!["DELETE on spent".to_owned()],
            "lacks DELETE on spent",
        ),
        (
            |facts| facts.careless = vec!["fsync".to_owned(), "full_page_writes".to_owned()],
            "fsync and full_page_writes is off",
        ),
        (
            |facts| (facts.standbys, facts.synchronous) = (0, Some(0)),
            "none is connected",
        ),
        (
            |facts| facts.synchronous = Some(0),
            "none of the 1 that follow",
        ),
        (
            |facts| facts.synchronous_commit = "local".to_owned(),
            "synchronous_commit is local",
        ),
        (
            |facts| facts.connections = 15,
            "15 are allowed, and one node may want 16",
        ),
        (|facts| facts.connections = 0, "0 are allowed"),
    ];
    for (change, said) in wrong {
        let [(State::Wrong, finding)] = &after(change)[..] else {
            panic!("{said}: {:?}", after(change));
        };
        assert!(finding.contains(said), "{finding}");
    }
    let notices: [(Change, &str); 6] = [
        (|facts| facts.superuser = true, "superuser"),
        (
            |facts| facts.synchronous_commit = "off".to_owned(),
            "keystile turns it on for itself",
        ),
        (
            |facts| facts.synchronous_standby_names.clear(),
            "standbys that follow: 1",
        ),
        (|facts| facts.clock_ahead = 61_000, "61 s ahead of"),
        (|facts| facts.clock_ahead = -5_001, "5 s behind"),
        (|facts| facts.connections = 31, "nodes that fit: 1"),
    ];
    for (change, said) in notices {
        let [(State::Notice, finding)] = &after(change)[..] else {
            panic!("{said}: {:?}", after(change));
        };
        assert!(finding.contains(said), "{finding}");
    }
    let hidden = found(&[HostState::Writes], {
        let mut facts = sound();
        facts.synchronous = None;
        facts
    });
    assert!(
        hidden
            .iter()
            .any(|check| check.finding.contains("pg_monitor"))
    );
}

#[test]
fn each_host_is_told_of_by_its_name() {
    use HostState::{ReadOnly, Standby, Unreachable, Writes};
    let away = || Unreachable("no route".to_owned());
    let cases = [
        (vec![Writes, Standby], vec![State::Right, State::Right]),
        (vec![away(), Writes], vec![State::Notice, State::Right]),
        (vec![ReadOnly, Writes], vec![State::Notice, State::Right]),
        (vec![Standby, away()], vec![State::Wrong, State::Wrong]),
        (vec![ReadOnly], vec![State::Wrong]),
        (
            vec![Writes, Writes],
            vec![State::Right, State::Right, State::Wrong],
        ),
    ];
    for (states, expected) in cases {
        let checks = found(&states, sound());
        let hosts: Vec<_> = checks
            .iter()
            .filter(|check| check.subject == "database host")
            .collect();
        let judged: Vec<_> = hosts.iter().map(|check| check.state).collect();
        assert_eq!(judged, expected, "{states:?}: {hosts:?}");
        for (check, name) in hosts
            .iter()
            .zip(["one:5432", "two:5432"])
            .take(states.len())
        {
            assert!(check.finding.starts_with(name), "{check:?}");
        }
    }
    let lost = found(&[away()], sound());
    assert!(lost[0].finding.contains("no route"), "{lost:?}");
}
