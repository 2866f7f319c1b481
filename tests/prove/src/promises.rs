//! The list of promises: what the engine's own tests try on SQLite and on PostgreSQL, by the names of the tests, with how it
//! went on each.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::engine::Engine;
use crate::verdict::Verdict;

/// A run of tests: the test's target, and the module that its promises on this engine are in.
struct Run {
    target: &'static str,
    module: &'static str,
    engine: Engine,
}

/// Tests that try the same promises on each engine.
struct Suite {
    title: &'static str,
    runs: [Run; 2],
}

const fn run(target: &'static str, module: &'static str, engine: Engine) -> Run {
    Run {
        target,
        module,
        engine,
    }
}

const SUITES: [Suite; 3] = [
    Suite {
        title: "The store",
        runs: [
            run("store_contract", "sqlite::", Engine::Sqlite),
            run("store_contract", "postgres::", Engine::Postgres),
        ],
    },
    Suite {
        title: "The flows on it",
        runs: [
            run("flows", "", Engine::Sqlite),
            run("flows_on_postgres", "", Engine::Postgres),
        ],
    },
    Suite {
        title: "What is one engine's own",
        runs: [
            run("store_contract", "only_sqlite::", Engine::Sqlite),
            run("store_contract", "only_postgres::", Engine::Postgres),
        ],
    },
];

/// Runs the tests and prints the list.
pub fn prove() -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::named("promises");
    let installed = Engine::installed();
    let mut said: BTreeMap<&str, String> = BTreeMap::new();
    let mut figures = Vec::new();
    for (number, suite) in SUITES.iter().enumerate() {
        let mut table = Table::default();
        for run in &suite.runs {
            if !said.contains_key(run.target) {
                said.insert(run.target, test(run.target)?);
            }
            table.read(&said[run.target], run, installed.contains(&run.engine));
        }
        println!("\n{}\n\n{table}", suite.title);
        // Of the last, each is one engine's alone.
        let alone = number + 1 == SUITES.len();
        table.judge(alone, &mut verdict);
        let what = suite.title.to_lowercase();
        figures.push(format!("{what}: {}", table.0.len()));
    }
    verdict.figures = figures.join(", ");
    Ok(verdict)
}

/// What the tests of a target say; that some fail is no error here.
fn test(target: &str) -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--package", "keystile-accounts", "--test", target])
        .args(["--", "--format", "pretty"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo")?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        said.contains("test result:"),
        "cargo could not run the tests of {target}; see above"
    );
    Ok(said)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    /// The engine is not installed.
    Untried,
}

/// Promises by what they are about, in the order of the tests' names, with the outcome on each engine.
#[derive(Debug, Default)]
struct Table(BTreeMap<String, [Option<Outcome>; 2]>);

impl Table {
    /// Takes over what the test runner said of the tests in the run's module.
    fn read(&mut self, said: &str, run: &Run, installed: bool) {
        for line in said.lines() {
            let Some((name, outcome)) = tested(line) else {
                continue;
            };
            let Some(promise) = name.strip_prefix(run.module) else {
                continue;
            };
            let words = promise.replace("::", ": ").replace('_', " ");
            let row = self.0.entry(words).or_default();
            row[run.engine as usize] = Some(match outcome {
                "ok" if installed => Outcome::Ok,
                "ok" => Outcome::Untried,
                _ => Outcome::Failed,
            });
        }
    }

    fn judge(&self, alone: bool, verdict: &mut Verdict) {
        verdict.check(!self.0.is_empty(), || "there are no promises".to_owned());
        for (promise, row) in &self.0 {
            verdict.check(!row.contains(&Some(Outcome::Failed)), || {
                format!("{promise}: does not hold")
            });
            verdict.check(alone || !row.contains(&None), || {
                format!("{promise}: is not tried on both")
            });
        }
    }
}

/// A test's name and outcome, as the test runner writes them.
fn tested(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.split(" - ").next()?, outcome))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(|promise| promise.chars().count()).max();
        let width = width.unwrap_or_default();
        writeln!(f, "  {:<width$}  sqlite   postgres", "promise")?;
        for (promise, [sqlite, postgres]) in &self.0 {
            let (sqlite, postgres) = (word(*sqlite), word(*postgres));
            writeln!(f, "  {promise:<width$}  {sqlite:<8} {postgres}")?;
        }
        Ok(())
    }
}

fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Ok) => "ok",
        Some(Outcome::Failed) => "FAILS",
        Some(Outcome::Untried) => "not tried",
        None => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "running 4 tests\n\
        test only_sqlite::a_file_is_whole ... ok\n\
        test sqlite::chain::once_only ... ok\n\
        test postgres::chain::once_only ... FAILED\n\
        test sqlite::sweep::it_goes ... ok\n\n\
        test result: FAILED. 3 passed\n";

    fn read(installed: bool) -> Table {
        let mut table = Table::default();
        for run in &SUITES[0].runs {
            table.read(SAID, run, installed || run.engine == Engine::Sqlite);
        }
        table
    }

    #[test]
    fn a_promise_has_a_row_and_each_engine_a_column() {
        let table = read(true);
        assert_eq!(
            table.0["chain: once only"],
            [Some(Outcome::Ok), Some(Outcome::Failed)]
        );
        assert_eq!(table.0.len(), 2, "{table}");
        let mut verdict = Verdict::named("promises");
        table.judge(false, &mut verdict);
        let said = verdict.to_string();
        assert!(said.contains("chain: once only: does not hold"), "{said}");
        assert!(said.contains("sweep: it goes: is not tried on both"));
    }

    #[test]
    fn what_an_absent_engine_would_promise_is_not_tried() {
        let mut table = Table::default();
        table.read("test postgres::a_row ... ok\n", &SUITES[0].runs[1], false);
        assert_eq!(table.0["a row"], [None, Some(Outcome::Untried)]);
    }
}
