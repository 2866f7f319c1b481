//! A place where one race after the other is run: a person with a connection for the act and one for the rival.

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinHandle;

use super::act::{Act, Kind, Rival, Way};
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
    /// It was a command that waited for the database for too long.
    pub(super) gave_up: bool,
    /// Started when the answer was there.
    pub(super) since: Stopwatch,
}

impl Done {
    /// Whether the act was put off, as a busy machine makes the server and its commands do.
    pub(super) fn is_put_off(&self) -> bool {
        self.gave_up || self.answer.as_ref().is_some_and(Answer::is_busy)
    }
}

/// Whose write is kept first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Act,
    Rival,
    /// Left to chance.
    Either,
}

/// What the act has made of the person's account.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Good,
    Disabled,
    Deleted,
}

/// A person in a race.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) password: String,
    /// An administrator of this person's alone: two acts of one administrator would wait for each other.
    administrator: Tokens,
    /// The session that acts, or is acted upon.
    pub(super) tokens: Option<Tokens>,
    /// The refresh token that the rival presents and its session, where the rival is a refresh.
    pub(super) presented: Option<Tokens>,
    pub(super) act: Client,
    pub(super) rival: Client,
    pub(super) first: First,
    /// Where the one that was held back was answered all the same: it does not come by there.
    pub(super) slipped: bool,
    pub(super) outcome: Option<(Done, Answer)>,
    pub(super) index: usize,
    rounds: usize,
    standing: Standing,
    rival_started: bool,
    act_started: bool,
    rival_request: Request,
    command: Option<JoinHandle<anyhow::Result<Ended>>>,
}

impl Slot {
    /// With its connections to one node each, where there are two.
    pub(super) async fn new(nodes: &Nodes, root: &Tokens, index: usize) -> anyhow::Result<Self> {
        let name = format!("racer-{index}");
        let (mut act, rival) = (nodes.client(), nodes.client());
        let account = person::new_account(&mut act, &name).await?;
        let administrator = format!("administrator-{index}");
        let id = person::new_account(&mut act, &administrator).await?;
        let promote = set_roles(&id, root, &["admin"]);
        act.send(&promote).await?.expect(200, "giving the role")?;
        let administrator = person::new_session(&mut act, &administrator, PASSWORD).await?;
        Ok(Self {
            name,
            account,
            password: PASSWORD.to_owned(),
            administrator,
            tokens: None,
            presented: None,
            act,
            rival,
            first: First::Either,
            slipped: false,
            outcome: None,
            index,
            rounds: 0,
            standing: Standing::Good,
            rival_started: false,
            act_started: false,
            rival_request: Request::get("/"),
            command: None,
        })
    }

    /// From now on each acts where the other did.
    pub(super) fn swap(&mut self) {
        std::mem::swap(&mut self.act, &mut self.rival);
    }

    /// The password after the coming change.
    pub(super) fn next_password(&self) -> String {
        format!("{PASSWORD} {}", self.rounds)
    }

