//! The caps on size and time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::actors::Server;
use crate::http::{Request, parse, send_bytes};

#[tokio::test]
async fn bodies_end_at_64_kib() {
    let server = Server::start().await;
    let fitting = format!("{{\"username\":\"{}\"}}", "a".repeat(64 * 1024 - 15));
    assert_eq!(fitting.len(), 64 * 1024);
    let send = |body: Vec<u8>| {
        server.send(Request::new("POST", "/v1/login").raw("application/json", &body))
    };
    assert_eq!(
        send(fitting.clone().into_bytes()).await.problem(400),
        "member_missing"
    );
    assert_eq!(
        send(format!("{fitting} ").into_bytes()).await.problem(413),
        "body_too_large"
    );

    let chunked = format!(
        "POST /v1/login HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        70_000,
        " ".repeat(70_000)
    );
    assert_eq!(
        send_bytes(server.address, chunked.as_bytes())
            .await
            .problem(413),
        "body_too_large"
    );
}

#[tokio::test]
async fn nesting_ends_at_32_levels() {
    let server = Server::start().await;
    let nested = |levels: usize| {
        format!(
            "{{\"username\":{}{}}}",
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    let send = |body: String| {
        server.send(Request::new("POST", "/v1/login").raw("application/json", body.as_bytes()))
    };
    assert_eq!(send(nested(32)).await.problem(400), "member_invalid");
    assert_eq!(send(nested(33)).await.problem(400), "json_too_deep");
}

#[tokio::test]
async fn headers_end_at_32_kib() {
    let server = Server::start().await;
    let with = |bytes: usize| {
        server.send(Request::new("GET", "/healthz").header("x-long", &"a".repeat(bytes)))
    };
    with(32 * 1024 - 200).await.expect(200);
    assert_eq!(with(32 * 1024).await.problem(431), "headers_too_large");
    assert_eq!(with(200 * 1024).await.problem(431), "headers_too_large");
    let many = "x-many: 1\r\n".repeat(150);
    let wire = format!("GET /healthz HTTP/1.1\r\nhost: t\r\n{many}\r\n");
    assert_eq!(
        send_bytes(server.address, wire.as_bytes())
            .await
            .problem(431),
        "headers_too_large"
    );
    let target = format!("/healthz?{}", "a".repeat(40 * 1024));
    assert_eq!(
        server.anonymous("GET", &target).await.problem(431),
        "headers_too_large"
    );
}

/// Slow senders are cut: ten seconds for the headers, however few of their bytes came, thirty for the body, all
/// waited for at once.
#[tokio::test]
async fn slow_senders_are_cut() {
    let server = Server::start().await;
    let cut_after = |sent: &'static [u8]| async move {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let since = Instant::now();
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest);
        let ended = tokio::time::timeout(Duration::from_secs(25), end).await;
        assert!(ended.is_ok(), "{sent:?} is never cut");
        since.elapsed()
    };
    let headers = async {
        tokio::join!(
            cut_after(b"GET /healthz HTTP/1.1\r\nhost:"),
            cut_after(b"PRI * HTTP"),
            cut_after(b""),
        )
    };
    let body = async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = b"POST /v1/login HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
        stream.write_all(head).await.unwrap();
        let since = Instant::now();
        let mut rest = vec![0; 4096];
        let read = stream.read(&mut rest).await.unwrap();
        assert_eq!(parse(&rest[..read]).problem(408), "request_timeout");
        since.elapsed()
    };
    let (headers, body) = tokio::join!(headers, body);
    for headers in [headers.0, headers.1, headers.2] {
        assert!(
            (Duration::from_secs(9)..Duration::from_secs(25)).contains(&headers),
            "{headers:?}"
        );
    }
    assert!(
        (Duration::from_secs(29)..Duration::from_secs(45)).contains(&body),
        "{body:?}"
    );
}

/// Asks over an open connection; `None` where it was closed instead.
async fn ask(stream: &mut TcpStream) -> Option<u16> {
    let request = b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut received = vec![0; 4096];
    let read = stream.read(&mut received).await.ok().filter(|n| *n > 0)?;
    Some(parse(&received[..read]).status)
}

#[tokio::test]
async fn connections_beyond_the_cap_are_closed_until_there_is_room() {
    let server = Server::start_small(2).await;
    let connect = || async { TcpStream::connect(server.address).await.unwrap() };
    let (mut first, mut second) = (connect().await, connect().await);
    assert_eq!(ask(&mut first).await, Some(200));
    assert_eq!(ask(&mut second).await, Some(200));
    assert_eq!(ask(&mut connect().await).await, None);
    assert_eq!(ask(&mut first).await, Some(200));
    drop(second);
    let answered = async {
        while ask(&mut connect().await).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(20), answered).await;
    assert!(answered.is_ok(), "a place that was given back stays taken");
    // What was refused gave nothing back that it did not have.
    let (mut third, mut fourth) = (connect().await, connect().await);
    let both = (ask(&mut third).await, ask(&mut fourth).await);
    assert_ne!(both, (Some(200), Some(200)));
}

/// The caps are those of HTTP/1, so nobody may speak another version.
#[tokio::test]
async fn http_2_is_not_spoken() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.unwrap();
    let mut received = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut received));
    assert!(read.await.is_ok(), "the connection stays open");
    assert!(
        received.is_empty() || received.starts_with(b"HTTP/1.1 400 "),
        "{received:?}"
    );
}
