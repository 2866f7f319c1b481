//! What takes long: a progress bar on a terminal, and an end on a signal that leaves nothing half done.

use std::io::Write;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use keystile_accounts::{Fault, Progress, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::run;

/// Does the work on a thread of its own. SIGINT, SIGTERM and SIGHUP (a terminal that was closed) ask it to stop, and it is
/// waited for: it tidies up.
pub(crate) fn watched<T: Send + 'static>(
    work: impl FnOnce(&Stop, &mut dyn FnMut(Progress)) -> Result<T, Fault> + Send + 'static,
) -> Result<T> {
    let mut shown = Shown::new()?;
    run::alone(Box::pin(async {
        let mut signals = Signals::new()?;
        let stop = Stop::default();
        let asked = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || {
            let done = work(&stop, &mut |progress| shown.show(progress));
            shown.bar.finish_and_clear();
            done
        });
        let done = tokio::select! {
            done = &mut work => done?,
            () = signals.any() => {
                asked.ask();
                work.await?
            }
        };
        Ok(done?)
    }))?
}

/// A bar; where there is no terminal, and rows are counted, a line for each tenth of them.
struct Shown {
    bar: ProgressBar,
    rows: ProgressStyle,
    tenths: u64,
}

impl Shown {
    fn new() -> Result<Self> {
        let bytes = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes} {msg}")?;
        Ok(Self {
            bar: ProgressBar::new(0).with_style(bytes),
            rows: ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {msg}")?,
            tenths: 0,
        })
    }

    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Copying { done, total } => {
                self.bar.set_length(total);
                self.bar.set_position(done);
            }
            Progress::Moving { table, done, total } => {
                self.rows("moving", table, done, total);
            }
            Progress::Comparing { table, done, total } => {
                self.rows("comparing", table, done, total);
            }
            Progress::Checking => self.bar.set_message("being checked"),
            _ => {}
        }
    }

    fn rows(&mut self, what: &str, table: &str, done: u64, total: u64) {
        let tenths = done.saturating_mul(10) / total.max(1);
        let further = std::mem::replace(&mut self.tenths, tenths) != tenths;
        if !self.bar.is_hidden() {
            self.bar.set_style(self.rows.clone());
            self.bar.set_length(total);
            self.bar.set_position(done);
            self.bar.set_message(format!("{what} {table}"));
        } else if further {
            // Who reads it may be gone: no reason to stop.
            let _ = writeln!(std::io::stderr(), "{what} {table}: {done} of {total} rows");
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
