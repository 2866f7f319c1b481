//! What a guarded GET costs beside a bare one.

use std::sync::Arc;

use anyhow::{Context, ensure};
use keystile::{Algorithm, SigningKey};

use crate::Effort;
use crate::child::{Role, Running};
use crate::count::Counter;
use crate::count::step::{self, Steps};
use crate::load::{Connection, get, send_all};
use crate::report::{Figure, Limit, Section};
use crate::server::Route;
use crate::stopwatch::median;
use crate::tokens::{KeyText, different_tokens, signing_key};

/// Connections of the timed rounds. The counted runs have one, so that every run counts the same.
const CONNECTIONS: usize = 16;

/// Instructions of the kernel for one request of a bare server on loopback: the bar's 26,100 for bare axum, user and
/// kernel, less the 12,900 of the user that are counted here. Used only where no hardware counter counts them.
const KERNEL: f64 = 13_200.0;

/// One row: a route and what is sent to it.
struct Case {
    name: String,
    route: Route,
    requests: Arc<Vec<Vec<u8>>>,
    limit: Option<f64>,
    /// Whether every request verifies an elliptic-curve signature.
    heavy: bool,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Guarded GET, one route with the guard and nothing else, keep-alive, loopback TCP",
    );
    let cases = cases(effort)?;
    let cases: Vec<&Case> = cases.iter().collect();
    count(&mut section, &cases, effort).await?;
    time(&mut section, &cases, effort).await?;
    section.notes.push(
        "bare: axum's hello route, sent no token; first sight: every request carries another valid token, with the \
         guard's memory on (its default) or off; remembered: always the same one"
            .to_owned(),
    );
    section.notes.push(format!(
        "times: medians of alternating rounds, {CONNECTIONS} connections, the server on one core and the load on \
         another; CPU time is the server's own, user and kernel, as the scheduler accounts it"
    ));
    Ok(section)
}

/// A row for every case, the first of them bare.
fn rows(section: &mut Section, cases: &[&Case], figures: &[f64], unit: &'static str, judged: bool) {
    for (case, figure) in cases.iter().zip(figures) {
        let row = Figure::new(&case.name, *figure, unit).over("bare", figures[0]);
        section.figures.push(match case.limit {
            Some(limit) if judged => row.limit(Limit::AtMost(limit)),
            _ => row,
        });
    }
}

async fn count(section: &mut Section, cases: &[&Case], effort: Effort) -> anyhow::Result<()> {
    let counter = Counter::find();
    let Some(counter) = counter else {
        section
            .notes
            .push("neither perf nor valgrind works here: no instructions counted".to_owned());
        return Ok(());
    };
    let stepping = !counter.is_real() && step::works();
    if stepping {
        // A P-256 verification is ten times the rest of a request, and no limit rests on it.
        let light: Vec<&Case> = cases.iter().copied().filter(|case| !case.heavy).collect();
        let mut stepped = Vec::new();
        for case in &light {
            stepped.push(instructions_stepped(case, effort.stepped_requests()).await?);
        }
        rows(section, &light, &stepped, "user instructions", false);
        let whole: Vec<f64> = stepped.iter().map(|user| user + KERNEL).collect();
        rows(section, &light, &whole, "instructions", true);
        section.notes.push(format!(
            "user instructions: this machine gives no hardware counter, so the server is stepped through on the real \
             processor, one instruction at a time (ptrace); instructions: those and {KERNEL} of the kernel's, which \
             cannot be counted here: what a bare GET costs where they can (see bench/README.md); every route makes \
             the same system calls"
        ));
    }
    let mut counted = Vec::new();
    for case in cases {
        counted.push(instructions(counter, case, effort.counted_requests()).await?);
    }
    rows(
        section,
        cases,
        &counted,
        if stepping {
            "by callgrind"
        } else {
            "instructions"
        },
        !stepping,
    );
    section.notes.push(counter.describe().to_owned());
    Ok(())
}

async fn time(section: &mut Section, cases: &[&Case], effort: Effort) -> anyhow::Result<()> {
    let mut taken = vec![(Vec::new(), Vec::new()); cases.len()];
    for _ in 0..effort.rounds() {
        for (case, (rates, costs)) in cases.iter().zip(&mut taken) {
            let (rate, cost) = timed(case, effort.timed_requests()).await?;
            rates.push(rate);
            costs.push(cost);
        }
    }
    let (rates, costs): (Vec<_>, Vec<_>) = taken
        .into_iter()
        .map(|(rates, costs)| (median(rates), median(costs)))
        .unzip();
    rows(section, cases, &costs, "µs of CPU", false);
    rows(section, cases, &rates, "requests/s", false);
    Ok(())
}

