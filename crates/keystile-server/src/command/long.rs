//! What takes long: a progress bar on a terminal, and an end on a signal that leaves nothing half done.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use keystile_accounts::{Fault, Progress, Stop};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Does the work on a thread of its own. SIGINT, SIGTERM and SIGHUP (a terminal that was closed) ask it to stop, and it is
/// waited for: it tidies up.
pub(crate) fn watched<T: Send + 'static>(
    work: impl FnOnce(&Stop, &mut dyn FnMut(Progress)) -> Result<T, Fault> + Send + 'static,
) -> Result<T> {
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:40} {bytes} of {total_bytes} {msg}",
    )?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let stop = Stop::default();
        let asked = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || {
            let done = work(&stop, &mut |progress| show(&bar, progress));
            bar.finish_and_clear();
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
    })
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Copying { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Progress::Checking => bar.set_message("copied, being checked"),
        _ => {}
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
