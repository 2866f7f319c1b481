//! Changes one password again and again.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::check::Checked;
use super::tally::Tally;
use crate::client::{Client, Request};
use crate::person::{self, PASSWORD, Tokens};
use crate::verdict::Verdict;

/// One person and their password.
#[derive(Debug)]
pub(super) struct Changer {
    name: String,
    changes: usize,
    /// The one that was acknowledged last.
    password: String,
    /// The one before: it must be over.
    former: Option<String>,
    /// One whose change was not answered.
    unanswered: Option<String>,
    acknowledged: usize,
    odd: Vec<String>,
}

impl Changer {
    pub(super) async fn new(client: &mut Client, name: String) -> anyhow::Result<Self> {
        person::new_account(client, &name).await?;
        Ok(Self {
            name,
            changes: 0,
            password: PASSWORD.to_owned(),
            former: None,
            unanswered: None,
            acknowledged: 0,
            odd: Vec::new(),
        })
    }

    pub(super) async fn live(mut self, address: SocketAddr, tally: &Tally) -> Self {
        let mut client = Client::new(address);
        self.acknowledged = 0;
        while !tally.is_over() {
            let sign_in = person::sign_in(&self.name, &self.password);
            let Ok(answer) = tally.send_hashed(&mut client, &sign_in).await else {
                return self;
            };
            if answer.is_busy() {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            match Tokens::from(answer, "signing in to change a password") {
                Ok(tokens) => {
                    if !self.change(&mut client, &tokens, tally).await {
                        return self;
                    }
                }
                Err(error) => {
                    self.odd.push(error.to_string());
                    return self;
                }
            }
        }
        self
    }

    /// Whether it is known what became of it.
    async fn change(&mut self, client: &mut Client, tokens: &Tokens, tally: &Tally) -> bool {
        self.changes += 1;
        let new = format!("{PASSWORD}, {}", self.changes);
        let body = json!({ "current_password": self.password, "new_password": new });
        let change = Request::post("/v1/me/password").bearer(&tokens.access);
        match tally.send_hashed(client, &change.json(&body)).await {
            Ok(answer) if answer.status == 200 => {
                self.former = Some(std::mem::replace(&mut self.password, new));
                self.acknowledged += 1;
                true
            }
            // The queue was full: that is said before anything is done.
            Ok(answer) if answer.is_busy() && answer.code() == "busy" => true,
            Ok(answer) if !answer.is_busy() => {
                let brief = answer.brief();
                self.odd
                    .push(format!("a password change was answered {brief}"));
                false
            }
            _ => {
                self.unanswered = Some(new);
                false
            }
        }
    }

    /// The last password is good and the one before is not; of an unanswered change exactly one is.
    pub(super) async fn check(
        &mut self,
        client: &mut Client,
        checked: &mut Checked,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        for what in self.odd.drain(..) {
            verdict.broken(format!("under load {what}"));
        }
        checked.changed(self.acknowledged);
        let present = self.opens(client, &self.password).await?;
        if let Some(former) = self.former.take()
            && self.opens(client, &former).await?
        {
            let what = "an acknowledged password change is lost: the former one is good";
            checked.lost(verdict, what.to_owned());
        }
        let Some(new) = self.unanswered.take() else {
            if !present {
                let what = "an acknowledged password change is lost: the new one is refused";
                checked.lost(verdict, what.to_owned());
            }
            return Ok(());
        };
        let done = self.opens(client, &new).await?;
        checked.unanswered(done);
        verdict.check(present != done, || {
            format!("half a password change: old {present}, new {done}")
        });
        if done {
            self.password = new;
        }
        Ok(())
    }

    async fn opens(&self, client: &mut Client, password: &str) -> anyhow::Result<bool> {
        let answer = person::patiently(client, &person::sign_in(&self.name, password)).await?;
        Ok(answer.status == 200)
    }
}
