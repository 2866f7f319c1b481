//! A place where one race after the other is run: a person with two connections.

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinHandle;

use super::act::{Act, Rival, Way};
use crate::client::{Answer, Client, Request};
use crate::figures::Stopwatch;
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Ended;

/// How an act ended, and since when.
#[derive(Debug)]
pub(super) struct Done {
    /// The act's answer; `None` for a command.
    pub(super) answer: Option<Answer>,
    /// It was a command that found the database locked, and did nothing.
    pub(super) locked: bool,
    /// Started when the answer was there.
    pub(super) since: Stopwatch,
}

impl Done {
    /// Whether the act was put off, as a busy machine makes the server and its commands do.
    pub(super) fn is_put_off(&self) -> bool {
        self.locked || self.answer.as_ref().is_some_and(Answer::is_busy)
    }
}

/// A person in a race.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) password: String,
    /// The session that acts, or is acted upon.
    pub(super) tokens: Option<Tokens>,
    /// The refresh token that the rival presents and its session, where the rival is a refresh.
    pub(super) presented: Option<Tokens>,
    pub(super) act: Client,
    pub(super) rival: Client,
    pub(super) outcome: Option<(Done, Answer)>,
    pub(super) index: usize,
    rounds: usize,
    disabled: bool,
    all_sessions: bool,
    rival_request: Request,
    command: Option<JoinHandle<anyhow::Result<Ended>>>,
}

impl Slot {
    pub(super) async fn new(server: &Nodes, index: usize) -> anyhow::Result<Self> {
        let name = format!("racer-{index}");
        let mut act = server.client();
        let account = person::new_account(&mut act, &name).await?;
        Ok(Self {
            name,
            account,
            password: PASSWORD.to_owned(),
            tokens: None,
            presented: None,
            act,
            rival: server.client(),
            outcome: None,
            index,
            rounds: 0,
            disabled: false,
            all_sessions: false,
            rival_request: Request::get("/"),
            command: None,
        })
    }

    /// The password after the coming change.
    pub(super) fn next_password(&self) -> String {
        format!("{PASSWORD} {}", self.rounds)
    }

    /// Prepares the rival's request; a password change meets, in turn, a refresh of its own and of another session.
    pub(super) async fn line_up(&mut self, act: Act, rival: Rival) -> anyhow::Result<()> {
        self.rounds += 1;
        self.all_sessions = rival == Rival::SignIn;
        let own = self.tokens.clone().context("a racer without a session")?;
        self.presented = None;
        self.rival_request = match rival {
            Rival::SignIn => person::sign_in(&self.name, &self.password),
            Rival::Refresh => {
                let another = act == Act::PasswordChange && self.index.is_multiple_of(2);
                let tokens = if another {
                    person::new_session(&mut self.rival, &self.name, &self.password).await?
                } else {
                    own
                };
                let request = person::refresh(&tokens.refresh);
                self.presented = Some(tokens);
                request
            }
        };
        self.act.connect().await?;
        self.rival.connect().await
    }

    pub(super) async fn start_rival(&mut self) -> anyhow::Result<()> {
        self.rival.start(&self.rival_request).await
    }

    pub(super) async fn start_act(
        &mut self,
        act: Act,
        way: Way,
        server: &Nodes,
        administrator: &Tokens,
    ) -> anyhow::Result<()> {
        if act == Act::Disabling {
            self.disabled = true;
        }
        if way == Way::Command {
            let arguments: &[&str] = match act {
                Act::Disabling => &["account", "disable", &self.name],
                _ => &["account", "set-roles", &self.name],
            };
            self.command = Some(server.spawn(arguments)?);
            return Ok(());
        }
        let own = self.tokens.as_ref().context("a racer without a session")?;
        let request = match act {
            Act::SignOut => {
                person::sign_out(&own.access, if self.all_sessions { "all" } else { "this" })
            }
            Act::PasswordChange => Request::post("/v1/me/password").bearer(&own.access).json(
                &json!({"current_password": self.password, "new_password": self.next_password()}),
            ),
            Act::Disabling => {
                Request::post(&format!("/v1/admin/accounts/{}/disable", self.account))
                    .bearer(&administrator.access)
            }
            Act::RoleChange => set_roles(&self.account, administrator, &[]),
        };
        self.act.start(&request).await
    }

    pub(super) async fn finish_act(&mut self) -> anyhow::Result<Done> {
        if let Some(command) = self.command.take() {
            let ended = command.await.context("a command's task failed")??;
            return Ok(Done {
                answer: None,
                locked: ended.locked,
                since: ended.since,
            });
        }
        let answer = self.act.finish().await?;
        Ok(Done {
            answer: Some(answer),
            locked: false,
            since: Stopwatch::start(),
        })
    }
}

fn set_roles(account: &str, administrator: &Tokens, roles: &[&str]) -> Request {
    Request::new("PUT", &format!("/v1/admin/accounts/{account}/roles"))
        .bearer(&administrator.access)
        .json(&json!({"roles": roles}))
}

/// Everybody is enabled, has the roles that the act needs, and a living session. Requests go out all at once.
pub(super) async fn make_ready(
    slots: &mut [Slot],
    server: &Nodes,
    administrator: &Tokens,
    act: Act,
) -> anyhow::Result<()> {
    let mut client = server.client();
    for slot in slots.iter_mut().filter(|slot| slot.disabled) {
        let path = format!("/v1/admin/accounts/{}/enable", slot.account);
        let answer = client
            .send(&Request::post(&path).bearer(&administrator.access))
            .await?;
        answer.expect(200, "enabling")?;
        slot.disabled = false;
        slot.tokens = None;
    }
    if act == Act::RoleChange {
        for slot in slots.iter_mut() {
            let request = set_roles(&slot.account, administrator, &["admin"]);
            client
                .send(&request)
                .await?
                .expect(200, "giving the role")?;
        }
    }
    let mut waiting = Vec::new();
    for slot in slots.iter_mut() {
        let request = match &slot.tokens {
            None => person::sign_in(&slot.name, &slot.password),
            Some(tokens) if act == Act::RoleChange => person::refresh(&tokens.refresh),
            Some(_) => continue,
        };
        slot.act.start(&request).await?;
        waiting.push(slot);
    }
    for slot in waiting {
        let answer = slot.act.finish().await?;
        slot.tokens = Some(if answer.is_busy() {
            person::new_session(&mut slot.act, &slot.name, &slot.password).await?
        } else {
            Tokens::from(answer, "making ready")?
        });
    }
    Ok(())
}
