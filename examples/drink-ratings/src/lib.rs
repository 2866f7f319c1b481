//! Drink ratings: testimonials that everybody reads and that signed-in people write, behind the interface of an extension
//! library for Flask: its tokens, its settings, its words.

#![forbid(unsafe_code)]

mod answer;
mod lifetimes;
mod store;
mod testimonials;
mod tokens;
mod users;

use std::path::Path;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use examples_common::{EitherPath as _, take_over};
use keystile::{
    Clock, Expected, Guard, KeySet, Random, SubjectRule, Trust, Verifier, VerifyingKey,
};
use keystile_accounts::{AccountIds, Accounts, NewAccount, PasswordPolicy};

use crate::answer::Refused;
pub use crate::lifetimes::Lifetimes;
use crate::store::Testimonials;
use crate::tokens::ADMIN;

/// What every route reaches. The guard in it is what lets a handler ask for a caller.
#[derive(Clone, Debug)]
pub struct App {
    accounts: Accounts,
    testimonials: Testimonials,
    guard: Guard,
    /// Whose refresh tokens are exchanged: those of the extension library, under the same secret.
    originals: Verifier,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

impl App {
    /// Opens the file. `secret` signs; its text is the key.
    pub async fn open(
        file: &Path,
        secret: &str,
        lifetimes: Lifetimes,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let accounts = Accounts::builder(&format!("sqlite://{}", file.display()))
            .signing_secret(secret)
            .refresh_hash_key(secret)
            .token_type("JWT")
            .minimal_claims()
            .not_before()
            .session_claims(tokens::claims)
            .access_lifetime(lifetimes.access)
            .refresh_lifetime(lifetimes.refresh)
            .idle_limit(lifetimes.inactivity)
            .account_ids(AccountIds::Sequence)
            .password_policy(PasswordPolicy::default().shortest(8).allow_common())
            .clock(clock.clone())
            .random(random)
            .open()
            .await?;
        // The original's tokens have a `sub` of text, of a number, or none at all. What makes a token one of this kind,
        // and not of another program under the same secret, is its `type`.
        let guard = accounts
            .guard()
            .subject(SubjectRule::Unchecked)
            .require_claim("type", "access")
            .refusals(tokens::refused);
        // No `LegacyTrust`, which wants to know when the other program stops: under one secret, both may run for good.
        let originals = Verifier::new(Trust {
            issuer: Expected::Absent,
            audience: Expected::Absent,
            token_type: "JWT".into(),
            keys: KeySet::from(VerifyingKey::hs256(secret)?),
        })
        .subject(SubjectRule::Unchecked)
        .require_claim("type", "refresh")
        .clock(clock);
        Ok(Self {
            accounts,
            testimonials: Testimonials::open(file)?,
            guard,
            originals,
        })
    }

    /// Makes an account of each user of the original program's file: their numbers, names and bcrypt hashes.
    pub async fn take_over(&self, old: &Path) -> Result<()> {
        take_over(old, "username", &self.accounts, |name| {
            NewAccount::username(name)
        })
        .await?;
        Ok(())
    }

    /// Gives somebody the role `admin`. No route does.
    pub async fn make_admin(&self, name: &str) -> Result<()> {
        let found = self.accounts.find_account(name).await?;
        let account = found.with_context(|| {
            format!("there is no user {name:?}: create it first with POST /api/create_user")
        })?;
        let roles = [ADMIN.to_owned()];
        self.accounts.set_roles(None, &account.id, &roles).await?;
        println!("{name} is an administrator now.");
        Ok(())
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .either("/api/create_user", post(users::create))
            .either("/api/login", post(users::login))
            .either("/api/refresh", post(users::refresh))
            .either("/api/logout", delete(users::logout))
            .either("/api/change_password", post(users::change_password))
            .either("/protected", get(users::protected))
            .either(
                "/api/testimonials",
                get(testimonials::list).post(testimonials::add),
            )
            .either(
                "/api/testimonials/{id}",
                get(testimonials::show)
                    .post(testimonials::change)
                    .put(testimonials::change)
                    .delete(testimonials::delete),
            )
            .fallback(async || Refused::new(StatusCode::NOT_FOUND, "not found").into_response())
            .method_not_allowed_fallback(async || {
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").into_response()
            })
            .with_state(self)
    }
}
