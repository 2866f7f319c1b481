//! The database paused behind a node that lives: it cannot say what is revoked, and says nothing.

use std::time::Duration;

use anyhow::Context;
use keystile_tests_postgres as postgres;
use tokio::time::sleep;

use super::guards::{GOOD, Guards, REVOKED, UNKNOWN, says};
use super::people::People;
use crate::engine::Place;
use crate::feed::{Program, SETTINGS};
use crate::figures::{Millis, Stopwatch};
use crate::person;
use crate::server::Server;
use crate::verdict::Verdict;

/// What was last heard counts for so long.
const STALE: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);
/// Sign out before, and as the database falls asleep.
const LEAVE: usize = 5;

/// For so long.
pub(super) async fn prove(away: Duration, verdict: &mut Verdict) -> anyhow::Result<String> {
    let database = postgres::Server::own().context("install PostgreSQL to try this")?;
    let url = database.url(&database.make_database());
    let server = Server::start_at(Place::Url(url), &SETTINGS).await?;
    let program = Program::make(&server, "guards").await?;
    let guards = Guards::connect(&server, &program, server.address(), STALE).await?;
    let mut client = server.client();
    let mut people = People::sign_in(&mut client, 2 * LEAVE + 3).await?;
    people.sign_out(&mut client, LEAVE).await?;
    database.pause();
    let lost = Stopwatch::start();
    let leaving = leave(&server, &mut people);
    let first = follow_policy(&guards, &people, (lost, away), verdict).await?;
    database.resume();
    let back = guards.are_current().await?;
    // What was answered holds; what was not may have been kept all the same, and whoever left so tries again.
    let mut acknowledged = 0;
    for left in leaving {
        let (tokens, answered) = left.await??;
        if answered {
            acknowledged += 1;
            people.gone.push(tokens);
        } else {
            let again = person::sign_out(&tokens.access, "this");
            let answer = client.send(&again).await?;
            verdict.check(matches!(answer.status, 204 | 401), || {
                format!("paused: a sign-out sent again: {}", answer.brief())
            });
            people.gone.push(tokens);
        }
    }
    for tokens in &people.gone {
        guards.feel(&tokens.access, STALE).await?;
    }
    people
        .are_told_apart(&guards, "paused, after", verdict)
        .await;
    Ok(format!(
        "database paused for {} s: refused as unknown after {} ({} s count); current again {} after it went on; {LEAVE} sign-outs before, \
         {LEAVE} sent meanwhile ({acknowledged} of them answered): none missed",
        away.as_secs(),
        Millis(first),
        STALE.as_secs(),
        Millis(back)
    ))
}

type Leaving = tokio::task::JoinHandle<anyhow::Result<(person::Tokens, bool)>>;

/// Sign-outs that meet the pause; whether each was answered as done.
fn leave(server: &Server, people: &mut People) -> Vec<Leaving> {
    let leaving = people.stay.split_off(people.stay.len() - LEAVE);
    let leave = |tokens: person::Tokens| {
        let mut client = server.client();
        tokio::spawn(async move {
            let request = person::sign_out(&tokens.access, "this");
            let answer = client.send(&request).await?;
            anyhow::ensure!(
                answer.status == 204 || answer.is_busy(),
                "a sign-out while the database is paused: {}",
                answer.brief()
            );
            Ok((tokens, answer.status == 204))
        })
    };
    leaving.into_iter().map(leave).collect()
}

async fn follow_policy(
    guards: &Guards,
    people: &People,
    (lost, away): (Stopwatch, Duration),
    verdict: &mut Verdict,
) -> anyhow::Result<Duration> {
    let stays = &people.one()?.access;
    let gone = &people.gone[0].access;
    let mut first = None;
    while lost.elapsed() < away {
        let before = lost.elapsed();
        let refuses = says(&guards.refuses, stays).await;
        if refuses == UNKNOWN {
            first.get_or_insert(before);
        }
        if lost.elapsed() + SLACK < STALE {
            verdict.check(refuses == GOOD, || {
                format!("paused: {refuses} after {before:?} already")
            });
        }
        if before > STALE + SLACK {
            // Nobody knows, and whoever asks is told so.
            let asks = says(&guards.asks, stays).await;
            for (name, said) in [("refusing", refuses), ("asking", asks)] {
                verdict.check(said == UNKNOWN, || {
                    format!("paused: the {name} guard says {said} after {before:?}")
                });
            }
        }
        let known = says(&guards.refuses, gone).await;
        verdict.check(known == REVOKED, || {
            format!("paused: what was heard of is told as {known} after {before:?}")
        });
        sleep(LOOK).await;
    }
    verdict.check(first.is_some(), || "paused: never unknown".to_owned());
    Ok(first.unwrap_or_default())
}
