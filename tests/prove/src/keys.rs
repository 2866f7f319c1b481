//! A key server in every kind of trouble, under requests in flight: nobody waits beyond the time-out, no good token is
//! refused. Then a key that is withdrawn while the key server is down: refused everywhere.

mod issuer;
mod load;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use keystile::{Feed, Guard};
use tokio::time::sleep;

use crate::client::{Client, Request};
use crate::figures::{Millis, Stopwatch, Times, within};
use crate::guarded::{GUARDED, Guarded};
use crate::verdict::Verdict;
use issuer::{Issuer, Mood};
use load::Answers;

/// The guard's time-out: nobody waits longer for a key.
const TIME_OUT: Duration = Duration::from_secs(5);
/// What a busy machine may take beside.
const MARGIN: Duration = Duration::from_secs(1);
/// A new key signs so often.
const TURN: Duration = Duration::from_secs(3);
/// Guards that must all refuse a withdrawn key.
const GUARDS: usize = 10;
/// How soon: the promise of a sign-out.
const FELT: Duration = Duration::from_millis(50);

/// A kind of trouble.
struct Trouble {
    name: &'static str,
    mood: Mood,
    /// The port is closed.
    is_down: bool,
    /// Half of the requests name keys that do not exist.
    is_flooded: bool,
    /// Keys turn, each published at the moment in which it begins to sign.
    turns: bool,
}

const fn trouble(name: &'static str, mood: Mood) -> Trouble {
    Trouble {
        name,
        mood,
        is_down: false,
        is_flooded: false,
        turns: false,
    }
}

const SLOW: Mood = Mood::Slow(Duration::from_secs(1));

const TROUBLES: [Trouble; 9] = [
    trouble("none", Mood::Well),
    trouble("slow", SLOW),
    Trouble {
        is_flooded: true,
        ..trouble("flooded", Mood::Well)
    },
    trouble("half broken", Mood::HalfBroken),
    Trouble {
        turns: true,
        ..trouble("rotating", Mood::Well)
    },
    Trouble {
        turns: true,
        is_flooded: true,
        ..trouble("rotating, slow and flooded", SLOW)
    },
    Trouble {
        is_flooded: true,
        ..trouble("silent and flooded", Mood::Silent)
    },
    trouble("silent", Mood::Silent),
    Trouble {
        is_down: true,
        is_flooded: true,
        ..trouble("down and flooded", Mood::Well)
    },
];

/// Each trouble for `seconds` with so many requests in flight.
pub async fn prove(seconds: u64, in_flight: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::named("keys");
    let issuer = Arc::new(Issuer::start().await?);
    let guarded = Guarded::start(guard(&issuer).await?).await?;
    let mut figures = String::new();
    for trouble in &TROUBLES {
        // Each begins with keys that are known.
        issuer.is(Mood::Well);
        let key = issuer.newest().context("a key")?;
        let request = Request::get(GUARDED).bearer(&issuer.token(&key)?);
        let answer = Client::new(guarded.address).send(&request).await?;
        answer.expect(200, trouble.name)?;
        issuer.is(trouble.mood);
        if trouble.is_down {
            issuer.take_down();
        }
        let before = issuer.fetches();
        let lasting = Duration::from_secs(seconds);
        let turning = trouble.turns.then(|| turn(Arc::clone(&issuer)));
        let answers = load::run(
            &issuer,
            guarded.address,
            in_flight,
            lasting,
            trouble.is_flooded,
        )
        .await?;
        drop(turning);
        let fetches = issuer.fetches() - before;
        judge(trouble, &answers, fetches, seconds, &mut verdict);
        let longest = Millis(answers.good.longest());
        let _ = write!(
            figures,
            "{} {} good, longest {longest}; ",
            trouble.name,
            answers.good.len()
        );
    }
    let felt = withdraw().await?;
    verdict.check(felt.longest() <= within(FELT), || {
        format!(
            "a withdrawn key was still taken after {}",
            Millis(felt.longest())
        )
    });
    let _ = write!(
        figures,
        "withdrawn with the key server down: refused by {GUARDS} guards within {}",
        Millis(felt.longest())
    );
    verdict.figures = figures;
    Ok(verdict)
}

