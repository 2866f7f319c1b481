//! Runs what has to wait to its end, where a command starts.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::runtime::{Builder, Runtime};

/// Work that waits, in a box: Tokio would otherwise be compiled anew for each command, with everything that the command
/// awaits in it, and once for every kind of runtime.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// On this thread alone, as commands do.
///
/// # Errors
/// The machine has no room for a runtime.
pub(crate) fn alone<T>(work: Work<'_, T>) -> io::Result<T> {
    on(Builder::new_current_thread(), work)
}

/// With a thread for every core, as the server does.
///
/// # Errors
/// The machine has no room for a runtime.
pub(crate) fn on_all_cores<T>(work: Work<'_, T>) -> io::Result<T> {
    on(Builder::new_multi_thread(), work)
}

fn on<T>(mut builder: Builder, work: Work<'_, T>) -> io::Result<T> {
    let runtime: Runtime = builder.enable_all().build()?;
    Ok(runtime.block_on(work))
}
