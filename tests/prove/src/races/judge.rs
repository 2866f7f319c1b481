//! What is left after a race.

use anyhow::Context;

use super::act::{Act, Rival};
use super::slot::{Done, Slot};
use super::{Findings, Races, is_fault};
use crate::client::Answer;
use crate::felt::{longest, refused_within};
use crate::person::{self, Tokens};
use crate::verdict::Verdict;

/// Looks for survivors of one race and for honest people who were signed out by it.
pub(super) async fn judge(
    races: &Races<'_>,
    slot: &mut Slot,
    act: Act,
    rival: Rival,
    (done, rival_answer): (Done, Answer),
    found: &mut Findings,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let race = format!("{act} racing {rival}");
    if rival_answer.is_busy() || done.is_put_off() {
        found.void += 1;
        return clear_away(slot, act, done.answer).await;
    }
    if is_fault(&rival_answer) {
        found.fault(
            verdict,
            format!("{race}: the rival was answered {}", rival_answer.brief()),
        );
    }
    let own = slot.tokens.take().context("a racer without a session")?;
    let served = rival_answer.status == 200;
    found.rival_served += usize::from(served);
    let gained = if served {
        Some(Tokens::from(rival_answer, "the rival")?)
    } else {
        None
    };
    let mut court = Court {
        races,
        slot,
        race,
        done: &done,
        found,
        verdict,
    };
    if let Some(answer) = &done.answer {
        let expected = if act == Act::SignOut { 204 } else { 200 };
        if answer.status != expected {
            court.found.fault(
                court.verdict,
                format!("{}: the act was answered {}", court.race, answer.brief()),
            );
            return Ok(());
        }
    }
    match act {
        Act::RoleChange => court.role_change(own, gained, rival).await,
        _ => court.ending(act, own, gained, rival).await,
    }
}

/// After a race that was not run: no session stays, and the next race begins anew.
async fn clear_away(slot: &mut Slot, act: Act, answer: Option<Answer>) -> anyhow::Result<()> {
    slot.presented = None;
    let mut tokens = slot.tokens.take();
    if let (Act::PasswordChange, Some(answer)) = (act, answer)
        && answer.status == 200
    {
        slot.password = slot.next_password();
        tokens = Some(Tokens::from(answer, "changing the password")?);
    }
    if let Some(tokens) = tokens {
        slot.act
            .send(&person::sign_out(&tokens.access, "all"))
            .await?;
    }
    Ok(())
}

struct Court<'a, 'b> {
    races: &'a Races<'b>,
    slot: &'a mut Slot,
    race: String,
    done: &'a Done,
    found: &'a mut Findings,
    verdict: &'a mut Verdict,
}

impl Court<'_, '_> {
    /// After what ends sessions: nothing from before works, what the act itself answered does.
    async fn ending(
        &mut self,
        act: Act,
        own: Tokens,
        gained: Option<Tokens>,
        rival: Rival,
    ) -> anyhow::Result<()> {
        let presented = self.slot.presented.take();
        let mut condemned = vec![own];
        condemned.extend(presented.filter(|tokens| *tokens != condemned[0]));
        let mut later = None;
        if let Some(gained) = gained {
            if act == Act::SignOut && rival == Rival::SignIn && self.is_younger(&gained).await? {
                later = Some(gained);
            } else {
                condemned.push(gained);
            }
        }
        for tokens in &condemned {
            self.access_is_refused(tokens).await?;
        }
        for tokens in &condemned {
            self.refresh_is_refused(tokens).await?;
        }
        let answered = self.done.answer.clone();
        let heir = match (act, answered) {
            (Act::PasswordChange, Some(answer)) => {
                self.slot.password = self.slot.next_password();
                Some(Tokens::from(answer, "changing the password")?)
            }
            _ => later,
        };
        let living = self
            .races
            .database
            .living_sessions(&self.slot.account)
            .await?;
        let expected = u64::from(heir.is_some());
        if living > expected {
            let what = format!(
                "{}: {living} living sessions in the database, not {expected}",
                self.race
            );
            self.found.survivor(self.verdict, what);
        }
        if let Some(heir) = heir {
            self.lives_on(&heir).await?;
        }
        Ok(())
    }

