//! `quickstart`, `quickstart init`, `quickstart hash NAME`, `quickstart --demo`: where secret and users come from.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use examples_common::{Server, Settings, fresh_secret, read_password, write_env};
use keystile::Random;
use keystile_accounts::{Hashing, PasswordPolicy, Passwords};

/// The calls of the text, in its order.
const CALLS: &str = include_str!("demo.txt");

pub(crate) async fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => start().await,
        ["init"] => write_env(Path::new(".env"), &["SECRET_KEY"], &Random::system()),
        ["hash", name] => {
            println!("{}", line(name, &hash(&read_password()?).await?)?);
            Ok(())
        }
        ["--demo"] => demo().await,
        _ => bail!("usage: quickstart [init | hash NAME | --demo]"),
    }
}

async fn start() -> Result<()> {
    let settings = Settings::read()?;
    let secret = settings.secret("SECRET_KEY")?;
    let users = settings
        .get("QUICKSTART_USERS")
        .context("QUICKSTART_USERS is not set: `-- hash NAME` asks for a password and prints the line for .env")?;
    let router = super::router(secret, passwords(users)?)?;
    Server::listen(&settings).await?.serve(router).await
}

/// Random secret, and the text's password for one user.
async fn demo() -> Result<()> {
    let secret = fresh_secret(&Random::system());
    let line = line("user", &hash("password").await?)?;
    let users = line.split('\'').nth(1).unwrap_or_default();
    let router = super::router(&secret, passwords(users)?)?;
    let server = Server::listen(&Settings::read()?).await?;
    println!("SECRET_KEY={secret}\n{line}\n");
    println!(
        "{}",
        CALLS.replace("localhost:5000", &server.address.to_string())
    );
    server.serve(router).await
}

/// Reads `name:hash` pairs, parted by `;`.
fn passwords(users: &str) -> Result<Passwords> {
    let mut passwords = Passwords::start(Hashing::default(), Random::system())?;
    for pair in users
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, hash) = pair
            .split_once(':')
            .context("QUICKSTART_USERS: write name:hash, parted by `;`")?;
        passwords.insert(name, hash).with_context(|| {
            format!(
                "QUICKSTART_USERS: {name}: put the line in single quotes, as `-- hash` prints it"
            )
        })?;
    }
    Ok(passwords)
}

async fn hash(password: &str) -> Result<String> {
    let policy = PasswordPolicy::default().shortest(8).allow_common();
    Ok(Passwords::start(Hashing::default(), Random::system())?
        .hash(password, policy)
        .await?)
}

/// The line for `.env`. Single quotes keep the hash's dollar signs as they are.
fn line(name: &str, hash: &str) -> Result<String> {
    if name.is_empty() || name.contains([':', ';', '\'']) || name.contains(char::is_control) {
        bail!("a name is not empty and has no colon, semicolon, single quote or control character");
    }
    Ok(format!("QUICKSTART_USERS='{name}:{hash}'"))
}
