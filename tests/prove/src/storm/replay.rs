//! A consumed token comes again after its successor was used: the session ends, also over restarts.

use std::fmt;
use std::time::Duration;

use crate::client::Client;
use crate::felt::{longest, refused_within};
use crate::figures::{Millis, Times};
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;
use crate::verdict::Verdict;

/// What the replays showed.
#[derive(Debug, Default)]
pub(super) struct Replays {
    ended: usize,
    ended_after_restart: usize,
    lost_over_restart: usize,
    felt: Times,
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ended,
            ended_after_restart,
            lost_over_restart,
            felt,
        } = self;
        write!(
            f,
            "{ended} replays ended their session (access tokens refused after {} at the longest), \
             {ended_after_restart} more after kill -9 and restart; \
             {lost_over_restart} answers lost over a restart repeated",
            Millis(felt.longest())
        )
    }
}

/// A chain of three: two consumed, the last unused.
struct Chain {
    first: Tokens,
    last: Tokens,
}

/// `count` replays beside a running server, `count` after a kill and a restart, and as many lost answers over it.
pub(super) async fn prove(
    server: &mut Server,
    count: usize,
    verdict: &mut Verdict,
) -> anyhow::Result<Replays> {
    let mut replays = Replays::default();
    let mut client = server.client();
    person::new_account(&mut client, "replay").await?;
    let mut ended = Vec::new();
    let mut waiting = Vec::new();
    let mut opened = Vec::new();
    for _ in 0..count {
        let chain = chain(&mut client).await?;
        replays.ended +=
            usize::from(replay(server, &mut client, &chain, &mut replays.felt, verdict).await?);
        ended.push(chain);
        waiting.push(self::chain(&mut client).await?);
        opened.push(person::new_session(&mut client, "replay", PASSWORD).await?);
    }
    // Just before the kill, since the grace runs on.
    let mut lost = Vec::new();
    for before in opened {
        lost.push((person::rotate(&mut client, &before.refresh).await?, before));
    }
    server.kill().await?;
    server.restart().await?;
    let mut client = server.client();
    for (successor, before) in &lost {
        let again = client.send(&person::refresh(&before.refresh)).await?;
        let brief = again.brief();
        let same = Tokens::from(again, "").is_ok_and(|again| again.refresh == successor.refresh);
        verdict.check(same, || {
            format!("an answer lost over a restart was not repeated: {brief}")
        });
        replays.lost_over_restart += usize::from(same);
    }
    for chain in &ended {
        still_ended(&mut client, chain, verdict).await?;
    }
    for chain in &waiting {
        let ended = replay(server, &mut client, chain, &mut replays.felt, verdict).await?;
        replays.ended_after_restart += usize::from(ended);
    }
    Ok(replays)
}

async fn chain(client: &mut Client) -> anyhow::Result<Chain> {
    let first = person::new_session(client, "replay", PASSWORD).await?;
    let second = person::rotate(client, &first.refresh).await?;
    let last = person::rotate(client, &second.refresh).await?;
    Ok(Chain { first, last })
}

/// Presents the first token of the chain again: whether the session ended with everything that belongs to it.
async fn replay(
    server: &Server,
    client: &mut Client,
    chain: &Chain,
    felt: &mut Times,
    verdict: &mut Verdict,
) -> anyhow::Result<bool> {
    let answer = client.send(&person::refresh(&chain.first.refresh)).await?;
    let noticed = answer.status == 401 && answer.code() == "refresh_token_reused";
    verdict.check(noticed, || {
        format!("a replay was answered {}", answer.brief())
    });
    let mut slowest = Duration::ZERO;
    for tokens in [&chain.first, &chain.last] {
        let refused = refused_within(client, &person::me(&tokens.access), longest()).await?;
        verdict.check(refused.is_some(), || {
            "an access token outlived its replayed session".to_owned()
        });
        slowest = slowest.max(refused.unwrap_or(longest()));
    }
    felt.push(slowest);
    let lives = server.database().await?.lives(&chain.last.session).await?;
    verdict.check(lives == Some(false), || {
        format!("after a replay the session's row lives: {lives:?}")
    });
    let refused = still_ended(client, chain, verdict).await?;
    Ok(noticed && refused && lives == Some(false))
}

/// Neither the unused refresh token nor an access token works.
async fn still_ended(
    client: &mut Client,
    chain: &Chain,
    verdict: &mut Verdict,
) -> anyhow::Result<bool> {
    let refresh = client.send(&person::refresh(&chain.last.refresh)).await?;
    let me = client.send(&person::me(&chain.last.access)).await?;
    let refused = refresh.status == 401 && me.status == 401;
    verdict.check(refused, || {
        format!(
            "after a replay: refresh {}, me {}",
            refresh.brief(),
            me.brief()
        )
    });
    Ok(refused)
}
