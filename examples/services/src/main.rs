//! `cargo run -p services -- plain|grpc|socket|described`: one of the four on loopback, with a token that lets you in.

use std::time::Duration;

use anyhow::{Context, bail};
use keystile::{Claims, Clock, Guard, Random, SigningKey};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let which = std::env::args().nth(1).unwrap_or_default();
    let secret = Random::system().bytes::<32>();
    let guard = Guard::hs256(secret)?;
    let expires = Clock::system().now().as_seconds() + 900;
    let token = SigningKey::hs256(secret)?.issue(&Claims::new("ada", expires))?;

    let listener = TcpListener::bind("127.0.0.1:3000").await;
    let listener = listener.context("127.0.0.1:3000 is taken; stop what listens there")?;
    println!(
        "{which} on {}; for 15 minutes good: Authorization: Bearer {token}",
        listener.local_addr()?
    );
    match which.as_str() {
        "plain" => services::plain::serve(listener, guard).await,
        "grpc" => services::grpc::serve(listener, &guard).await,
        "socket" => {
            let app = services::socket::router(guard, Duration::from_secs(1));
            Ok(axum::serve(listener, app).await?)
        }
        "described" => Ok(axum::serve(listener, services::described::router(guard)).await?),
        _ => bail!("say which: plain, grpc, socket or described"),
    }
}