/// Bare first: the others are compared with it.
fn cases(effort: Effort) -> anyhow::Result<Vec<Case>> {
    let mut cases = vec![Case {
        name: "bare".to_owned(),
        route: Route::Bare,
        requests: sent(&[None]),
        limit: None,
        heavy: false,
    }];
    for (algorithm, first_limit) in [(Algorithm::Hs256, Some(1.65)), (Algorithm::Es256, None)] {
        let key = signing_key(algorithm)?;
        let route = |remember| {
            anyhow::Ok(Route::Guarded {
                key: KeyText::of(&key)?,
                remember,
            })
        };
        let different = different(&key, effort)?;
        let same = Arc::new(vec![different[0].clone()]);
        let case = |name: &str, route, requests: &Arc<_>, limit| Case {
            name: format!("{algorithm} {name}"),
            route,
            requests: Arc::clone(requests),
            limit,
            heavy: algorithm != Algorithm::Hs256 && requests.len() > 1,
        };
        if cases.len() == 1 {
            cases.push(Case {
                name: "bare, sent a token all the same".to_owned(),
                route: Route::Bare,
                requests: Arc::clone(&same),
                limit: None,
                heavy: false,
            });
        }
        cases.push(case("remembered", route(true)?, &same, Some(1.15)));
        cases.push(case("first sight", route(true)?, &different, first_limit));
        cases.push(case(
            "first sight, memory off",
            route(false)?,
            &different,
            None,
        ));
    }
    Ok(cases)
}

/// As many requests as a run sends, so that none repeats.
fn different(key: &SigningKey, effort: Effort) -> anyhow::Result<Arc<Vec<Vec<u8>>>> {
    let count = effort.timed_requests().max(2 * effort.counted_requests());
    let tokens = different_tokens(key, count)?;
    Ok(sent(
        &tokens
            .iter()
            .map(|token| Some(token.as_str()))
            .collect::<Vec<_>>(),
    ))
}

fn sent(tokens: &[Option<&str>]) -> Arc<Vec<Vec<u8>>> {
    Arc::new(tokens.iter().map(|token| get("/", *token)).collect())
}

/// Instructions a request, start-up and warm-up cancelled: a run of twice as many requests less a run of `count`.
async fn instructions(counter: Counter, case: &Case, count: usize) -> anyhow::Result<f64> {
    let once = instructions_of_run(counter, case, count).await?;
    let twice = instructions_of_run(counter, case, 2 * count).await?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok((twice - once) / count as f64)
}

async fn instructions_of_run(counter: Counter, case: &Case, count: usize) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("count");
    let mut server =
        Running::start(&counter.wrapper(&file), &Role::Serve(case.route.clone())).await?;
    send_all(server.address().await?, &case.requests, 1, count).await?;
    server.finish().await?;
    counter.read(&file).context("reading the instruction count")
}

/// Instructions a request of a warm server, stepped through on one connection.
async fn instructions_stepped(case: &Case, count: usize) -> anyhow::Result<f64> {
    const WARM: usize = 50;
    let mut server = Running::start(&[], &Role::Serve(case.route.clone())).await?;
    let mut connection = Connection::open(server.address().await?).await?;
    let mut requests = case.requests.iter().cycle();
    for request in requests.by_ref().take(WARM) {
        connection.send(request).await?;
    }
    let process = server.id()?;
    let steps = tokio::task::spawn_blocking(move || Steps::attach(process)).await??;
    for request in requests.take(count) {
        let status = connection.send(request).await?;
        ensure!(status == 200, "the measured server answered {status}");
    }
    let steps = tokio::task::spawn_blocking(move || steps.finish()).await??;
    server.finish().await?;
    #[allow(clippy::cast_precision_loss, reason = "millions")]
    Ok(steps as f64 / count as f64)
}

/// Requests a second, and microseconds of CPU time a request.
async fn timed(case: &Case, count: usize) -> anyhow::Result<(f64, f64)> {
    let mut server = Running::start(&[], &Role::Serve(case.route.clone())).await?;
    let address = server.address().await?;
    let before = cpu_nanoseconds(server.id()?)?;
    let elapsed = send_all(address, &case.requests, CONNECTIONS, count).await?;
    let cpu = cpu_nanoseconds(server.id()?)? - before;
    server.finish().await?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let count = count as f64;
    Ok((count / elapsed.as_secs_f64(), cpu / 1000.0 / count))
}

/// CPU time of the process's first thread, which is the one that serves. NaN where the kernel does not account it.
fn cpu_nanoseconds(process: u32) -> anyhow::Result<f64> {
    let Ok(line) = std::fs::read_to_string(format!("/proc/{process}/schedstat")) else {
        return Ok(f64::NAN);
    };
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}
