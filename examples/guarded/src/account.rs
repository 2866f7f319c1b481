//! The caller's account, out of the application's own table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use keystile::{Denied, FromCaller, Guard, Loaded, Principal, Reason};

/// An account, as the application keeps it.
#[derive(Clone, Debug)]
pub struct Account {
    /// How its owner is greeted.
    pub name: String,
    /// Whether the shop is closed to them.
    pub is_barred: bool,
}

/// What the routes share.
#[derive(Clone)]
struct Shop {
    guard: Guard,
    accounts: Arc<BTreeMap<String, Account>>,
}

impl FromRef<Shop> for Guard {
    fn from_ref(shop: &Shop) -> Self {
        shop.guard.clone()
    }
}

/// Asked once the token has been found good. A database that cannot be asked is `Reason::AccessUnknown`.
impl FromCaller<Shop> for Account {
    async fn from_caller(caller: &Principal, _: &Parts, shop: &Shop) -> Result<Self, Denied> {
        match shop.accounts.get(&caller.sub) {
            None => Err(Reason::AccountUnknown.into()),
            Some(account) if account.is_barred => {
                let answer = (StatusCode::FORBIDDEN, "ask at the counter");
                Err(Denied::answered(Reason::AccessDenied, answer))
            }
            Some(account) => Ok(account.clone()),
        }
    }
}

async fn hello(account: Loaded<Account>) -> String {
    format!("Hello, {}", account.name)
}

/// The routes, by these accounts.
pub fn router(guard: Guard, accounts: BTreeMap<String, Account>) -> Router {
    let accounts = Arc::new(accounts);
    Router::new()
        .route("/hello", get(hello))
        .with_state(Shop { guard, accounts })
}
