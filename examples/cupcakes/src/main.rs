//! `cupcakes`, `cupcakes init`, `cupcakes --demo`.

#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::{Result, bail};
use cupcakes::App;
use examples_common::{Server, Settings, fresh_secret, write_env};
use keystile::{Clock, Random};

const SECRETS: [&str; 2] = ["TOKEN_SECRET", "ENCRYPTION_KEY"];
/// The text's curl calls, in its order.
const CALLS: &str = include_str!("demo.txt");

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => start().await,
        ["init"] => write_env(Path::new(".env"), &SECRETS, &Random::system()),
        ["--demo"] => demo().await,
        _ => bail!("usage: cupcakes [init | --demo]"),
    }
}

async fn start() -> Result<()> {
    let settings = Settings::read()?;
    let [token_secret, encryption_key] =
        [settings.secret(SECRETS[0])?, settings.secret(SECRETS[1])?];
    let file = Path::new(settings.get("CUPCAKES_DB").unwrap_or("./cupcakes.db"));
    let app = App::open(
        file,
        token_secret,
        encryption_key,
        Clock::system(),
        Random::system(),
    )
    .await?;
    Server::listen(&settings).await?.serve(app.router()).await
}

/// Needs nothing and leaves nothing: random secrets, a database in a temporary folder.
async fn demo() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let random = Random::system();
    let [token_secret, encryption_key] = [fresh_secret(&random), fresh_secret(&random)];
    let file = folder.path().join("cupcakes.db");
    let app = App::open(
        &file,
        &token_secret,
        &encryption_key,
        Clock::system(),
        random,
    )
    .await?;
    let server = Server::listen(&Settings::read()?).await?;
    println!("TOKEN_SECRET={token_secret}\nENCRYPTION_KEY={encryption_key}\n");
    println!(
        "{}",
        CALLS.replace("localhost:5000", &server.address.to_string())
    );
    server.serve(app.router()).await
}
