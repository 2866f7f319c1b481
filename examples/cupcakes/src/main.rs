//! `cupcakes`, `cupcakes init`, `cupcakes take-over OLD.db`, `cupcakes --demo`.

#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::Result;
use cupcakes::App;
use examples_common::{Example, Settings, can_be_taken_over, words};
use keystile::{Clock, Random};

const CUPCAKES: Example = Example {
    name: "cupcakes",
    secrets: &["TOKEN_SECRET", "ENCRYPTION_KEY"],
    calls: include_str!("demo.txt"),
};

#[tokio::main]
async fn main() -> Result<()> {
    let open_router = async |settings: &Settings| Ok(open(settings).await?.router());
    match words()[..] {
        [] => CUPCAKES.start(open_router).await,
        ["init"] => CUPCAKES.init(),
        ["take-over", old] => {
            can_be_taken_over(Path::new(old), "email")?;
            open(&Settings::read()?)
                .await?
                .take_over(Path::new(old))
                .await
        }
        ["--demo"] => CUPCAKES.demo(&[], open_router).await,
        _ => CUPCAKES.usage("[init | take-over OLD.db | --demo]"),
    }
}

async fn open(settings: &Settings) -> Result<App> {
    App::open(
        &CUPCAKES.database(settings),
        settings.secret("TOKEN_SECRET")?,
        settings.secret("ENCRYPTION_KEY")?,
        Clock::system(),
        Random::system(),
    )
    .await
}