    /// Prepares the rival's request; a password change meets, in turn, a refresh of its own and of another session.
    pub(super) async fn line_up(&mut self, Kind { act, rival }: Kind) -> anyhow::Result<()> {
        self.rounds += 1;
        (self.first, self.slipped) = (First::Either, false);
        (self.act_started, self.rival_started) = (false, false);
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
            Rival::Replay => {
                self.tokens = Some(person::rotate(&mut self.act, &own.refresh).await?);
                let request = person::refresh(&own.refresh);
                self.presented = Some(own);
                request
            }
        };
        self.act.connect().await?;
        self.rival.connect().await
    }

    pub(super) async fn start_rival(&mut self) -> anyhow::Result<()> {
        self.rival_started = true;
        self.rival.start(&self.rival_request).await
    }

    pub(super) async fn start_act(
        &mut self,
        kind: Kind,
        way: Way,
        nodes: &Nodes,
    ) -> anyhow::Result<()> {
        self.act_started = true;
        self.standing = match kind.act {
            Act::Disabling => Standing::Disabled,
            Act::Deletion => Standing::Deleted,
            _ => Standing::Good,
        };
        if way == Way::Command {
            let arguments: &[&str] = match kind.act {
                Act::Disabling => &["account", "disable", &self.name],
                Act::Deletion => &["account", "delete", &self.name, "--yes"],
                _ => &["account", "set-roles", &self.name],
            };
            self.command = Some(nodes.spawn(arguments)?);
            return Ok(());
        }
        let request = self.act_over_http(kind)?;
        self.act.start(&request).await
    }

    fn act_over_http(&self, kind: Kind) -> anyhow::Result<Request> {
        let own = self.tokens.as_ref().context("a racer without a session")?;
        let account = format!("/v1/admin/accounts/{}", self.account);
        let administrator = &self.administrator;
        Ok(match kind.act {
            Act::SignOut if kind.rival == Rival::SignIn => person::sign_out(&own.access, "all"),
            Act::SignOut => person::sign_out(&own.access, "this"),
            Act::PasswordChange => Request::post("/v1/me/password").bearer(&own.access).json(
                &json!({"current_password": self.password, "new_password": self.next_password()}),
            ),
            Act::Disabling => {
                Request::post(&format!("{account}/disable")).bearer(&administrator.access)
            }
            Act::Deletion => Request::new("DELETE", &account).bearer(&administrator.access),
            Act::RoleChange => set_roles(&self.account, administrator, &[]),
            Act::SuccessorUse => person::refresh(&own.refresh),
        })
    }

    /// Whether the act was started and is done.
    pub(super) fn act_is_answered(&mut self) -> anyhow::Result<bool> {
        Ok(match &self.command {
            Some(command) => command.is_finished(),
            None => self.act_started && self.act.is_answered()?,
        })
    }

    /// Whether the rival was started and is answered.
    pub(super) fn rival_is_answered(&mut self) -> anyhow::Result<bool> {
        Ok(self.rival_started && self.rival.is_answered()?)
    }

    /// How many of the two are on their way.
    pub(super) fn under_way(&mut self) -> anyhow::Result<i64> {
        let act = self.act_started && !self.act_is_answered()?;
        let rival = self.rival_started && !self.rival_is_answered()?;
        Ok(i64::from(act) + i64::from(rival))
    }

    pub(super) async fn finish_act(&mut self) -> anyhow::Result<Done> {
        if let Some(command) = self.command.take() {
            let ended = command.await.context("a command's task failed")??;
            return Ok(Done {
                answer: None,
                gave_up: ended.gave_up,
                since: ended.since,
            });
        }
        let answer = self.act.finish().await?;
        Ok(Done {
            answer: Some(answer),
            gave_up: false,
            since: Stopwatch::start(),
        })
    }

    /// There and enabled.
    async fn revive(&mut self) -> anyhow::Result<()> {
        match self.standing {
            Standing::Good => return Ok(()),
            Standing::Deleted => {
                self.name = format!("racer-{}-{}", self.index, self.rounds);
                self.account = person::new_account(&mut self.act, &self.name).await?;
                PASSWORD.clone_into(&mut self.password);
            }
            Standing::Disabled => {
                let path = format!("/v1/admin/accounts/{}/enable", self.account);
                let enable = Request::post(&path).bearer(&self.administrator.access);
                self.act.send(&enable).await?.expect(200, "enabling")?;
            }
        }
        (self.standing, self.tokens) = (Standing::Good, None);
        Ok(())
    }
}

fn set_roles(account: &str, administrator: &Tokens, roles: &[&str]) -> Request {
    Request::new("PUT", &format!("/v1/admin/accounts/{account}/roles"))
        .bearer(&administrator.access)
        .json(&json!({"roles": roles}))
}

/// Everybody is there and enabled, has the roles that the act needs, and a living session. Sign-ins go out all at once.
pub(super) async fn make_ready(slots: &mut [Slot], act: Act) -> anyhow::Result<()> {
    let mut waiting = Vec::new();
    for slot in slots.iter_mut() {
        slot.revive().await?;
        if act == Act::RoleChange {
            let request = set_roles(&slot.account, &slot.administrator, &["admin"]);
            let given = slot.act.send(&request).await?;
            given.expect(200, "giving the role")?;
        }
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
