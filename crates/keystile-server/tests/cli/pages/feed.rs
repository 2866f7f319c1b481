//! The page on the revocation feed: its look at it, beside a running server.

use super::clients::{blocks, paste};
use super::page;
use crate::keystile::Folder;

#[test]
fn the_look_at_the_feed_shows_it() {
    let folder = Folder::new();
    let server = folder.serve("");
    let blocks = blocks(&page("feed.md"));
    let [look] = &blocks[..] else {
        panic!("{} blocks", blocks.len());
    };
    let look = look.replace("127.0.0.1:8080", &server.address.to_string());
    let said = paste(&folder, &look, &[]);
    let kinds: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(kinds[..2], ["snapshot", "current"], "{said}");
    assert!(kinds.len() >= 3, "a beat each second: {said}");
    drop(server);
}