    /// Whether a session was opened after the act: its first token has the generation that the act made.
    async fn is_younger(&self, tokens: &Tokens) -> anyhow::Result<bool> {
        Ok(tokens.generation()? == self.races.database.generation(&self.slot.account).await?)
    }

    /// After a role change: no token opens the administrators' routes; every session lives on.
    async fn role_change(
        &mut self,
        own: Tokens,
        gained: Option<Tokens>,
        rival: Rival,
    ) -> anyhow::Result<()> {
        let head = match (&gained, rival) {
            (Some(next), Rival::Refresh) => Some(next),
            (None, Rival::Refresh) => None,
            (_, Rival::SignIn) => Some(&own),
        };
        let mut all = vec![own.clone()];
        all.extend(gained.clone());
        for tokens in &all {
            self.administration_is_refused(tokens).await?;
        }
        if let Some(head) = head {
            self.lives_on(head).await?;
        } else {
            let what = format!(
                "{}: the refresh of a session that lives on was refused",
                self.race
            );
            self.found.honest_sign_out(self.verdict, what);
        }
        if let (Rival::SignIn, Some(second)) = (rival, gained) {
            let first = self.slot.tokens.take();
            self.lives_on(&second).await?;
            if let Some(second) = self.slot.tokens.take() {
                self.slot
                    .act
                    .send(&person::sign_out(&second.access, "this"))
                    .await?;
            }
            self.slot.tokens = first;
        }
        if let Some(tokens) = self.slot.tokens.clone() {
            self.administration_is_refused(&tokens).await?;
        }
        Ok(())
    }

    async fn administration_is_refused(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        self.is_refused(
            &person::administration(&tokens.access),
            "the administrators' routes took the old role",
        )
        .await
    }

    async fn access_is_refused(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        self.is_refused(&person::me(&tokens.access), "an access token survived")
            .await
    }

    async fn is_refused(
        &mut self,
        request: &crate::client::Request,
        otherwise: &str,
    ) -> anyhow::Result<()> {
        let left = longest().saturating_sub(self.done.since.elapsed());
        match refused_within(&mut self.slot.act, request, left).await? {
            // Refused at the first question: how long ago it was so is not known, and it does not matter.
            Some(waited) if waited.as_millis() == 0 => self.found.felt.push(waited),
            Some(_) => self.found.felt.push(self.done.since.elapsed()),
            None => self
                .found
                .survivor(self.verdict, format!("{}: {otherwise}", self.race)),
        }
        Ok(())
    }

    async fn refresh_is_refused(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        let answer = self
            .slot
            .act
            .send(&person::refresh(&tokens.refresh))
            .await?;
        if is_fault(&answer) {
            self.found.fault(
                self.verdict,
                format!("{}: a refresh was answered {}", self.race, answer.brief()),
            );
        } else if answer.status == 200 {
            self.found.survivor(
                self.verdict,
                format!("{}: a refresh token survived", self.race),
            );
        }
        Ok(())
    }

    /// The session's refresh token works, and so does the access token that it gets: it is the slot's session now.
    async fn lives_on(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        let answer = self
            .slot
            .act
            .send(&person::refresh(&tokens.refresh))
            .await?;
        let brief = answer.brief();
        let Ok(next) = Tokens::from(answer, "") else {
            let what = format!(
                "{}: an honest session's refresh was answered {brief}",
                self.race
            );
            self.found.honest_sign_out(self.verdict, what);
            return Ok(());
        };
        let me = self.slot.act.send(&person::me(&next.access)).await?;
        if me.status == 200 {
            self.slot.tokens = Some(next);
        } else {
            let what = format!(
                "{}: an honest session's token was answered {}",
                self.race,
                me.brief()
            );
            self.found.honest_sign_out(self.verdict, what);
        }
        Ok(())
    }
}
