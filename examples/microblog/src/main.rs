//! `microblog`, `microblog init`, `microblog --demo`, `microblog seed --posts N`.

#![forbid(unsafe_code)]

use std::io::{IsTerminal as _, stderr};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use examples_common::{Server, Settings, fresh_secret, write_env};
use indicatif::{ProgressBar, ProgressStyle};
use keystile::{Clock, Random};
use microblog::{App, Part};

const SECRET: &str = "JWT_SIGNING_KEY";
/// The text's payloads and all that follows from them, as curl calls.
const CALLS: &str = include_str!("demo.txt");
const USAGE: &str = "usage: microblog [init | --demo | seed --posts N]";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => start().await,
        ["init"] => write_env(Path::new(".env"), &[SECRET], &Random::system()),
        ["--demo"] => demo().await,
        ["seed", "--posts", posts] => seed(posts.parse().context(USAGE)?).await,
        _ => bail!(USAGE),
    }
}

async fn open(settings: &Settings) -> Result<App> {
    let file = Path::new(settings.get("MICROBLOG_DB").unwrap_or("./microblog.db"));
    let secret = settings.secret(SECRET)?;
    App::open(file, secret, Clock::system(), Random::system()).await
}

async fn start() -> Result<()> {
    let settings = Settings::read()?;
    let part = Part::parse(settings.get("MICROBLOG_PART"))?;
    let app = open(&settings).await?;
    let server = Server::listen(&settings).await?;
    server.serve(app.router(part)).await
}

/// Needs nothing and leaves nothing: a random secret, a database in a temporary folder.
async fn demo() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let secret = fresh_secret(&Random::system());
    let file = folder.path().join("microblog.db");
    let app = App::open(&file, &secret, Clock::system(), Random::system()).await?;
    let server = Server::listen(&Settings::read()?).await?;
    println!("{SECRET}={secret}\n");
    let calls = CALLS.replace("localhost:5000", &server.address.to_string());
    println!("{calls}");
    server.serve(app.router(Part::Both)).await
}

async fn seed(posts: u64) -> Result<()> {
    let app = open(&Settings::read()?).await?;
    // A bar is for eyes; a file or a pipe gets the last line only.
    let bar = match stderr().is_terminal() {
        true => ProgressBar::new(1),
        false => ProgressBar::hidden(),
    };
    bar.set_style(ProgressStyle::with_template("{msg:>9} {wide_bar} {pos}/{len}")?);
    let seeded = app.seed(posts, &Random::system(), |what, done, all| {
        bar.set_message(what);
        bar.set_length(all);
        bar.set_position(done);
    });
    let seeded = seeded.await?;
    bar.finish_and_clear();
    println!(
        "Seeded {posts} posts. Sign in as {} with the password {}",
        seeded.username, seeded.password
    );
    Ok(())
}
