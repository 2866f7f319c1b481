//! `customers`, `customers init`, `customers make-admin NAME`, `customers --demo`.

#![forbid(unsafe_code)]

use anyhow::Result;
use customers::{App, make_admin};
use examples_common::{Example, Settings, words};
use keystile::{Clock, Random};
use keystile_accounts::Account;

const CUSTOMERS: Example = Example {
    name: "customers",
    secrets: &["SECRET_KEY"],
    calls: include_str!("demo.txt"),
};

#[tokio::main]
async fn main() -> Result<()> {
    let open = async |settings: &Settings| {
        let file = CUSTOMERS.database(settings);
        let secret_key = settings.secret("SECRET_KEY")?;
        let app = App::open(&file, secret_key, Clock::system(), Random::system()).await?;
        Ok(app.router())
    };
    match words()[..] {
        [] => CUSTOMERS.start(open).await,
        ["init"] => CUSTOMERS.init(),
        ["make-admin", name] => promote(name).await,
        ["--demo"] => CUSTOMERS.demo(&[], open).await,
        _ => CUSTOMERS.usage("[init | make-admin USERNAME-OR-EMAIL | --demo]"),
    }
}

async fn promote(name: &str) -> Result<()> {
    let settings = Settings::read()?;
    let file = CUSTOMERS.database(&settings);
    let secret_key = settings.secret("SECRET_KEY")?;
    let Account {
        id,
        username,
        email,
        ..
    } = make_admin(&file, secret_key, name, Clock::system()).await?;
    let (username, email) = (username.unwrap_or_default(), email.unwrap_or_default());
    println!("Customer {id}, {username}, {email}, is an administrator from the next sign-in on.");
    Ok(())
}
