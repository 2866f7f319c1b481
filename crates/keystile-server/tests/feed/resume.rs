//! Going on after an interruption.

use crate::place::Place;
use crate::reading::{Event, Reading, kinds, names};

fn id_of(events: &[Event]) -> String {
    events
        .last()
        .and_then(|event| event.id.clone())
        .expect("an id")
}

/// No list of everything: at the most some of these are told again, where the oldest transaction that was under way at the
/// last `current`, in whichever database of the server, is older than they are.
fn assert_resumed(told: &[Event], known: &[&str]) {
    let (last, before) = told.split_last().expect("events");
    assert_eq!(last.kind, "current");
    assert!(before.iter().all(|event| event.kind == "revoked"));
    let strange = names(before)
        .into_iter()
        .find(|name| !known.contains(&name.as_str()));
    assert_eq!(strange, None);
}

pub(crate) async fn a_reader_goes_on_where_it_stopped(place: Place) {
    let node = place.node().await;
    node.revoke("a").await;
    let first = node.read(None).await.up_to_current().await;
    let last = id_of(&first);
    let nothing = node.read(Some(&last)).await.up_to_current().await;
    assert_resumed(&nothing, &["a"]);
    for name in ["b", "c"] {
        node.revoke(name).await;
    }
    let mut reading = node.read(Some(&last)).await;
    let told = reading.until_told(&["b", "c"]).await;
    assert!(
        told.ends_with(&["b".to_owned(), "c".to_owned()]),
        "{told:?}"
    );
    let end = reading.up_to_current().await;
    assert_eq!(kinds(&end), ["current"]);
    // The older id is good still, for as long as its history lasts.
    let mut again = node.read(Some(&last)).await;
    again.until_told(&["b", "c"]).await;
}

/// Another node's id is as good, whichever of the two has seen more of the database by then.
pub(crate) async fn a_reader_goes_on_at_another_node(place: Place) {
    let (one, other) = (place.node().await, place.node().await);
    let mut here = one.read(None).await;
    let mut there = other.read(None).await;
    here.up_to_current().await;
    there.up_to_current().await;
    let mut names = Vec::new();
    for round in 0..5 {
        let name = format!("n{round}");
        names.push(name.clone());
        one.revoke(&name).await;
        here.until_told(&[&name]).await;
        let told = here.up_to_current().await;
        // The other node has perhaps not looked yet.
        let mut resumed = other.read(Some(&id_of(&told))).await;
        let first = resumed.up_to_current().await;
        let known: Vec<_> = names.iter().map(String::as_str).collect();
        assert_resumed(&first, &known);
        let next = format!("m{round}");
        names.push(next.clone());
        other.revoke(&next).await;
        resumed.until_told(&[&next]).await;
        assert!(
            there.until_told(&[&next]).await.contains(&name),
            "round {round}"
        );
        here.until_told(&[&next]).await;
    }
}

pub(crate) async fn an_id_that_is_not_ours_brings_everything(place: Place) {
    let node = place.node().await;
    node.revoke("a").await;
    let first = node.read(None).await.up_to_current().await;
    let last = id_of(&first);
    let (feed, cursor) = last.split_once('.').unwrap();
    let long = format!("{feed}.{}", "1".repeat(20_000));
    let odd = [
        String::new(),
        ".".to_owned(),
        feed.to_owned(),
        format!("{feed}."),
        format!("{feed}.0{cursor}"),
        format!("{feed}.-1"),
        format!("{feed}.+{cursor}"),
        format!("{feed}.{cursor}.{cursor}"),
        format!("{feed}.{cursor} "),
        format!(" {feed} . {cursor}"),
        format!("{feed}.99999999999999999999999"),
        format!("0{feed}.{cursor}"),
        format!("'; DROP TABLE revocation; --.{cursor}"),
        format!("%00.{cursor}"),
        "\u{202e}.1".to_owned(),
        long,
    ];
    for odd in odd {
        let told = node.read(Some(&odd)).await.up_to_current().await;
        if odd.trim() == last {
            // HTTP knows no spaces around a value.
            assert_resumed(&told, &["a"]);
        } else {
            let all = ["snapshot", "revoked", "current"];
            assert_eq!(kinds(&told), all, "{odd:?}");
        }
    }
    let token = node.token().await;
    for bytes in [&b"\xff\xfe.1"[..], b"\x80", b"a\tb.1"] {
        let mut lines = format!("authorization: Bearer {token}\r\nlast-event-id: ").into_bytes();
        lines.extend_from_slice(bytes);
        lines.extend_from_slice(b"\r\n");
        let told = Reading::ask_in_bytes(node.address, &lines)
            .await
            .up_to_current()
            .await;
        assert_eq!(
            kinds(&told),
            ["snapshot", "revoked", "current"],
            "{bytes:?}"
        );
    }
}

/// Such an id was told of a database that is not there any more, put back by whatever means.
pub(crate) async fn an_id_from_the_future_brings_everything(place: Place) {
    let node = place.node().await;
    node.revoke("a").await;
    let first = node.read(None).await.up_to_current().await;
    let (feed, cursor) = id_of(&first)
        .split_once('.')
        .map(|(feed, cursor)| (feed.to_owned(), cursor.parse::<u64>().unwrap()))
        .unwrap();
    for ahead in [cursor + 1_000_000, u64::MAX] {
        let told = node
            .read(Some(&format!("{feed}.{ahead}")))
            .await
            .up_to_current()
            .await;
        assert_eq!(kinds(&told), ["snapshot", "revoked", "current"], "{ahead}");
    }
}

pub(crate) async fn a_restored_database_is_another_history(place: Place) {
    let node = place.node().await;
    node.revoke("a").await;
    let mut reading = node.read(None).await;
    let first = reading.up_to_current().await;
    place.begin_anew().await;
    node.revoke("b").await;
    // Whoever reads along is told everything anew.
    let mut told = reading.up_to_current().await;
    while !told.iter().any(|event| event.kind == "snapshot") {
        told = reading.up_to_current().await;
    }
    assert_ne!(told[0].data, first[0].data, "another feed");
    let mut named = names(&told);
    while !named.contains(&"b".to_owned()) {
        named.extend(names(&reading.up_to_current().await));
    }
    assert_eq!(named, ["a", "b"]);
    // So is whoever comes with an id of before.
    let resumed = node.read(Some(&id_of(&first))).await.up_to_current().await;
    assert_eq!(
        kinds(&resumed),
        ["snapshot", "revoked", "revoked", "current"]
    );
}
