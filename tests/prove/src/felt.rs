//! How soon the server's own routes feel what ends or changes an account, also from another process.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::{Client, Request};
use crate::engine::Engine;
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;
use crate::verdict::Verdict;

/// The promise: felt within a second.
pub fn longest() -> Duration {
    within(Duration::from_secs(1))
}

/// The time until a request is answered 401 or 403; `None` where it still succeeds after `longest`.
pub async fn refused_within(
    client: &mut Client,
    request: &Request,
    longest: Duration,
) -> anyhow::Result<Option<Duration>> {
    let watch = Stopwatch::start();
    loop {
        let sent = watch.elapsed();
        let answer = client.send(request).await?;
        if matches!(answer.status, 401 | 403) {
            return Ok(Some(sent));
        }
        if sent > longest {
            return Ok(None);
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// What is done, and how.
#[derive(Clone, Copy, Debug)]
enum Deed {
    SignOut,
    Disabling,
    Deletion,
    RoleChange,
    PasswordSet,
}

const DEEDS: [Deed; 5] = [
    Deed::SignOut,
    Deed::Disabling,
    Deed::Deletion,
    Deed::RoleChange,
    Deed::PasswordSet,
];

impl Deed {
    fn name(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out (over HTTP)",
            Self::Disabling => "disabling",
            Self::Deletion => "deletion",
            Self::RoleChange => "role change",
            Self::PasswordSet => "password set",
        }
    }

    /// Does it; all but the sign-out by a command beside the server.
    async fn perform(self, server: &Server, name: &str, tokens: &Tokens) -> anyhow::Result<()> {
        match self {
            Self::SignOut => {
                let request = person::sign_out(&tokens.access, "this");
                let answer = server.client().send(&request).await?;
                answer.expect(204, "signing out").map(|_| ())
            }
            Self::Disabling => server.run(&["account", "disable", name]).await,
            Self::Deletion => server.run(&["account", "delete", name, "--yes"]).await,
            Self::RoleChange => server.run(&["account", "set-roles", name, "auditor"]).await,
            Self::PasswordSet => {
                let arguments = ["account", "set-password", name, "--password-stdin"];
                server
                    .run_with_input(&arguments, "another walk by the river\n")
                    .await
                    .map(drop)
            }
        }
    }
}

/// `times` each: the time from the answer of what was done until `/v1/me` refuses.
pub async fn prove(engine: Engine, times: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("felt-within", engine);
    let server = Nodes::start(engine, 2, &[]).await?;
    let mut client = server.client();
    // Another node than the one that did it, where there are two.
    let mut other = server.client();
    let mut figures = Vec::new();
    for deed in DEEDS {
        let mut felt = Times::default();
        for turn in 0..times {
            let name = format!("felt-{}-{turn}", figures.len());
            person::new_account(&mut client, &name).await?;
            let tokens = person::new_session(&mut client, &name, PASSWORD).await?;
            let me = person::me(&tokens.access);
            other.send(&me).await?.expect(200, "asking for oneself")?;
            deed.perform(&server, &name, &tokens).await?;
            let refused = refused_within(&mut other, &me, longest()).await?;
            let in_time = refused.is_some_and(|time| time <= longest());
            verdict.check(in_time, || {
                format!("{} was not felt within 1 s", deed.name())
            });
            felt.push(refused.unwrap_or(longest() * 2));
        }
        println!("  {:<22} {times} times: {felt}", deed.name());
        figures.push((deed.name(), felt.longest()));
    }
    let mut line = format!("{times} times each, longest time to the refusal:");
    for (name, longest) in figures {
        let _ = write!(line, " {name} {},", Millis(longest));
    }
    verdict.figures = line.trim_end_matches(',').to_owned();
    Ok(verdict)
}
