//! `quickstart`, `quickstart init`, `quickstart hash NAME`, `quickstart --demo`: where secret and users come from.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use examples_common::{Example, Settings, read_password, words};
use keystile::Random;
use keystile_accounts::{Hashing, PasswordPolicy, Passwords};

const QUICKSTART: Example = Example {
    name: "quickstart",
    secrets: &["SECRET_KEY"],
    calls: include_str!("demo.txt"),
};

pub(crate) async fn run() -> Result<()> {
    match words()[..] {
        [] => QUICKSTART.start(open).await,
        ["init"] => QUICKSTART.init(),
        ["hash", name] => print_line(name).await,
        ["--demo"] => {
            let user = format!("user:{}", hash("password").await?);
            QUICKSTART.demo(&[("QUICKSTART_USERS", &user)], open).await
        }
        _ => QUICKSTART.usage("[init | hash NAME | --demo]"),
    }
}

async fn open(settings: &Settings) -> Result<Router> {
    let secret = settings.secret("SECRET_KEY")?;
    let users = settings
        .get("QUICKSTART_USERS")
        .context("QUICKSTART_USERS is not set: `-- hash NAME` asks for a password and prints the line for .env")?;
    super::router(secret, passwords(users)?)
}

/// Reads `name:hash` pairs, parted by `;`.
fn passwords(users: &str) -> Result<Passwords> {
    let mut passwords = Passwords::start(Hashing::default(), Random::system())?;
    let mut names = BTreeSet::new();
    for pair in users
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (name, hash) = pair
            .split_once(':')
            .context("QUICKSTART_USERS: write name:hash, parted by `;`")?;
        ensure!(
            names.insert(name),
            "QUICKSTART_USERS: {name} is in it twice; keep the one that is right"
        );
        passwords.insert(name, hash).with_context(|| {
            format!(
                "QUICKSTART_USERS: {name}: put the line in single quotes, as `-- hash` prints it"
            )
        })?;
    }
    ensure!(
        !names.is_empty(),
        "QUICKSTART_USERS names nobody: `-- hash NAME` asks for a password and prints the line for .env"
    );
    Ok(passwords)
}

/// Prints the line for `.env`. Single quotes keep the hash's dollar signs as they are.
async fn print_line(name: &str) -> Result<()> {
    let breaks = |c: char| c.is_control() || matches!(c, ':' | ';' | '\'');
    if name.is_empty() || name.trim() != name || name.contains(breaks) {
        bail!(
            "a name is not empty, has no space at its ends, and no colon, semicolon, single quote or control character"
        );
    }
    let hash = hash(&read_password()?).await?;
    println!("QUICKSTART_USERS='{name}:{hash}'");
    Ok(())
}

async fn hash(password: &str) -> Result<String> {
    let policy = PasswordPolicy::default().shortest(8).allow_common();
    Ok(Passwords::start(Hashing::default(), Random::system())?
        .hash(password, policy)
        .await?)
}
