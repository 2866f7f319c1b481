//! The load: each connection does one thing in a loop until it is not answered or the load is over, and remembers what it
//! was answered.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use super::tally::Tally;
use crate::client::Client;
use crate::person::{self, PASSWORD, Tokens};

/// Signs up one person after the other.
#[derive(Debug)]
pub(super) struct Registrant {
    names: String,
    signed_up: usize,
    /// Names whose sign-up was acknowledged in this life.
    pub(super) acknowledged: Vec<String>,
    /// The name whose sign-up was not answered.
    pub(super) unanswered: Option<String>,
    /// What was answered that should not have been.
    pub(super) odd: Vec<String>,
}

impl Registrant {
    pub(super) fn new(names: String) -> Self {
        Self {
            names,
            signed_up: 0,
            acknowledged: Vec::new(),
            unanswered: None,
            odd: Vec::new(),
        }
    }

    pub(super) async fn live(mut self, address: SocketAddr, tally: &Tally) -> Self {
        let mut client = Client::new(address);
        while !tally.is_over() {
            self.signed_up += 1;
            let name = format!("{}-{}", self.names, self.signed_up);
            let sign_up = person::sign_up(&name, PASSWORD);
            match tally.send_hashed(&mut client, &sign_up).await {
                Ok(answer) if answer.status == 201 => self.acknowledged.push(name),
                // Nothing was promised.
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
        self
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
    pub(super) async fn new(client: &mut Client, name: String) -> anyhow::Result<Self> {
        let account = person::new_account(client, &name).await?;
        let tokens = person::new_session(client, &name, PASSWORD).await?;
        Ok(Self {
            name,
            account,
            tokens,
            consumed: None,
            acknowledged: 0,
            odd: Vec::new(),
        })
    }

    pub(super) async fn live(mut self, address: SocketAddr, tally: &Tally) -> Self {
        let mut client = Client::new(address);
        self.consumed = None;
        self.acknowledged = 0;
        while !tally.is_over() {
            let refresh = person::refresh(&self.tokens.refresh);
            let Ok(answer) = tally.send(&mut client, &refresh).await else {
                return self;
            };
            // Whether it was done is not known: the same token is sent again.
            if answer.is_busy() {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
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
        self
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
    pub(super) async fn new(client: &mut Client, name: String) -> anyhow::Result<Self> {
        person::new_account(client, &name).await?;
        Ok(Self {
            name,
            left: Vec::new(),
            leaving: None,
            odd: Vec::new(),
        })
    }

    pub(super) async fn live(mut self, address: SocketAddr, tally: &Tally) -> Self {
        let mut client = Client::new(address);
        while !tally.is_over() {
            let sign_in = person::sign_in(&self.name, PASSWORD);
            let Ok(answer) = tally.send_hashed(&mut client, &sign_in).await else {
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
            let sign_out = person::sign_out(&tokens.access, "this");
            match tally.send(&mut client, &sign_out).await {
                Ok(answer) if answer.status == 204 => self.left.push(tokens),
                Ok(answer) if !answer.is_busy() => self
                    .odd
                    .push(format!("a sign-out was answered {}", answer.brief())),
                // Not answered, or it is not known whether it was done.
                _ => {
                    self.leaving = Some(tokens);
                    return self;
                }
            }
        }
        self
    }
}
