//! `docs/backup.md`, what it says of PostgreSQL.

use super::people::{refresh, sign_in, sign_in_with, sign_out, sign_up};
use super::{Machines, On, blocks, page};
use crate::keystile::PASSWORD;

#[test]
fn a_dump_and_a_moment_of_the_log_are_restored() {
    let Some(machines) = Machines::with_database() else {
        return;
    };
    let blocks = blocks(&page("backup.md"), "PostgreSQL");
    let [dump, try_it, rename, anew, archive, go_back, anew_again] = &blocks[..] else {
        panic!("{} blocks", blocks.len());
    };
    let node = machines.node("database-url");
    sign_up(&node, "ada");
    let ended = sign_in(&node, "ada");
    machines.run(dump.on, &dump.script);
    sign_out(&node, &ended);
    sign_up(&node, "bob");
    let tried = machines.run(try_it.on, &try_it.script);
    assert!(tried.contains(" 1\n"), "one account: {tried}");
    assert_eq!(
        sign_in_with(&node, "bob", PASSWORD),
        200,
        "nodes notice nothing"
    );
    assert_eq!(node.end().0, 0);
    machines.run(rename.on, &rename.script);
    let said = machines.run(anew.on, &anew.script);
    assert!(said.contains("signing keys withdrawn: 1"), "{said}");

    let node = machines.node("database-url");
    assert_eq!(refresh(&node, &ended.refresh).0, 401);
    assert_eq!(node.me(&ended.access), 401);
    assert_eq!(
        sign_in_with(&node, "bob", PASSWORD),
        401,
        "made after the dump"
    );
    let later = sign_in(&node, "ada");
    let archived = machines.run(archive.on, &archive.script);
    assert!(archived.contains("archived_count"), "{archived}");
    sign_up(&node, "carol");
    let moment = machines.run(On::Db1, "psql -Atc 'SELECT clock_timestamp()'");
    sign_up(&node, "dave");
    sign_out(&node, &later);
    assert_eq!(node.end().0, 0);
    machines.run_with(go_back.on, &go_back.script, &[("WHEN", moment.trim())]);
    let said = machines.run(anew_again.on, &anew_again.script);
    assert!(said.contains("signing keys withdrawn: 1"), "{said}");

    let node = machines.node("database-url");
    assert_eq!(refresh(&node, &later.refresh).0, 401);
    assert_eq!(node.me(&later.access), 401);
    assert_eq!(
        sign_in_with(&node, "carol", PASSWORD),
        200,
        "before the moment"
    );
    assert_eq!(sign_in_with(&node, "dave", PASSWORD), 401, "after it");
    assert_eq!(sign_in_with(&node, "ada", PASSWORD), 200);
}
