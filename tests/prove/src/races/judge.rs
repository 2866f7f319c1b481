//! What is left after a race.

use anyhow::Context;

use super::Races;
use super::act::{Act, Kind, Rival};
use super::findings::{Findings, is_fault};
use super::slot::{Done, First, Slot};
use crate::client::{Answer, Request};
use crate::felt::{longest, refused_within};
use crate::person::{self, Tokens};
use crate::verdict::Verdict;

/// Looks for survivors of one race and for honest people who were signed out by it, and at what the loser was answered.
pub(super) async fn judge(
    races: &Races<'_>,
    slot: &mut Slot,
    kind: Kind,
    (done, rival): (Done, Answer),
    found: &mut Findings,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    if rival.is_busy() || done.is_put_off() {
        found.void += 1;
        return clear_away(slot, kind.act, done.answer).await;
    }
    let own = slot.tokens.take().context("a racer without a session")?;
    let mut court = Court {
        races,
        slot,
        kind,
        done: &done,
        found,
        verdict,
    };
    court.act_is_done();
    court.rival_is_answered_rightly(&rival);
    let served = rival.status == 200;
    court.found.served += usize::from(served);
    let gained = if served {
        Some(Tokens::from(rival, "the rival")?)
    } else {
        None
    };
    match kind.act {
        Act::RoleChange => court.role_change(own, gained).await,
        Act::SuccessorUse => court.replay(own, gained).await,
        _ => court.ending(own, gained).await,
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
    kind: Kind,
    done: &'a Done,
    found: &'a mut Findings,
    verdict: &'a mut Verdict,
}

impl Court<'_, '_> {
    fn act_is_done(&mut self) {
        let Some(answer) = &self.done.answer else {
            return;
        };
        if answer.status != self.kind.success() {
            let what = format!("{}: the act was answered {}", self.kind, answer.brief());
            self.found.fault(self.verdict, what);
        }
    }

    /// Served, or refused as it must be where the act was there first.
    fn rival_is_answered_rightly(&mut self, rival: &Answer) {
        let refusal = self.kind.refusal().unwrap_or("200");
        let brief = rival.brief();
        let right = match self.slot.first {
            First::Act => brief == refusal,
            First::Rival => brief == "200",
            First::Either => brief == "200" || brief == refusal,
        };
        if !right {
            let first = self.slot.first;
            let what = format!(
                "{}: first {first:?}, the rival was answered {brief}",
                self.kind
            );
            self.found.fault(self.verdict, what);
        } else if is_fault(rival) {
            let what = format!("{}: the rival was answered {brief}", self.kind);
            self.found.fault(self.verdict, what);
        }
    }

    /// After what ends sessions: nothing from before works, what the act itself answered does.
    async fn ending(&mut self, own: Tokens, gained: Option<Tokens>) -> anyhow::Result<()> {
        let presented = self.slot.presented.take();
        let mut condemned = vec![own];
        condemned.extend(presented.filter(|tokens| *tokens != condemned[0]));
        let mut heir = None;
        if let Some(gained) = gained {
            if self.kind.refusal().is_none() && self.is_younger(&gained).await? {
                heir = Some(gained);
            } else {
                condemned.push(gained);
            }
        }
        for tokens in &condemned {
            self.is_refused(&person::me(&tokens.access), "an access token survived")
                .await?;
        }
        for tokens in &condemned {
            self.refresh_is_refused(tokens).await?;
        }
        if let (Act::PasswordChange, Some(answer)) = (self.kind.act, &self.done.answer) {
            self.slot.password = self.slot.next_password();
            heir = Some(Tokens::from(answer.clone(), "changing the password")?);
        }
        self.as_many_live(u64::from(heir.is_some())).await?;
        match heir {
            Some(heir) => self.lives_on(&heir).await,
            None => Ok(()),
        }
    }

    async fn as_many_live(&mut self, expected: u64) -> anyhow::Result<()> {
        let account = &self.slot.account;
        let living = self.races.database.living_sessions(account).await?;
        if living > expected {
            let kind = self.kind;
            let what = format!("{kind}: {living} living sessions in the database, not {expected}");
            self.found.survivor(self.verdict, what);
        }
        Ok(())
    }

    /// Whether a session was opened after the act: its first token has the generation that the act made.
    async fn is_younger(&mut self, tokens: &Tokens) -> anyhow::Result<bool> {
        let now = self.races.database.generation(&self.slot.account).await?;
        let younger = tokens.generation()? == now;
        let expected = match self.slot.first {
            First::Act => true,
            First::Rival => false,
            First::Either => younger,
        };
        if younger != expected {
            let first = self.slot.first;
            let what = format!("{}: first {first:?}, yet younger: {younger}", self.kind);
            self.found.fault(self.verdict, what);
        }
        Ok(younger)
    }

    /// After a role change: no token opens the administrators' routes; every session lives on.
    async fn role_change(&mut self, own: Tokens, gained: Option<Tokens>) -> anyhow::Result<()> {
        let rival = self.kind.rival;
        let head = match (&gained, rival) {
            (Some(next), Rival::Refresh) => Some(next),
            (_, Rival::SignIn) => Some(&own),
            _ => None,
        };
        let mut all = vec![own.clone()];
        all.extend(gained.clone());
        for tokens in &all {
            self.administration_is_refused(tokens).await?;
        }
        if let Some(head) = head {
            self.lives_on(head).await?;
        } else {
            let kind = self.kind;
            let what = format!("{kind}: the refresh of a session that lives on was refused");
            self.found.honest_sign_out(self.verdict, what);
        }
        if let (Rival::SignIn, Some(second)) = (rival, gained) {
            let first = self.slot.tokens.take();
            self.lives_on(&second).await?;
            if let Some(second) = self.slot.tokens.take() {
                let leave = person::sign_out(&second.access, "this");
                self.slot.act.send(&leave).await?;
            }
            self.slot.tokens = first;
        }
        if let Some(tokens) = self.slot.tokens.clone() {
            self.administration_is_refused(&tokens).await?;
        }
        Ok(())
    }

    /// After a replay that met the use of the successor, which `own` is: in time, it got that same successor, and the chain
    /// goes on; too late, it ended the session with all that was answered.
    async fn replay(&mut self, own: Tokens, gained: Option<Tokens>) -> anyhow::Result<()> {
        let presented = self.slot.presented.take().context("no replay")?;
        let answer = self
            .done
            .answer
            .clone()
            .context("a use without an answer")?;
        let used = Tokens::from(answer, "using the successor")?;
        if let Some(again) = gained {
            if again.refresh != own.refresh || again.session != own.session {
                let what = format!("{}: the replay got another successor", self.kind);
                self.found.survivor(self.verdict, what);
            }
            self.as_many_live(1).await?;
            return self.lives_on(&used).await;
        }
        for tokens in [&presented, &own, &used] {
            self.is_refused(&person::me(&tokens.access), "an access token survived")
                .await?;
            self.refresh_is_refused(tokens).await?;
        }
        self.as_many_live(0).await
    }

    async fn administration_is_refused(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        self.is_refused(
            &person::administration(&tokens.access),
            "the administrators' routes took the old role",
        )
        .await
    }

    /// At the node of the act and at that of the rival.
    async fn is_refused(&mut self, request: &Request, otherwise: &str) -> anyhow::Result<()> {
        for client in [&mut self.slot.act, &mut self.slot.rival] {
            let left = longest().saturating_sub(self.done.since.elapsed());
            match refused_within(client, request, left).await? {
                // Refused at the first question: how long ago it was so is not known, and it does not matter.
                Some(waited) if waited.as_millis() == 0 => self.found.felt.push(waited),
                Some(_) => self.found.felt.push(self.done.since.elapsed()),
                None => {
                    let what = format!("{}: {otherwise}", self.kind);
                    self.found.survivor(self.verdict, what);
                }
            }
        }
        Ok(())
    }

    async fn refresh_is_refused(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        let refresh = person::refresh(&tokens.refresh);
        let answer = self.slot.rival.send(&refresh).await?;
        if is_fault(&answer) {
            let what = format!("{}: a refresh was answered {}", self.kind, answer.brief());
            self.found.fault(self.verdict, what);
        } else if answer.status == 200 {
            let what = format!("{}: a refresh token survived", self.kind);
            self.found.survivor(self.verdict, what);
        }
        Ok(())
    }

    /// The session's refresh token works, and so does the access token that it gets: it is the slot's session now.
    async fn lives_on(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        let refresh = person::refresh(&tokens.refresh);
        let answer = self.slot.rival.send(&refresh).await?;
        let brief = answer.brief();
        let Ok(next) = Tokens::from(answer, "") else {
            let kind = self.kind;
            let what = format!("{kind}: an honest session's refresh was answered {brief}");
            self.found.honest_sign_out(self.verdict, what);
            return Ok(());
        };
        let me = self.slot.act.send(&person::me(&next.access)).await?;
        if me.status == 200 {
            self.slot.tokens = Some(next);
        } else {
            let (kind, brief) = (self.kind, me.brief());
            let what = format!("{kind}: an honest session's token was answered {brief}");
            self.found.honest_sign_out(self.verdict, what);
        }
        Ok(())
    }
}
