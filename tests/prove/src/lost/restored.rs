//! A restore from a backup: what guards heard after it was taken is not taken back, and what it revokes is heard.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use keystile_tests_postgres as postgres;

use super::guards::{GOOD, Guards, says, status};
use super::people::People;
use crate::engine::{Engine, Place};
use crate::feed::{Program, SETTINGS};
use crate::figures::Millis;
use crate::person::{self, PASSWORD};
use crate::server::Server;
use crate::verdict::Verdict;

/// What was last heard counts for so long: over a restore.
const STALE: Duration = Duration::from_secs(60);
const FELT: Duration = Duration::from_secs(5);
const LEAVE: usize = 5;
const FILE: &str = "copy.db";

/// What a restore goes back to.
enum Past {
    /// A backup of Keystile's own.
    File,
    /// The database as it was, by PostgreSQL's own means, for each restore anew.
    Copies(Vec<postgres::Database>),
}

impl Past {
    async fn of(server: &Server) -> anyhow::Result<Self> {
        if let Place::Postgres(database) = server.place() {
            return Ok(Self::Copies(vec![database.copied(), database.copied()]));
        }
        server.run(&["backup", FILE]).await?;
        Ok(Self::File)
    }
}

/// Twice: once with the sessions kept, once with nothing trusted.
pub(super) async fn prove(engine: Engine, verdict: &mut Verdict) -> anyhow::Result<String> {
    let mut server = Server::start(engine, &SETTINGS).await?;
    let program = Program::make(&server, "guards").await?;
    let guards = Guards::connect(&server, &program, server.address(), STALE).await?;
    let mut people = People::sign_in(&mut server.client(), 2 * LEAVE).await?;
    let mut past = Past::of(&server).await?;
    people.sign_out(&mut server.client(), LEAVE).await?;
    for tokens in &people.gone {
        guards.feel(&tokens.access, FELT).await?;
    }
    people
        .are_told_apart(&guards, "restore, before", verdict)
        .await;

    restore(&mut server, &mut past, &["--keep-sessions"]).await?;
    let back = guards.are_current().await?;
    let snapshots = status(&guards.refuses)?.snapshots;
    verdict.check(snapshots == 2, || {
        format!("restore: another history was told as {snapshots} lists, not as the second")
    });
    // The database knows nothing of those sign-outs any more; guards do.
    people
        .are_told_apart(&guards, "restore with sessions kept", verdict)
        .await;
    people.sign_out(&mut server.client(), 1).await?;
    for tokens in people.gone.iter().rev().take(1) {
        guards.feel(&tokens.access, FELT).await?;
    }

    restore(&mut server, &mut past, &[]).await?;
    let again = guards.are_current().await?;
    for (name, guard) in guards.both() {
        for tokens in people.stay.iter().chain(&people.gone) {
            let said = says(guard, &tokens.access).await;
            verdict.check(said != GOOD, || {
                format!("restore: the {name} guard lets in a token from before it")
            });
        }
    }
    let fresh = person::new_session(&mut server.client(), "lost", PASSWORD).await?;
    for (name, guard) in guards.both() {
        let said = says(guard, &fresh.access).await;
        verdict.check(said == GOOD, || {
            format!("restore: the {name} guard says {said} of whoever signed in after it")
        });
    }
    Ok(format!(
        "restored with sessions kept: {LEAVE} sign-outs that the backup knows nothing of stay refused, guards current {} later; \
         with nothing trusted: every token from before refused, guards current {} later",
        Millis(back),
        Millis(again)
    ))
}

async fn restore(server: &mut Server, past: &mut Past, more: &[&str]) -> anyhow::Result<()> {
    server.end().await?;
    let how = match past {
        Past::File => &["restore", FILE][..],
        Past::Copies(copies) => {
            let copy = copies.pop().context("a copy for each restore")?;
            server.stand_on(Place::Postgres(Arc::new(copy)));
            &["restore", "--in-place", "--yes"]
        }
    };
    server.run(&[how, more].concat()).await?;
    server.restart().await?;
    Ok(())
}
