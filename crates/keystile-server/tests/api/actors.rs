//! A server for one test, and those who call it: anonymous, signed in, administrator.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use keystile::{Clock, Timestamp};
use keystile_accounts::{Accounts, GuessLimits, Hashing, NewAccount};
use keystile_server::{Readiness, Settings, Stop, listen, router};
use serde_json::json;
use tempfile::TempDir;

use crate::http::{Answer, Request};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";

/// A server on a port of its own, over a database of its own, with a clock that tests turn.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
    pub(crate) readiness: Readiness,
    pub(crate) folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(GuessLimits::off(), true).await
    }

    /// One that takes so many connections at a time.
    pub(crate) async fn start_small(connections: usize) -> Self {
        Self::start_as(GuessLimits::off(), true, connections).await
    }

    /// One of another issuer, which lets pages of these origins sign in by cookie.
    pub(crate) async fn start_as_issuer(issuer: &str, origins: &[&str]) -> Self {
        let settings = Settings {
            signup_open: true,
            cookie_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            ..Settings::default()
        };
        Self::start_over(GuessLimits::off(), settings, 1000, issuer).await
    }

    pub(crate) async fn start_with(limits: GuessLimits, signup_open: bool) -> Self {
        Self::start_as(limits, signup_open, 1000).await
    }

    async fn start_as(limits: GuessLimits, signup_open: bool, connections: usize) -> Self {
        let settings = Settings {
            signup_open,
            ..Settings::default()
        };
        Self::start_over(limits, settings, connections, ISSUER).await
    }

    async fn start_over(
        limits: GuessLimits,
        settings: Settings,
        connections: usize,
        issuer: &str,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(Timestamp::from_seconds(1_800_000_000));
        let accounts = open_as(&folder, &clock, limits, issuer).await;
        let readiness = Readiness::default();
        let settings = Settings {
            readiness: readiness.clone(),
            clock: clock.clone(),
            ..settings
        };
        let app = router(accounts.clone(), settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(listen(listener, app, connections, None, Stop::default()));
        Self {
            address,
            accounts,
            clock,
            readiness,
            folder,
        }
    }

    /// Another node on the same database: its address.
    pub(crate) async fn beside(&self) -> SocketAddr {
        let accounts = open(&self.folder, &self.clock, GuessLimits::off()).await;
        let settings = Settings {
            clock: self.clock.clone(),
            ..Settings::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = router(accounts, settings);
        tokio::spawn(listen(listener, app, 1000, None, Stop::default()));
        address
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        request.send(self.address).await
    }

    /// Sends as nobody in particular.
    pub(crate) async fn anonymous(&self, method: &str, target: &str) -> Answer {
        self.send(Request::new(method, target)).await
    }

    pub(crate) async fn post(&self, target: &str, body: &serde_json::Value) -> Answer {
        self.send(Request::new("POST", target).json(body)).await
    }

    /// Signs somebody up and in.
    pub(crate) async fn person(&self, username: &str) -> Person<'_> {
        let account = json!({ "username": username, "password": PASSWORD });
        self.post("/v1/signup", &account).await.expect(201);
        self.sign_in(username).await
    }

    pub(crate) async fn sign_in(&self, username: &str) -> Person<'_> {
        let credentials = json!({ "username": username, "password": PASSWORD });
        let answer = self.post("/v1/login", &credentials).await.expect(200);
        Person::from_answer(self, &answer)
    }

    /// Somebody with the role `admin`, made as the command line makes them.
    pub(crate) async fn administrator(&self) -> Person<'_> {
        let request = NewAccount::username("root")
            .password(PASSWORD)
            .roles(["admin"]);
        self.accounts
            .create_account(None, request)
            .await
            .expect("an administrator");
        self.sign_in("root").await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Somebody who is signed in.
pub(crate) struct Person<'a> {
    server: &'a Server,
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl<'a> Person<'a> {
    pub(crate) fn from_answer(server: &'a Server, answer: &Answer) -> Self {
        Self {
            server,
            id: answer.text("/account/id"),
            session: answer.text("/session_id"),
            access: answer.text("/access_token"),
            refresh: answer.text("/refresh_token"),
        }
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        self.server.send(request.bearer(&self.access)).await
    }

    pub(crate) async fn call(&self, method: &str, target: &str) -> Answer {
        self.send(Request::new(method, target)).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        target: &str,
        body: &serde_json::Value,
    ) -> Answer {
        self.send(Request::new(method, target).json(body)).await
    }

    /// Refreshes; the next pair of tokens.
    pub(crate) async fn refreshed(&self) -> Person<'a> {
        let answer = self
            .server
            .post("/v1/refresh", &json!({ "refresh_token": self.refresh }))
            .await;
        Person::from_answer(self.server, &answer.expect(200))
    }

    /// The code with which `/v1/me` refuses the access token.
    pub(crate) async fn refused(&self) -> String {
        self.call("GET", "/v1/me").await.problem(401)
    }
}

async fn open(folder: &TempDir, clock: &Clock, limits: GuessLimits) -> Accounts {
    open_as(folder, clock, limits, ISSUER).await
}

async fn open_as(folder: &TempDir, clock: &Clock, limits: GuessLimits, issuer: &str) -> Accounts {
    let url = format!("sqlite://{}", folder.path().join("keystile.db").display());
    Accounts::builder(&url)
        .issuer(issuer)
        .clock(clock.clone())
        .guess_limits(limits)
        .hashing(Hashing::default().cost(64, 1, 1).threads(1))
        .open()
        .await
        .expect("accounts")
}
