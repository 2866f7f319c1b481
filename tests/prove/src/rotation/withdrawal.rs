//! A withdrawn key: what it signed is refused everywhere, and everybody goes on with another.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::tally::Token;
use super::verifier::Verifier;
use crate::felt::{longest, refused_within};
use crate::figures::{Millis, Stopwatch, Times};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD, Tokens};
use crate::verdict::Verdict;

/// Sessions whose tokens are of the key that is withdrawn.
const SESSIONS: usize = 10;

/// A verifier keeps the key set for 5 seconds; then it fetches it, which takes a busy machine a moment.
const KEPT: Duration = Duration::from_secs(8);

/// Withdraws the key that signs; how soon its tokens are refused by the nodes and by those who keep the key set, and how soon
/// these take those of the next.
pub(super) async fn prove(
    nodes: &Nodes,
    mut verifiers: Vec<Verifier>,
    verdict: &mut Verdict,
) -> anyhow::Result<String> {
    let mut client = nodes.client();
    person::new_account(&mut client, "withdrawn").await?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(person::new_session(&mut client, "withdrawn", PASSWORD).await?);
    }
    let old = sessions.first().context("a session")?.access.clone();
    for verifier in &mut verifiers {
        let said = verifier.judge(&old).await?;
        verdict.check(said == "ok", || {
            format!("{} refused a good token: {said}", verifier.name)
        });
    }
    let kid = &Token::new(&old, 0)?.kid;
    nodes.run(&["key", "withdraw", kid, "--yes"]).await?;
    let since = Stopwatch::start();
    let (fresh, here) = tokio::join!(
        signed_anew(nodes, kid, since, &sessions[0]),
        at_the_nodes(nodes, since, &sessions)
    );
    let (fresh, here) = (fresh?, here?);
    verdict.check(here.len() == sessions.len() * nodes.all().len(), || {
        "a node takes a withdrawn key's token".to_owned()
    });
    let (old_by, fresh_by) = elsewhere(verifiers, since, &old, &fresh, verdict).await?;
    go_on(nodes, &sessions[1..], verdict).await?;
    Ok(format!(
        "a key withdrawn: its tokens refused by every node after {}, by every verifier after {}, the next key's taken after {}; \
         {SESSIONS} sessions went on",
        Millis(here.longest()),
        Millis(old_by.longest()),
        Millis(fresh_by.longest())
    ))
}

/// A token of another key for a session that goes on: a node may not have heard of the withdrawal for a moment.
async fn signed_anew(
    nodes: &Nodes,
    kid: &str,
    since: Stopwatch,
    session: &Tokens,
) -> anyhow::Result<Tokens> {
    let mut client = nodes.client();
    let mut tokens = session.clone();
    loop {
        tokens = person::rotate(&mut client, &tokens.refresh).await?;
        if Token::new(&tokens.access, 0)?.kid != kid {
            return Ok(tokens);
        }
        ensure!(since.elapsed() < longest(), "a withdrawn key signs");
    }
}

/// How long each verifier took to refuse the old token, and to take the fresh one.
async fn elsewhere(
    verifiers: Vec<Verifier>,
    since: Stopwatch,
    old: &str,
    fresh: &Tokens,
    verdict: &mut Verdict,
) -> anyhow::Result<(Times, Times)> {
    let mut asking = JoinSet::new();
    for mut verifier in verifiers {
        let (old, fresh) = (old.to_owned(), fresh.access.clone());
        asking.spawn(async move {
            let refused = until(&mut verifier, &old, since, |said| said != "ok").await?;
            let taken = until(&mut verifier, &fresh, since, |said| said == "ok").await?;
            let still = verifier.judge(&old).await? != "ok";
            anyhow::Ok((verifier.name, refused.filter(|_| still), taken))
        });
    }
    let (mut refused, mut taken) = (Times::default(), Times::default());
    while let Some(asked) = asking.join_next().await {
        let (name, old_by, fresh_by) = asked.context("a verifier's task failed")??;
        verdict.check(old_by.is_some_and(|time| time <= KEPT), || {
            format!("{name} refused a withdrawn key's token after {old_by:?}")
        });
        verdict.check(fresh_by.is_some_and(|time| time <= KEPT), || {
            format!("{name} took the next key's token after {fresh_by:?}")
        });
        refused.push(old_by.unwrap_or(KEPT));
        taken.push(fresh_by.unwrap_or(KEPT));
    }
    Ok((refused, taken))
}

/// The time until the verifier says what is waited for.
async fn until(
    verifier: &mut Verifier,
    token: &str,
    since: Stopwatch,
    wanted: fn(&str) -> bool,
) -> anyhow::Result<Option<Duration>> {
    while since.elapsed() < KEPT {
        if wanted(&verifier.judge(token).await?) {
            return Ok(Some(since.elapsed()));
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(None)
}

/// How soon every node refused every token of the key.
async fn at_the_nodes(
    nodes: &Nodes,
    since: Stopwatch,
    sessions: &[Tokens],
) -> anyhow::Result<Times> {
    let mut felt = Times::default();
    for node in nodes.all() {
        let mut client = node.client();
        for tokens in sessions {
            let me = person::me(&tokens.access);
            let refused = refused_within(&mut client, &me, longest()).await?;
            if refused.is_some() {
                felt.push(since.elapsed());
            }
        }
    }
    Ok(felt)
}

/// Nobody has to sign in again.
async fn go_on(nodes: &Nodes, sessions: &[Tokens], verdict: &mut Verdict) -> anyhow::Result<()> {
    for tokens in sessions {
        let mut client = nodes.client();
        let next = person::rotate(&mut client, &tokens.refresh).await?;
        let me = client.send(&person::me(&next.access)).await?;
        verdict.check(me.status == 200, || {
            format!(
                "after a withdrawal a fresh token was answered {}",
                me.brief()
            )
        });
    }
    Ok(())
}
