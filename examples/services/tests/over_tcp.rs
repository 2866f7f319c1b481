//! Each of them, spoken to over a real connection.

mod over {
    pub(crate) mod described;
    pub(crate) mod grpc;
    pub(crate) mod plain;
    pub(crate) mod socket;
}

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves on a port of its own for as long as the test runs.
async fn serving<F, S>(serve: F) -> SocketAddr
where
    F: FnOnce(TcpListener) -> S,
    S: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = serve(listener);
    tokio::spawn(async move { serving.await.unwrap() });
    address
}

/// What is answered, whole, to `GET /` and such, with these header lines and this body.
async fn ask(address: SocketAddr, request: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
