//! Keys turn under constant load, while `PyJWT` and `jose` verify every token with their caches on: none that is good is
//! refused. Then a key is withdrawn, and refused everywhere.

mod load;
mod tally;
mod verifier;
mod withdrawal;

pub(crate) use verifier::folder as interop_folder;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Request;
use crate::engine::Engine;
use crate::figures::Stopwatch;
use crate::nodes::Nodes;
use crate::verdict::Verdict;
use load::Person;
use tally::Tally;
use verifier::Verifier;

/// For how many seconds the key set may be kept. A key is published for twice that and the nodes' two seconds before it
/// signs: 12 seconds of real time, of which 5 are spare where verifiers and nodes are as late as they may be.
const MAX_AGE: &str = "5";
const MAX_AGE_SETTING: &str = "5s";

/// How long an access token is good for.
const LIFE: Duration = Duration::from_secs(30);
const LIFE_SETTING: &str = "30s";

/// When a token is looked at again: old, with time enough left for a busy machine.
const OLD: Duration = Duration::from_secs(20);

/// People who sign in and refresh at every node by turns.
const PEOPLE: usize = 8;

/// A step that is due is made within this, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a retired key stays at most: its tokens' life, two minutes of leeway, a key set's age, and polls.
const GONE_WITHIN: Duration = Duration::from_secs(30 + 120 + 60);

/// A rotation for each of `turns`, to that algorithm or, where it is empty, to a new key of the same; where `until_gone`, the
/// load goes on until the first key has left the key set. Then the withdrawal of the key that signs.
pub async fn prove(engine: Engine, turns: &[&str], until_gone: bool) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("rotation", engine);
    let watch = Stopwatch::start();
    let settings = [
        ("KEYSTILE_KEYS__MAX_AGE", MAX_AGE_SETTING),
        ("KEYSTILE_TOKENS__ACCESS_LIFETIME", LIFE_SETTING),
    ];
    let nodes = Nodes::start(engine, 2, &settings).await?;
    let mut verifiers = verifier::beside(&nodes)?;
    let names = verifiers.iter().map(|one| one.name.clone());
    let tally = Arc::new(Tally::new(names.collect()));
    let load = Load::start(&nodes, verifiers, &tally).await?;
    let turned = turn(&nodes, turns, until_gone, &tally).await;
    verifiers = load.stop().await?;
    turned?;
    print!("{tally}");
    tally.judge(turns.len(), &mut verdict);
    let withdrawal = withdrawal::prove(&nodes, verifiers, &mut verdict).await?;
    verdict.figures = format!(
        "{} rotations ({}); {}; {withdrawal}; {:.0} s",
        turns.len(),
        tally.algorithms().join(", "),
        tally.sum(),
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

/// Why the verifiers cannot be started here, if so.
pub fn missing() -> Option<String> {
    let absent = verifier::folder().err()?;
    Some(absent.to_string())
}

/// Turns the keys under load.
async fn turn(
    nodes: &Nodes,
    turns: &[&str],
    until_gone: bool,
    tally: &Tally,
) -> anyhow::Result<()> {
    tally.until_all_sign_with(None).await?;
    let first = published(nodes).await?;
    for algorithm in turns {
        let mut arguments = vec!["key", "rotate", "--json"];
        if !algorithm.is_empty() {
            arguments.extend(["--algorithm", algorithm]);
        }
        let said = nodes.run_with_input(&arguments, "").await?;
        let next: Value = serde_json::from_str(&said)?;
        let next = next[0]["kid"]
            .as_str()
            .context("a rotation without a key")?;
        tally.until_all_sign_with(Some(next)).await?;
    }
    let waiting = Stopwatch::start();
    while until_gone
        && published(nodes)
            .await?
            .iter()
            .any(|kid| first.contains(kid))
    {
        ensure!(
            waiting.elapsed() < GONE_WITHIN,
            "the first key does not leave the key set"
        );
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// The ids in the key set.
async fn published(nodes: &Nodes) -> anyhow::Result<Vec<String>> {
    let asked = Request::get("/.well-known/jwks.json");
    let set = nodes.client().send(&asked).await?;
    let set = set.expect(200, "asking for the key set")?.json();
    let keys = set["keys"].as_array().context("a key set without keys")?;
    let kids = keys.iter().filter_map(|key| key["kid"].as_str());
    Ok(kids.map(str::to_owned).collect())
}

/// The people, and those who verify what they get.
struct Load {
    stop: watch::Sender<bool>,
    people: JoinSet<anyhow::Result<()>>,
    judging: JoinSet<anyhow::Result<Verifier>>,
}

impl Load {
    async fn start(
        nodes: &Nodes,
        verifiers: Vec<Verifier>,
        tally: &Arc<Tally>,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (mut people, mut judging) = (JoinSet::new(), JoinSet::new());
        let mut judges = Vec::new();
        for (number, verifier) in verifiers.into_iter().enumerate() {
            let (sender, tokens) = mpsc::channel(64);
            judges.push(sender);
            judging.spawn(verifier.judge_all(number, tokens, Arc::clone(tally)));
        }
        for index in 0..PEOPLE {
            let person = Person::new(nodes, index, judges.clone(), Arc::clone(tally)).await?;
            people.spawn(person.live(stopped.clone()));
        }
        Ok(Self {
            stop,
            people,
            judging,
        })
    }

    /// The people stop, the verifiers finish what they have.
    async fn stop(mut self) -> anyhow::Result<Vec<Verifier>> {
        self.stop.send_replace(true);
        let mut shown = Ok(());
        while let Some(person) = self.people.join_next().await {
            shown = shown.and(person.context("a person's task failed")?);
        }
        let mut verifiers = Vec::new();
        while let Some(verifier) = self.judging.join_next().await {
            verifiers.push(verifier.context("a verifier's task failed")??);
        }
        // Last: people fail where a verifier ended, and it says why.
        shown?;
        Ok(verifiers)
    }
}
