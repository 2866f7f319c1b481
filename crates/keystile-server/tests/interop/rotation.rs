//! Keys turn under constant verification by `PyJWT` and `jose` with their caches on: no good token is refused.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::process::Process;
use crate::{Oracle, Scripts, oracles, post, tell_absent};

const WATCH: Scripts<'static> = Scripts {
    python: include_str!("watch.py"),
    node: include_str!("watch.mjs"),
};

/// Seconds for which the key set is kept: the shortest that there is, since this test waits in real time.
const MAX_AGE: &str = "1";
/// A key is published for 4 seconds then; on a busy machine the step may be late.
const PATIENCE: Duration = Duration::from_secs(30);

/// A verifier that stays, with what it keeps.
struct Watching {
    name: &'static str,
    child: Child,
    tokens: ChildStdin,
    verdicts: BufReader<ChildStdout>,
}

impl Watching {
    fn start(oracle: &Oracle, issuer: &str) -> Self {
        let mut child = oracle
            .command([issuer, MAX_AGE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", oracle.program.display()));
        Self {
            name: oracle.name,
            tokens: child.stdin.take().expect("a piped standard input"),
            verdicts: BufReader::new(child.stdout.take().expect("a piped standard output")),
            child,
        }
    }

    fn judge(&mut self, token: &str) -> String {
        writeln!(self.tokens, "{token}").expect("the token is written");
        let mut verdict = String::new();
        self.verdicts.read_line(&mut verdict).expect("a verdict");
        verdict.trim().to_owned()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn header(token: &str) -> Value {
    let (header, _) = token.split_once('.').expect("three parts");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    serde_json::from_slice(&header).expect("JSON")
}

/// Refreshes one session without end, and has the verifiers judge what lives.
struct World {
    server: Process,
    refresh: Value,
    watching: Vec<Watching>,
    /// The first token of each key: none of them expires in the time of this test.
    first: BTreeMap<String, String>,
    verified: u64,
}

impl World {
    /// A new token, and what each verifier says of it.
    async fn fresh(&mut self) -> (String, Vec<String>) {
        let url = format!("{}/v1/refresh", self.server.issuer());
        let session = post(url, &json!({ "refresh_token": self.refresh })).await;
        self.refresh = session["refresh_token"].clone();
        let token = session["access_token"].as_str().expect("text").to_owned();
        let said = self.watching.iter_mut().map(|one| one.judge(&token));
        let said = said.collect();
        (token, said)
    }

    /// One new token and the first of each key, all good. Answers which key signed it.
    async fn round(&mut self) -> String {
        let (token, said) = self.fresh().await;
        let kid = header(&token)["kid"].as_str().expect("text").to_owned();
        for (watching, said) in self.watching.iter().zip(said) {
            assert_eq!(said, "ok", "{} of a new token of {kid}", watching.name);
        }
        self.first.entry(kid.clone()).or_insert(token);
        for watching in &mut self.watching {
            for (kid, token) in &self.first {
                let said = watching.judge(token);
                assert_eq!(said, "ok", "{} of an older token of {kid}", watching.name);
                self.verified += 1;
            }
        }
        kid
    }

    async fn rotate(&mut self, flags: &[&str]) {
        let next = self
            .server
            .run(&[&["key", "rotate", "--json"], flags].concat());
        let next: Value = serde_json::from_str(&next).expect("JSON");
        let next = next[0]["kid"].as_str().expect("text").to_owned();
        let since = Instant::now();
        while self.round().await != next {
            assert!(since.elapsed() < PATIENCE, "{next} does not sign");
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
}

#[tokio::test]
async fn three_rotations_and_a_change_of_algorithm_refuse_no_good_token() {
    let oracles = match oracles(&WATCH) {
        Ok(oracles) => oracles,
        Err(absent) => return tell_absent("rotation", &absent),
    };
    let server = Process::start(&format!("[keys]\nmax_age = \"{MAX_AGE}s\"\n"));
    let issuer = server.issuer();
    let ada = json!({"username": "ada", "password": "correct horse battery staple"});
    post(format!("{issuer}/v1/signup"), &ada).await;
    let session = post(format!("{issuer}/v1/login"), &ada).await;
    let watching = oracles.iter();
    let mut world = World {
        refresh: session["refresh_token"].clone(),
        watching: watching.map(|one| Watching::start(one, &issuer)).collect(),
        server,
        first: BTreeMap::new(),
        verified: 0,
    };
    world.round().await;
    for flags in [&[][..], &[], &[], &["--algorithm", "EdDSA"]] {
        world.rotate(flags).await;
    }
    world.round().await;
    assert_eq!(world.first.len(), 5, "five keys have signed");
    let last = world.fresh().await.0;
    assert_eq!(header(&last)["alg"], "EdDSA");
    assert!(world.verified > 100, "{} verified", world.verified);

    // The verifiers do keep what they have: a key that signs unannounced is refused by them for a while.
    for _ in 0..10 {
        world.server.run(&["key", "rotate", "--now"]);
        for _ in 0..20 {
            if world.fresh().await.1.iter().any(|said| said != "ok") {
                return;
            }
        }
    }
    panic!("the verifiers keep nothing, and this test shows nothing");
}
