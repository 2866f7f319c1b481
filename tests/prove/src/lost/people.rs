//! People who are signed in: some stay, some sign out while nobody hears of it.

use anyhow::Context;

use super::guards::{GOOD, Guards, REVOKED, says};
use crate::client::Client;
use crate::person::{self, PASSWORD, Tokens};
use crate::verdict::Verdict;

/// Sessions of one account.
pub(super) struct People {
    pub(super) stay: Vec<Tokens>,
    pub(super) gone: Vec<Tokens>,
}

impl People {
    /// Signs in so often; the account is made if it is the first time.
    pub(super) async fn sign_in(client: &mut Client, count: usize) -> anyhow::Result<Self> {
        person::new_account(client, "lost").await?;
        let mut stay = Vec::new();
        for _ in 0..count {
            stay.push(person::new_session(client, "lost", PASSWORD).await?);
        }
        Ok(Self {
            stay,
            gone: Vec::new(),
        })
    }

    /// One who is signed in.
    pub(super) fn one(&self) -> anyhow::Result<&Tokens> {
        self.stay.last().context("everybody is gone")
    }

    /// Signs so many out, each answered.
    pub(super) async fn sign_out(
        &mut self,
        client: &mut Client,
        count: usize,
    ) -> anyhow::Result<()> {
        for _ in 0..count {
            let tokens = self.stay.pop().context("everybody is gone")?;
            let request = person::sign_out(&tokens.access, "this");
            client.send(&request).await?.expect(204, "signing out")?;
            self.gone.push(tokens);
        }
        Ok(())
    }

    /// Whoever signed out is refused as that by each guard, and whoever did not is let in.
    pub(super) async fn are_told_apart(&self, guards: &Guards, when: &str, verdict: &mut Verdict) {
        for (name, guard) in guards.both() {
            for (people, expected) in [(&self.stay, GOOD), (&self.gone, REVOKED)] {
                for tokens in people {
                    let said = says(guard, &tokens.access).await;
                    verdict.check(said == expected, || {
                        format!("{when}: the {name} guard says {said}, not {expected}")
                    });
                }
            }
        }
    }
}
