//! A microblog: posts, following, a timeline. Signing in and the application are two parts, together or apart.

#![forbid(unsafe_code)]

mod answer;
mod board;
mod caller;
mod fields;
mod follows;
mod page;
mod posts;
mod seed;
mod session;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use examples_common::{EitherPath as _, take_over};
use keystile::{Clock, Feed, Guard, Random};
use keystile_accounts::{AccountFilter, AccountIds, Accounts, NewAccount, PasswordPolicy};

use crate::answer::Refused;
use crate::board::Board;
use crate::caller::Name;
pub use crate::seed::SEEDED_NAME;

/// How long what was last heard of sign-outs elsewhere counts.
const HEARD: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The paths of either part. `GET /{username}` would never be asked for a user of such a name, so nobody gets one.
const AUTH: [&str; 4] = ["/signup", "/login", "/refresh", "/logout"];
const APP: [&str; 3] = ["/post", "/follow", "/timeline"];

/// Which routes a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    Both,
    /// Signing up, in and out.
    Auth,
    /// Posts, following, timelines, profiles.
    App,
}

impl Part {
    /// Reads `MICROBLOG_PART`; both where it is not set.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None => Ok(Self::Both),
            Some("auth") => Ok(Self::Auth),
            Some("app") => Ok(Self::App),
            Some(other) => bail!(
                "MICROBLOG_PART is `{other}`: write auth or app, or leave it out to serve both parts"
            ),
        }
    }
}

/// What every route reaches. The guard in it is what lets a route ask for a caller.
#[derive(Clone, Debug)]
pub struct App {
    /// None, where people sign in elsewhere.
    accounts: Option<Accounts>,
    board: Board,
    guard: Guard,
    clock: Clock,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

impl App {
    /// Opens the file. The text of `signing_key` signs; both parts have the same.
    pub async fn open(
        file: &Path,
        signing_key: &str,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let accounts = Accounts::builder(&format!("sqlite://{}", file.display()))
            .signing_secret(signing_key)
            .refresh_hash_key(signing_key)
            .token_type("JWT")
            .minimal_claims()
            .extra_claims(Name::of)
            .access_lifetime(HOUR)
            .account_ids(AccountIds::Sequence)
            .password_policy(PasswordPolicy::default().shortest(8).allow_common())
            .clock(clock.clone())
            .random(random)
            .open()
            .await?;
        let guard = accounts.guard().refusals(caller::refused);
        Ok(Self {
            accounts: Some(accounts),
            board: Board::open(file)?,
            guard,
            clock,
        })
    }

    /// The application alone: people sign in at a Keystile server, whose tokens are trusted by its published keys, and
    /// whose sign-outs are heard of as this client of it.
    pub async fn apart(
        file: &Path,
        issuer: &str,
        (client_id, client_secret): (&str, &str),
        clock: Clock,
    ) -> Result<Self> {
        let feed = Feed::client(client_id, client_secret)
            .serve_stale(HEARD)
            .then_refuse();
        let guard = Guard::issuer_at(issuer)
            .audience(issuer)
            .revocations(feed)
            .clock(clock.clone())
            .connect()
            .await
            .context("KEYSTILE_ISSUER cannot be followed")?;
        Ok(Self {
            accounts: None,
            board: Board::make(file)?,
            guard: guard.refusals(caller::refused),
            clock,
        })
    }

    fn accounts(&self) -> Result<&Accounts> {
        let accounts = self.accounts.as_ref();
        accounts.context("people sign in at KEYSTILE_ISSUER: there are no accounts here")
    }

    /// Makes an account of each user of the original program's file: its names, numbers and bcrypt hashes. They have
    /// profiles, and can be followed, at once.
    pub async fn take_over(&self, old: &Path) -> Result<()> {
        let account = |username: &str| NewAccount::username(username);
        let accounts = self.accounts()?;
        take_over(old, "username", accounts, account).await?;
        let (everybody, mut next) = (AccountFilter::default(), None);
        loop {
            let page = accounts.accounts_page(next, 200, &everybody).await?;
            for account in &page.accounts {
                self.board_learns(account).await?;
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// The routes of a part.
    pub fn router(self, part: Part) -> Router {
        let mut router = Router::new();
        if part == Part::App {
            // Else `GET /{username}` would answer for them.
            router = AUTH
                .iter()
                .fold(router, |router, path| router.either(path, any(not_found)));
        } else {
            router = router
                .either("/signup", post(session::sign_up))
                .either("/login", post(session::sign_in))
                .either("/refresh", post(session::refresh))
                .either("/logout", post(session::sign_out));
        }
        if part != Part::Auth {
            router = router
                .either(
                    "/post",
                    get(posts::show).post(posts::create).delete(posts::delete),
                )
                .either("/follow", post(follows::follow).delete(follows::unfollow))
                .either("/timeline", get(posts::timeline))
                .either("/{username}", get(posts::profile));
        }
        router
            .fallback(not_found)
            .method_not_allowed_fallback(async || {
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            })
            .with_state(self)
    }
}

async fn not_found() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Not found")
}

/// Whether a user of this name would have a profile: not if another route, or a client's own tidying of paths, takes it.
fn has_a_profile(username: &str) -> bool {
    let taken = AUTH.iter().chain(&APP);
    !taken
        .map(|path| &path[1..])
        .any(|word| username.eq_ignore_ascii_case(word))
        && !username.chars().all(|letter| letter == '.')
}
