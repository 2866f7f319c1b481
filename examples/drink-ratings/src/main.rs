//! `drink-ratings`, `drink-ratings init`, `… make-admin NAME`, `… take-over OLD.db`, `… --demo`.

#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::Result;
use drink_ratings::{App, Lifetimes};
use examples_common::{Example, Settings, can_be_taken_over, words};
use keystile::{Clock, Random};

const DRINK_RATINGS: Example = Example {
    name: "drink-ratings",
    secrets: &["JWT_SECRET_KEY"],
    calls: include_str!("demo.txt"),
};

#[tokio::main]
async fn main() -> Result<()> {
    let open_router = async |settings: &Settings| Ok(open(settings).await?.router());
    match words()[..] {
        [] => DRINK_RATINGS.start(open_router).await,
        ["init"] => DRINK_RATINGS.init(),
        ["make-admin", name] => open(&Settings::read()?).await?.make_admin(name).await,
        ["take-over", old] => {
            can_be_taken_over(Path::new(old), "username")?;
            open(&Settings::read()?)
                .await?
                .take_over(Path::new(old))
                .await
        }
        ["--demo"] => DRINK_RATINGS.demo(&[], open_router).await,
        _ => DRINK_RATINGS.usage("[init | make-admin NAME | take-over OLD.db | --demo]"),
    }
}

async fn open(settings: &Settings) -> Result<App> {
    App::open(
        &DRINK_RATINGS.database(settings),
        settings.secret("JWT_SECRET_KEY")?,
        Lifetimes::read(settings)?,
        Clock::system(),
        Random::system(),
    )
    .await
}
