//! `docs/postgresql.md`.

use super::people::{refreshed, sign_in, sign_up};
use super::{Machines, blocks, page};

#[test]
fn every_block_works_in_its_order() {
    let Some(machines) = Machines::new() else {
        return;
    };
    let page = page("postgresql.md");
    let mut run = 0;
    let mut section = |heading: &str| {
        let blocks = blocks(&page, heading);
        run += blocks.len();
        machines.run_all(&blocks)
    };
    section("A role and a database of its own");
    section("TLS");
    let first = section("The first node");
    for part in [
        "takes writes",
        ", over TLS",
        "database rights: all that are needed",
        "it has no tables yet",
        "this version's; accounts: 0",
        "standby: none is waited for",
        "nodes that fit: 6",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let less = section("Less than an owner");
    assert!(less.contains("all that are needed"), "{less}");
    let node = machines.node("node-url");
    sign_up(&node, "ada");
    let pair = sign_in(&node, "ada");
    section("Connections and time-outs");
    section("Vacuum and upgrades");
    let watched = section("What to watch");
    assert!(watched.contains("keystile "), "{watched}");
    refreshed(&node, &pair.refresh);
    assert_eq!(
        run,
        blocks(&page, "").len(),
        "a block of the page was not run"
    );
}
