//! Afterwards: every acknowledged write holds; every unanswered one is whole or absent.

use std::fmt;

use super::load::{Leaver, Registrant, Rotator};
use crate::client::Client;
use crate::database::Database;
use crate::person::{self, PASSWORD, Tokens};
use crate::verdict::Verdict;

/// What was looked at.
#[derive(Debug, Default)]
pub struct Checked {
    sign_ups: usize,
    rotations: usize,
    sign_outs: usize,
    changes: usize,
    /// Requests in flight at the end, and how many of them had been done.
    unanswered: usize,
    unanswered_done: usize,
    lost: usize,
}

impl Checked {
    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.sign_ups + self.rotations + self.sign_outs + self.changes
    }

    pub(super) fn changed(&mut self, times: usize) {
        self.changes += times;
    }

    pub(super) fn unanswered(&mut self, done: bool) {
        self.unanswered += 1;
        self.unanswered_done += usize::from(done);
    }

    pub(super) fn lost(&mut self, verdict: &mut Verdict, what: String) {
        self.lost += 1;
        verdict.broken(what);
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sign_ups,
            rotations,
            sign_outs,
            changes,
            unanswered,
            unanswered_done,
            lost,
        } = self;
        write!(
            f,
            "{sign_ups} sign-ups, {rotations} rotations, {sign_outs} sign-outs and {changes} password changes \
             acknowledged, {lost} lost; \
             {unanswered} in flight ({unanswered_done} of them done), none half"
        )
    }
}

fn no_odd_answers(odd: &mut Vec<String>, verdict: &mut Verdict) {
    for what in odd.drain(..) {
        verdict.broken(format!("under load {what}"));
    }
}

/// Everybody who was signed up signs in; the unanswered one either signs in or can sign up.
pub(super) async fn registrant(
    one: &mut Registrant,
    client: &mut Client,
    checked: &mut Checked,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    no_odd_answers(&mut one.odd, verdict);
    for name in one.acknowledged.drain(..) {
        checked.sign_ups += 1;
        let answer = person::patiently(client, &person::sign_in(&name, PASSWORD)).await?;
        if answer.status != 200 {
            checked.lost(
                verdict,
                format!(
                    "an acknowledged sign-up is lost: sign-in {}",
                    answer.brief()
                ),
            );
        }
    }
    if let Some(name) = one.unanswered.take() {
        let again = person::patiently(client, &person::sign_up(&name, PASSWORD)).await?;
        checked.unanswered(again.status == 409);
        let whole = matches!(again.status, 201 | 409);
        let signed_in = person::patiently(client, &person::sign_in(&name, PASSWORD)).await?;
        verdict.check(whole && signed_in.status == 200, || {
            format!(
                "half a sign-up: again {}, sign-in {}",
                again.brief(),
                signed_in.brief()
            )
        });
    }
    Ok(())
}

/// The consumed token is spent, the latest one gets its successor, whether or not that was in flight, and the
/// successor works. One chain lives.
pub(super) async fn rotator(
    one: &mut Rotator,
    client: &mut Client,
    database: &Database,
    checked: &mut Checked,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    no_odd_answers(&mut one.odd, verdict);
    checked.rotations += one.acknowledged;
    if let Some(consumed) = &one.consumed
        && !(database.is_spent(&consumed.refresh).await?
            && database.heads(&consumed.refresh).await? == 0)
    {
        checked.lost(
            verdict,
            "an acknowledged rotation is lost: the old token is not spent".to_owned(),
        );
    }
    let head = database.heads(&one.tokens.refresh).await? == 1;
    let spent = database.is_spent(&one.tokens.refresh).await?;
    verdict.check(head != spent, || {
        format!("half a rotation: head {head}, spent {spent}")
    });
    checked.unanswered(spent);
    let answer = person::patiently(client, &person::refresh(&one.tokens.refresh)).await?;
    let brief = answer.brief();
    let Ok(next) = Tokens::from(answer, "") else {
        checked.lost(
            verdict,
            format!("an acknowledged rotation is lost: the new token was answered {brief}"),
        );
        one.tokens = person::new_session(client, &one.name, PASSWORD).await?;
        return Ok(());
    };
    let latest = person::patiently(client, &person::refresh(&next.refresh)).await?;
    let latest = Tokens::from(latest, "refreshing")?;
    let me = person::patiently(client, &person::me(&latest.access)).await?;
    verdict.check(me.status == 200, || {
        format!("afterwards a fresh token was answered {}", me.brief())
    });
    let living = database.living_sessions(&one.account).await?;
    verdict.check(living == 1, || format!("afterwards {living} chains live"));
    let former = &one.consumed.as_ref().unwrap_or(&one.tokens).refresh;
    let used = person::patiently(client, &person::refresh(former)).await?;
    verdict.check(used.status == 401, || {
        format!("a token consumed long ago was answered {}", used.brief())
    });
    // That replay ended the session, as it must: go on with a new one.
    one.tokens = person::new_session(client, &one.name, PASSWORD).await?;
    Ok(())
}

/// Whoever left is out; the one who was leaving is in or out, with both tokens alike.
pub(super) async fn leaver(
    one: &mut Leaver,
    client: &mut Client,
    database: &Database,
    checked: &mut Checked,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    no_odd_answers(&mut one.odd, verdict);
    for tokens in one.left.drain(..) {
        checked.sign_outs += 1;
        let me = person::patiently(client, &person::me(&tokens.access)).await?;
        let refresh = person::patiently(client, &person::refresh(&tokens.refresh)).await?;
        let lives = database.lives(&tokens.session).await?;
        if me.status != 401 || refresh.status != 401 || lives == Some(true) {
            let what = format!(
                "me {}, refresh {}, row lives {lives:?}",
                me.brief(),
                refresh.brief()
            );
            checked.lost(verdict, format!("an acknowledged sign-out is lost: {what}"));
        }
    }
    if let Some(tokens) = one.leaving.take() {
        let me = person::patiently(client, &person::me(&tokens.access)).await?;
        let refresh = person::patiently(client, &person::refresh(&tokens.refresh)).await?;
        checked.unanswered(me.status == 401);
        verdict.check((me.status == 200) == (refresh.status == 200), || {
            format!(
                "half a sign-out: me {}, refresh {}",
                me.brief(),
                refresh.brief()
            )
        });
    }
    Ok(())
}
