//! The HTTP API: the router, and one file per endpoint with its types, its description and its handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::response::IntoResponse;
use keystile::{Clock, Guard, Random};
use keystile_accounts::Accounts;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Network;
use problem::Problem;

mod account;
mod admin;
mod body;
mod cached;
mod caller;
mod client;
mod connection;
mod cookies;
mod cursor;
mod edge;
mod email;
mod health;
mod jwks;
mod key;
mod listen;
mod login;
mod logout;
mod me;
mod oauth;
mod openapi;
mod peer;
mod places;
mod problem;
mod query;
mod readers;
mod readiness;
mod refresh;
mod request_id;
mod revocations;
mod signup;
mod tokens;
mod wire;

pub use account::{AccountBody, rfc3339};
pub use client::{ClientBody, NewClientBody};
pub use edge::HEADER_CAP;
pub use key::{KeyBody, NextBody};
pub use listen::{Certificate, Stop, listen};
pub use openapi::document;
pub use readiness::Readiness;

/// What the router needs to know beside the accounts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anybody may make an account.
    pub signup_open: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Origins of pages that may sign in by cookie, beside the issuer's own: `https://app.example`, as browsers write them.
    pub cookie_origins: Vec<String>,
    /// Whether the server wants requests.
    pub readiness: Readiness,
    /// Most readers of the revocation feed at a time: each keeps a connection.
    pub feed_readers: usize,
    /// The clock of cursors.
    pub clock: Clock,
    /// Where request ids come from.
    pub random: Random,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signup_open: false,
            trusted_proxies: Vec::new(),
            cookie_origins: Vec::new(),
            readiness: Readiness::default(),
            feed_readers: 2_048,
            clock: Clock::system(),
            random: Random::system(),
        }
    }
}

/// What every handler can reach.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) accounts: Accounts,
    pub(crate) guard: Guard,
    pub(crate) settings: Arc<Settings>,
    pub(crate) cursors: cursor::Cursors,
    pub(crate) cookies: cookies::Cookies,
    pub(crate) readers: readers::Readers,
}

impl FromRef<App> for Guard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

/// Keystile's HTTP API over `accounts`, to serve by itself or to nest in a program of one's own.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that limits on guessing know
/// who asks. The caps on headers' size and on slow senders below HTTP are the server's that runs it.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use keystile_accounts::Accounts;
/// use keystile_server::{Settings, router};
///
/// let accounts = Accounts::builder("sqlite://shop.db").issuer("https://shop.example").open().await?;
/// let settings = Settings { signup_open: true, ..Settings::default() };
/// let app = router(accounts, settings);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let service = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
/// axum::serve(listener, service).await?;
/// # Ok(())
/// # }
/// ```
pub fn router(accounts: Accounts, settings: Settings) -> Router {
    let edge = edge::Edge {
        ids: request_id::RequestIds::new(&settings.random),
        readiness: settings.readiness.clone(),
    };
    let cursors = cursor::Cursors::new(accounts.cursor_secret(), settings.clock.clone());
    let (issuer, secret) = (accounts.issuer(), accounts.csrf_secret());
    let cookies = cookies::Cookies::new(issuer, &settings.cookie_origins, secret);
    let guard = cookies
        .read_by(accounts.guard())
        .realm("keystile")
        .refusals(|refusal, _| Problem::refused(refusal).into_response());
    let guard = match oauth::resource::of_issuer(accounts.issuer()) {
        Some(resource) => guard.resource(&resource),
        None => guard,
    };
    let readers = readers::Readers::new(
        accounts.revocation_feed(),
        settings.feed_readers,
        settings.readiness.clone(),
    );
    let app = App {
        readers,
        accounts,
        guard,
        settings: Arc::new(settings),
        cursors,
        cookies,
    };
    let (routes, _) = described().split_for_parts();
    routes
        .layer(axum::middleware::from_fn_with_state(edge, edge::pass))
        .with_state(app)
}

/// Every route with its description.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(signup::signup))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .merge(me::routes())
        .merge(admin::routes())
        .merge(oauth::routes())
        .routes(routes!(jwks::jwks))
        .routes(routes!(revocations::revocations))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(openapi::openapi))
}
