//! `microblog`, `microblog init`, `microblog take-over OLD.db`, `microblog seed --posts N`, `microblog --demo`.

#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use examples_common::{Example, Settings, words};
use indicatif::{ProgressBar, ProgressStyle};
use keystile::{Clock, Random};
use microblog::{App, Part, SEEDED_NAME};

const MICROBLOG: Example = Example {
    name: "microblog",
    secrets: &["JWT_SIGNING_KEY"],
    calls: include_str!("demo.txt"),
};

#[tokio::main]
async fn main() -> Result<()> {
    let open_router = async |settings: &Settings| {
        let part = Part::parse(settings.get("MICROBLOG_PART"))?;
        match settings.get("KEYSTILE_ISSUER") {
            Some(issuer) => apart(settings, issuer, part).await,
            None => Ok(open(settings).await?.router(part)),
        }
    };
    match words()[..] {
        [] => MICROBLOG.start(open_router).await,
        ["init"] => MICROBLOG.init(),
        ["take-over", old] => {
            examples_common::can_be_taken_over(Path::new(old), "username")?;
            let app = open(&Settings::read()?).await?;
            app.take_over(Path::new(old)).await
        }
        ["seed", "--posts", posts] => seed(posts).await,
        ["--demo"] => MICROBLOG.demo(&[], open_router).await,
        _ => MICROBLOG.usage("[init | take-over OLD.db | seed --posts N | --demo]"),
    }
}

/// The application alone, for the people of a Keystile server.
async fn apart(settings: &Settings, issuer: &str, part: Part) -> Result<Router> {
    ensure!(
        part != Part::Auth,
        "MICROBLOG_PART is `auth`, and people sign in at KEYSTILE_ISSUER: leave out one of the two"
    );
    let wanted = |name| {
        let cure = "make a client of the server's with `keystile client create microblog --scope revocations:read`";
        let value = settings.get(name);
        value.with_context(|| format!("{name} is not set: {cure}, and set what it prints"))
    };
    let client = (
        wanted("KEYSTILE_CLIENT_ID")?,
        wanted("KEYSTILE_CLIENT_SECRET")?,
    );
    let file = MICROBLOG.database(settings);
    let app = App::apart(&file, issuer, client, Clock::system()).await?;
    Ok(app.router(Part::App))
}

async fn open(settings: &Settings) -> Result<App> {
    App::open(
        &MICROBLOG.database(settings),
        settings.secret("JWT_SIGNING_KEY")?,
        Clock::system(),
        Random::system(),
    )
    .await
}

async fn seed(posts: &str) -> Result<()> {
    let posts = posts
        .parse()
        .with_context(|| format!("--posts is `{posts}`, not a number of posts"))?;
    let app = open(&Settings::read()?).await?;
    // The bar shows itself on a terminal only.
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{msg:9} {bar:40} {pos} of {len}, {eta} to go",
    )?);
    let show = |what, done, all| {
        bar.set_message(what);
        bar.set_length(all);
        bar.set_position(done);
    };
    let password = app.seed(posts, &Random::system(), show).await?;
    bar.finish_and_clear();
    println!("Seeded {posts} posts. Sign in as {SEEDED_NAME} with the password {password}");
    Ok(())
}
