//! The load: each connection does one thing in a loop until the server is gone, and remembers what it was answered.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::Client;
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;

/// Signs up one person after the other.
#[derive(Debug)]
pub(super) struct Registrant {
    index: usize,
    signed_up: usize,
    /// Names whose sign-up was acknowledged in this life.
    pub(super) acknowledged: Vec<String>,
    /// The name whose sign-up was not answered.
    pub(super) unanswered: Option<String>,
    /// What was answered that should not have been.
    pub(super) odd: Vec<String>,
}

impl Registrant {
    pub(super) fn new(index: usize) -> Self {
        Self {
            index,
            signed_up: 0,
            acknowledged: Vec::new(),
            unanswered: None,
            odd: Vec::new(),
        }
    }

    pub(super) async fn live(mut self, address: SocketAddr) -> Self {
        let mut client = Client::new(address);
        loop {
            self.signed_up += 1;
            let name = format!("new-{}-{}", self.index, self.signed_up);
            match client.send(&person::sign_up(&name, PASSWORD)).await {
                Ok(answer) if answer.status == 201 => self.acknowledged.push(name),
                // Not done, and said so: that loses nothing.
                Ok(answer) if answer.is_busy() => sleep(Duration::from_millis(20)).await,
                Ok(answer) => {
                    self.odd
                        .push(format!("a sign-up was answered {}", answer.brief()));
                    sleep(Duration::from_millis(20)).await;
                }
                Err(_) => {
                    self.unanswered = Some(name);
                    return self;
                }
            }
        }
    }
}

/// Refreshes one session again and again.
#[derive(Debug)]
pub(super) struct Rotator {
    pub(super) name: String,
    pub(super) account: String,
    /// The latest pair that was acknowledged.
    pub(super) tokens: Tokens,
    /// The one before, where it was consumed in this life: its consumption was acknowledged.
    pub(super) consumed: Option<Tokens>,
    pub(super) acknowledged: usize,
    pub(super) odd: Vec<String>,
}

impl Rotator {
    pub(super) async fn new(server: &Server, index: usize) -> anyhow::Result<Self> {
        let name = format!("rotator-{index}");
        let mut client = server.client();
        let account = person::new_account(&mut client, &name).await?;
        let tokens = person::new_session(&mut client, &name, PASSWORD).await?;
        Ok(Self {
            name,
            account,
            tokens,
            consumed: None,
            acknowledged: 0,
            odd: Vec::new(),
        })
    }

    pub(super) async fn live(mut self, address: SocketAddr) -> Self {
        let mut client = Client::new(address);
        self.consumed = None;
        self.acknowledged = 0;
        loop {
            let Ok(answer) = client.send(&person::refresh(&self.tokens.refresh)).await else {
                return self;
            };
            match Tokens::from(answer, "a refresh") {
                Ok(next) => {
                    self.consumed = Some(std::mem::replace(&mut self.tokens, next));
                    self.acknowledged += 1;
                }
                Err(error) => {
                    self.odd.push(error.to_string());
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

/// Signs in and out again.
#[derive(Debug)]
pub(super) struct Leaver {
    name: String,
    /// Sessions whose sign-out was acknowledged in this life.
    pub(super) left: Vec<Tokens>,
    /// A session whose sign-out was not answered.
    pub(super) leaving: Option<Tokens>,
    pub(super) odd: Vec<String>,
}

impl Leaver {
    pub(super) async fn new(server: &Server, index: usize) -> anyhow::Result<Self> {
        let name = format!("leaver-{index}");
        person::new_account(&mut server.client(), &name).await?;
        Ok(Self {
            name,
            left: Vec::new(),
            leaving: None,
            odd: Vec::new(),
        })
    }

    pub(super) async fn live(mut self, address: SocketAddr) -> Self {
        let mut client = Client::new(address);
        loop {
            let Ok(answer) = client.send(&person::sign_in(&self.name, PASSWORD)).await else {
                return self;
            };
            if answer.is_busy() {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            let Ok(tokens) = Tokens::from(answer, "signing in")
                .map_err(|error| self.odd.push(error.to_string()))
            else {
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            match client.send(&person::sign_out(&tokens.access, "this")).await {
                Ok(answer) if answer.status == 204 => self.left.push(tokens),
                Ok(answer) => self
                    .odd
                    .push(format!("a sign-out was answered {}", answer.brief())),
                Err(_) => {
                    self.leaving = Some(tokens);
                    return self;
                }
            }
        }
    }
}
