//! Customers: anybody signs up, whoever signed in sees the list, an administrator deletes.

#![forbid(unsafe_code)]

mod answer;
mod caller;
mod customers;
mod form;
mod membership;
mod page;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use examples_common::EitherPath as _;
use keystile::{Clock, Guard, Random};
use keystile_accounts::{Account, Accounts, Builder, PasswordPolicy, ServerLock};

use crate::answer::Refused;
use crate::caller::Role;
use crate::store::Customers;

const HOUR: Duration = Duration::from_secs(60 * 60);
const ADMIN: &str = "admin";

/// What every route reaches. The guard in it is what lets a handler ask for a caller.
#[derive(Clone, Debug)]
pub struct App {
    accounts: Accounts,
    customers: Customers,
    guard: Guard,
    _only_server: Arc<ServerLock>,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

impl App {
    /// Opens the file. `secret_key` signs: its text is the key.
    pub async fn open(file: &Path, secret_key: &str, clock: Clock, random: Random) -> Result<Self> {
        let builder = accounts(file, secret_key).clock(clock).random(random);
        let only_server = builder.claim_server_lock()?;
        let accounts = builder.open().await?;
        let app = Self {
            customers: Customers::open(file)?,
            guard: accounts.guard().refusals(caller::refused),
            accounts,
            _only_server: Arc::new(only_server),
        };
        app.settle_all().await?;
        Ok(app)
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .either(
                "/customers",
                get(customers::find_all).post(customers::sign_up),
            )
            .either("/customers/login", post(customers::sign_in))
            .either(
                "/customers/{id}",
                get(customers::show).delete(customers::delete),
            )
            .fallback(async || Refused::new(StatusCode::NOT_FOUND, "Not found").into_response())
            .method_not_allowed_fallback(async || {
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed").into_response()
            })
            .with_state(self)
    }
}

/// Makes an administrator of the customer with this username or e-mail address, also while the server runs. The tokens
/// that they have are refused from then on: the next sign-in gives one that says `admin`. Returns their account.
pub async fn make_admin(
    file: &Path,
    secret_key: &str,
    name: &str,
    clock: Clock,
) -> Result<Account> {
    if !file.exists() {
        anyhow::bail!(
            "{} is not there; start the program first, and sign up",
            file.display()
        );
    }
    let accounts = accounts(file, secret_key).clock(clock).open().await?;
    let account = accounts.find_account(name).await?;
    let account = account.with_context(|| format!("nobody is called {name}; sign up first"))?;
    accounts
        .set_roles(None, &account.id, &[ADMIN.to_owned()])
        .await?;
    accounts.close().await;
    Ok(account)
}

/// The accounts in this file, and what their tokens say.
fn accounts(file: &Path, secret_key: &str) -> Builder {
    Accounts::builder(&format!("sqlite://{}", file.display()))
        .signing_secret(secret_key)
        .refresh_hash_key(secret_key)
        .token_type("JWT")
        .minimal_claims()
        .extra_claims(|account: &Account| Role {
            admin: account.roles.iter().any(|role| role == ADMIN),
        })
        .access_lifetime(HOUR)
        .password_policy(PasswordPolicy::default().shortest(8).allow_common())
}
