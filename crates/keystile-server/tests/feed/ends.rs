//! When a stream ends, and when it does not.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use crate::place::Place;
use crate::reading::{Reading, kinds};

pub(crate) async fn a_stream_ends_with_its_token(place: Place) {
    let node = place.node().await;
    let short = node
        .sign(&node.claims("short", Duration::from_secs(60)))
        .await;
    let mut ending = Reading::open(node.address, &short, None).await;
    let mut lasting = node.read(None).await;
    ending.up_to_current().await;
    lasting.up_to_current().await;
    place.clock.advance(Duration::from_secs(61));
    while ending.next().await.is_some() {}
    assert_eq!(kinds(&lasting.up_to_current().await), ["current"]);
}

pub(crate) async fn a_stream_ends_with_the_revocation_of_its_token(place: Place) {
    let node = place.node().await;
    let token = node
        .sign(&node.claims("mine", Duration::from_secs(3_600)))
        .await;
    let mut ending = Reading::open(node.address, &token, None).await;
    let mut lasting = node.read(None).await;
    ending.up_to_current().await;
    lasting.up_to_current().await;
    node.revoke("mine").await;
    while let Some(event) = ending.next().await {
        assert_eq!(event.kind, "current");
    }
    assert_eq!(lasting.until_told(&["mine"]).await, ["mine"]);
}

pub(crate) async fn a_stream_ends_with_the_server(place: Place) {
    let (node, other) = (place.node().await, place.node().await);
    let mut reading = node.read(None).await;
    let first = reading.up_to_current().await;
    // It says that it will end, and goes on until its balancer knows.
    node.readiness.drain();
    assert_eq!(kinds(&reading.up_to_current().await), ["current"]);
    node.readiness.end_streams();
    node.stop.within(Duration::from_secs(8));
    while let Some(event) = reading.next().await {
        assert_eq!(event.kind, "current");
    }
    let last = first.last().and_then(|event| event.id.as_deref());
    let resumed = other.read(last).await.up_to_current().await;
    assert_eq!(kinds(&resumed), ["current"]);
    // Accounts that are closed have nothing to tell either.
    let mut reading = other.read(None).await;
    reading.up_to_current().await;
    other.accounts.close().await;
    while reading.next().await.is_some() {}
}

/// More than a connection's buffers hold is waiting for somebody who takes none of it.
pub(crate) async fn whoever_does_not_read_holds_nobody_up(place: Place) {
    let node = place.node().await;
    let token = node.token().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut stuck = socket.connect(node.address).await.unwrap();
    let request =
        format!("GET /v1/revocations HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n");
    stuck.write_all(request.as_bytes()).await.unwrap();
    let mut reading = node.read(None).await;
    reading.up_to_current().await;
    let filler = "f".repeat(8 * 1024);
    for number in 0..200 {
        let name = format!("{filler}{number}");
        node.revoke(&name).await;
        if number % 20 == 19 {
            reading.until_told(&[&name]).await;
        }
    }
    assert_eq!(
        kinds(&reading.up_to_current().await).last(),
        Some(&"current")
    );
    drop(stuck);
}
