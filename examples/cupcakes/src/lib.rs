//! Cupcakes: recipes that everybody reads and that signed-in people write. Tokens in place of Basic on every call.

#![forbid(unsafe_code)]

mod answer;
mod cupcakes;
mod sealed;
mod store;
mod users;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use examples_common::{EitherPath as _, take_over};
use keystile::{Clock, Guard, Random, SubjectRule};
use keystile_accounts::{AccountIds, Accounts, NewAccount, PasswordPolicy};

use crate::answer::Refused;
use crate::sealed::EncryptionKey;
use crate::store::Cupcakes;
use crate::users::Email;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What every route reaches. The guard in it is what lets a handler ask for a caller.
#[derive(Clone, Debug)]
pub struct App {
    accounts: Accounts,
    cupcakes: Cupcakes,
    guard: Guard,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

impl App {
    /// Opens the file. `token_secret` signs (its text is the key), `encryption_key` (64 hexadecimal digits) encrypts.
    pub async fn open(
        file: &Path,
        token_secret: &str,
        encryption_key: &str,
        clock: Clock,
        random: Random,
    ) -> Result<Self> {
        let encryption_key = EncryptionKey::from_hex(encryption_key, random.clone())?;
        // They make the file, readable by its owner only.
        let accounts = Accounts::builder(&format!("sqlite://{}", file.display()))
            .signing_secret(token_secret)
            .refresh_hash_key(token_secret)
            .token_type("JWT")
            .minimal_claims()
            .extra_claims(|account| Email {
                email: account.email.clone().unwrap_or_default(),
            })
            .access_lifetime(DAY)
            .account_ids(AccountIds::Sequence)
            .password_policy(PasswordPolicy::default().shortest(8).allow_common())
            .clock(clock)
            .random(random)
            .open()
            .await?;
        let cupcakes = Cupcakes::open(file, encryption_key)?;
        // The original's tokens have no `sub`; every token must have our claim, `email`.
        let guard = accounts
            .guard()
            .subject(SubjectRule::Unchecked)
            .refusals(users::refused);
        Ok(Self {
            accounts,
            cupcakes,
            guard,
        })
    }

    /// Makes an account of each user of the original program's file: its addresses and bcrypt hashes.
    pub async fn take_over(&self, old: &Path) -> Result<()> {
        take_over(old, "email", &self.accounts, |email| {
            NewAccount::with_email(email)
        })
        .await?;
        Ok(())
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .either("/users", get(users::me).post(users::sign_up))
            .either("/users/login", get(users::sign_in).post(users::sign_in))
            .either("/cupcakes", get(cupcakes::list).post(cupcakes::add))
            .either(
                "/cupcakes/{id}",
                get(cupcakes::show).delete(cupcakes::delete),
            )
            .fallback(async || Refused::new(StatusCode::NOT_FOUND, "Not found").into_response())
            .method_not_allowed_fallback(async || {
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed").into_response()
            })
            .with_state(self)
    }
}