fn judge(
    trouble: &Trouble,
    answers: &Answers,
    fetches: usize,
    seconds: u64,
    verdict: &mut Verdict,
) {
    let name = trouble.name;
    println!(
        "  {name}: {} good tokens ({}), {} of unknown keys ({}; {:?}), {fetches} fetches",
        answers.good.len(),
        answers.good,
        answers.unknown.len(),
        answers.unknown,
        answers.of_unknown,
    );
    verdict.check(answers.refused.is_empty(), || {
        format!("{name}: good tokens were refused: {:?}", answers.refused)
    });
    verdict.check(!answers.good.is_empty(), || {
        format!("{name}: nobody asked with a good token")
    });
    for times in [&answers.good, &answers.unknown] {
        verdict.check(times.longest() <= TIME_OUT + MARGIN, || {
            format!("{name}: somebody waited {}", Millis(times.longest()))
        });
    }
    let honest = ["401 token_key_unknown", "503 keys_unknown"];
    let odd: Vec<_> = answers
        .of_unknown
        .keys()
        .filter(|what| !honest.contains(&what.as_str()))
        .collect();
    verdict.check(odd.is_empty(), || {
        format!("{name}: unknown keys got {odd:?}")
    });
    verdict.check(!trouble.is_flooded || !answers.unknown.is_empty(), || {
        format!("{name}: nobody named an unknown key")
    });
    // Two seconds between two fetches, and one for the keys' age now and then.
    let most = usize::try_from(seconds)
        .unwrap_or(usize::MAX)
        .saturating_add(2);
    verdict.check(fetches <= most, || {
        format!("{name}: {fetches} fetches in {seconds} s")
    });
}

async fn guard(issuer: &Issuer) -> anyhow::Result<Guard> {
    let feed = Feed::client("proof", "proof").then_refuse();
    let following = Guard::issuer_at(&issuer.url)
        .audience("proof")
        .keys_at(&issuer.keys_url)
        // As often as it may, so that every trouble is felt.
        .fetch_between(Duration::from_secs(1), Duration::from_secs(2))
        .timeout(TIME_OUT)
        .revocations(feed);
    following
        .connect()
        .await
        .context("following the proof's own issuer")
}

/// Turns keys until it is dropped.
struct Turning(tokio::task::AbortHandle);

impl Drop for Turning {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn turn(issuer: Arc<Issuer>) -> Turning {
    let turning = tokio::spawn(async move {
        while issuer.publish_new_key().is_ok() {
            sleep(TURN).await;
        }
    });
    Turning(turning.abort_handle())
}

/// The time from a withdrawal until each of the guards refuses the key, with the key server down.
async fn withdraw() -> anyhow::Result<Times> {
    let issuer = Issuer::start().await?;
    let old = issuer.newest().context("a key")?;
    let next = issuer.publish_new_key()?;
    let mut guards = Vec::new();
    for _ in 0..GUARDS {
        let guarded = Guarded::start(guard(&issuer).await?).await?;
        let client = Client::new(guarded.address);
        guards.push((guarded, client));
    }
    let by = |key| anyhow::Ok(Request::get(GUARDED).bearer(&issuer.token(key)?));
    let (by_old, by_next) = (by(&old)?, by(&next)?);
    for (_, client) in &mut guards {
        for request in [&by_old, &by_next] {
            client
                .send(request)
                .await?
                .expect(200, "before the withdrawal")?;
        }
    }
    issuer.take_down();
    while tokio::net::TcpStream::connect(issuer::host(&issuer.keys_url).context("an address")?)
        .await
        .is_ok()
    {
        sleep(Duration::from_millis(2)).await;
    }
    issuer.withdraw(&old, &next)?;
    let watch = Stopwatch::start();
    let mut felt = Times::default();
    for (_, client) in &mut guards {
        while client.send(&by_old).await?.status == 200 {
            anyhow::ensure!(
                watch.elapsed() < Duration::from_secs(10),
                "a withdrawn key is taken on and on"
            );
        }
        felt.push(watch.elapsed());
    }
    for (_, client) in &mut guards {
        let answer = client
            .send(&by_old)
            .await?
            .expect(401, "by the withdrawn key")?;
        anyhow::ensure!(answer.code() == "token_revoked", "{}", answer.brief());
        client
            .send(&by_next)
            .await?
            .expect(200, "by the next key")?;
    }
    Ok(felt)
}
