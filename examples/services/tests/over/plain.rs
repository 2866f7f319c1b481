//! The service on hyper.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{guard, serving, token};

/// What is answered, whole.
async fn ask(address: std::net::SocketAddr, method: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_service_on_hyper_alone() {
    let guard = guard().0;
    let address = serving(|listener| services::plain::serve(listener, guard)).await;
    let answer = ask(address, "GET", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("www-authenticate: Bearer reason=\"token_missing\"\r\n"));
    assert!(answer.contains("content-type: application/problem+json\r\n"));

    let answer = ask(address, "GET", "authorization: Bearer a.b.c\r\n").await;
    assert!(answer.contains("\"code\":\"token_malformed\""), "{answer}");

    let header = format!("authorization: Bearer {}\r\n", token());
    let answer = ask(address, "GET", &header).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nHello, ada"), "{answer}");

    let answer = ask(address, "OPTIONS", "").await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}
