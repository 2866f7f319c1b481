//! What a guarded GET costs beside a bare one.

use std::sync::Arc;

use anyhow::Context;

use crate::Effort;
use crate::child::{Role, Running};
use crate::count::Counter;
use crate::load::{get, send_all};
use crate::report::{Figure, Section};
use crate::server::Route;
use crate::stopwatch::median;

/// One row: a route and what is sent to it.
struct Case {
    name: &'static str,
    route: Route,
    requests: Arc<Vec<Vec<u8>>>,
}

pub(crate) async fn measure(effort: Effort) -> anyhow::Result<Section> {
    let mut section = Section::new("Guarded GET, one route, loopback, keep-alive");
    let cases = cases(effort)?;
    if let Some(counter) = Counter::find() {
        for case in &cases {
            let per_request = instructions(counter, case, effort.counted_requests()).await?;
            section
                .figures
                .push(Figure::new(case.name, per_request, "instructions"));
        }
        section.notes.push(counter.describe().to_owned());
    } else {
        section
            .notes
            .push("neither perf nor valgrind works here: no instructions counted".to_owned());
    }
    let mut rates = vec![Vec::new(); cases.len()];
    for _ in 0..effort.rounds() {
        for (case, rates) in cases.iter().zip(&mut rates) {
            rates.push(rate(case, effort.timed_requests()).await?);
        }
    }
    for (case, rates) in cases.iter().zip(rates) {
        section
            .figures
            .push(Figure::new(case.name, median(rates), "requests/s"));
    }
    Ok(section)
}

fn cases(_effort: Effort) -> anyhow::Result<Vec<Case>> {
    Ok(vec![Case {
        name: "bare",
        route: Route::Bare,
        requests: Arc::new(vec![get("/", None)]),
    }])
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

/// Requests a second over 16 connections.
async fn rate(case: &Case, count: usize) -> anyhow::Result<f64> {
    let mut server = Running::start(&[], &Role::Serve(case.route.clone())).await?;
    let elapsed = send_all(server.address().await?, &case.requests, 16, count).await?;
    server.finish().await?;
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    Ok(count as f64 / elapsed.as_secs_f64())
}
