//! Each of the three, spoken to over a real connection.

mod over {
    pub(crate) mod grpc;
    pub(crate) mod plain;
    pub(crate) mod socket;
}

use std::future::Future;
use std::net::SocketAddr;

use keystile::{Claims, Clock, Guard, SigningKey, Timestamp};
use tokio::net::TcpListener;

const SECRET: [u8; 32] = [7; 32];
const NOW: i64 = 1_800_000_000;

/// A guard and its clock.
fn guard() -> (Guard, Clock) {
    let clock = Clock::manual(Timestamp::from_seconds(NOW));
    (Guard::hs256(SECRET).unwrap().clock(clock.clone()), clock)
}

/// Ada's, good for 15 minutes.
fn token() -> String {
    let claims = Claims {
        jti: Some("of-ada".into()),
        ..Claims::new("ada", NOW + 900)
    };
    SigningKey::hs256(SECRET).unwrap().issue(&claims).unwrap()
}

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
