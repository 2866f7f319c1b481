//! `docs/failover.md`: with a standby that is waited for, and what is lost with one that is not.

use super::people::{
    change_password, refresh, refreshed, sign_in, sign_in_with, sign_out, sign_up,
};
use super::{Machines, On, blocks, page, ready, until};
use crate::keystile::PASSWORD;

const NEW_PASSWORD: &str = "another horse, another staple";
const STATES: &str =
    "psql -AtF ' ' -c 'SELECT application_name, sync_state FROM pg_stat_replication'";

#[test]
fn nothing_is_lost_with_a_synchronous_standby() {
    let Some(machines) = Machines::with_database() else {
        return;
    };
    let page = page("failover.md");
    let mut run = 0;
    let mut section = |heading: &str| {
        let blocks = blocks(&page, heading);
        run += blocks.len();
        blocks
    };
    let standby = machines.run_all(&section("A standby"));
    assert!(standby.contains(" t\n"), "in recovery: {standby}");
    machines.run_all(&section("A synchronous standby"));
    until("the standby is waited for", || {
        machines.run(On::Db1, STATES).contains("db2 quorum")
    });
    let all = machines.run_all(&section("Nodes know all hosts"));
    let [one, two] = machines.ports.map(|port| format!("localhost:{port}"));
    assert!(all.contains(&format!("{one} takes writes")), "{all}");
    assert!(all.contains(&format!("{two} is a standby")), "{all}");
    assert!(
        all.contains("standby: ANY 1 (db2, db3); connected: 1"),
        "{all}"
    );

    let node = machines.node("database-url");
    sign_up(&node, "ada");
    let kept = sign_in(&node, "ada");
    let ended = sign_in(&node, "ada");
    let kept = refreshed(&node, &kept.refresh);
    sign_out(&node, &ended);
    let steps = section("A promotion by hand");
    let [stop, promote, look, copy, wait] = &steps[..] else {
        panic!("{} blocks", steps.len());
    };
    machines.run(stop.on, &stop.script);
    until("the node says so", || {
        ready(&node) == 503 && node.me_at_once(&kept.access) == 503
    });
    machines.run(promote.on, &promote.script);
    until("the node goes on", || {
        ready(&node) == 200 && node.me(&kept.access) == 200
    });
    assert_eq!(refresh(&node, &ended.refresh).0, 401);
    assert_eq!(node.me(&ended.access), 401);
    let kept = refreshed(&node, &kept.refresh);
    let found = machines.run(look.on, &look.script);
    assert!(
        found.contains(&format!("{one} cannot be reached")),
        "{found}"
    );
    assert!(found.contains(&format!("{two} takes writes")), "{found}");
    machines.run(copy.on, &copy.script);
    machines.run(wait.on, &wait.script);
    until("the old primary is waited for", || {
        machines.run(On::Db2, STATES).contains("db1 quorum")
    });
    refreshed(&node, &kept.refresh);
    let found = machines.run(look.on, &look.script);
    assert!(found.contains(&format!("{one} is a standby")), "{found}");
    // One is left, for those who lost something.
    assert_eq!(
        run + 1,
        blocks(&page, "").len(),
        "a block of the page was not run"
    );
}

/// Each line of the page's table that a client can see.
#[test]
fn without_one_it_is_lost_as_the_page_says() {
    let Some(machines) = Machines::with_database() else {
        return;
    };
    let page = page("failover.md");
    machines.run_all(&blocks(&page, "A standby"));
    machines.run_all(&blocks(&page, "Nodes know all hosts"));
    let node = machines.node("database-url");
    for name in ["ada", "bob"] {
        sign_up(&node, name);
    }
    let (spent, ended) = (sign_in(&node, "ada"), sign_in(&node, "ada"));
    let keys = "keystile key list";
    let key = machines.run(On::Node, keys);
    let key = key.lines().nth(1).and_then(|row| row.split(' ').next());
    until("the standby has it", || {
        let behind =
            "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()";
        machines
            .run(On::Db1, &format!("psql -Atc '{behind}'"))
            .trim()
            == "1"
    });
    machines.run(On::Db2, "pg_ctl stop --mode fast --wait");

    let lost = refreshed(&node, &spent.refresh);
    sign_out(&node, &ended);
    sign_up(&node, "carol");
    let bob = sign_in(&node, "bob");
    change_password(&node, &bob, NEW_PASSWORD);
    let key = key.expect("a key");
    machines.run(
        On::Node,
        &format!("keystile account disable ada; keystile key withdraw {key} --yes"),
    );
    drop(node);
    machines.run(On::Db1, "pg_ctl stop --mode immediate --wait");
    machines.run(
        On::Db2,
        "pg_ctl start --wait --log standby.log; pg_ctl promote --wait",
    );

    let node = machines.node("database-url");
    assert_eq!(node.me(&ended.access), 200, "a sign-out came back");
    assert_eq!(refresh(&node, &ended.refresh).0, 200);
    assert_eq!(
        refresh(&node, &lost.refresh).0,
        401,
        "its successor is unknown"
    );
    let again = refreshed(&node, &spent.refresh);
    assert_eq!(sign_in_with(&node, "carol", PASSWORD), 401);
    assert_eq!(sign_in_with(&node, "bob", NEW_PASSWORD), 401);
    assert_eq!(sign_in_with(&node, "bob", PASSWORD), 200);
    assert_eq!(sign_in_with(&node, "ada", PASSWORD), 200);
    assert!(machines.run(On::Node, keys).contains("signing"));

    machines.run_all(&blocks(&page, "What is lost without one"));
    until("nothing from before is good", || {
        node.me(&again.access) == 401
    });
    for token in [&again.refresh, &ended.refresh, &spent.refresh] {
        assert_eq!(refresh(&node, token).0, 401);
    }
    until("a new key signs", || {
        let (status, answer) = node.sign_in("ada");
        let bearer = answer["access_token"].as_str().unwrap_or_default();
        status == 200 && node.me(bearer) == 200
    });
}
