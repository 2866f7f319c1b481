//! The readers: a few threads with a connection each, opened when first needed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, watch};

use super::super::StoreError;
use super::connect;
use super::location::Location;

/// A read; it sends its own answer.
pub(super) type Read = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// Starts `count` readers behind one bounded queue. They end when the queue's senders are gone; each
/// listens to `open` until its connection is closed.
pub(super) fn start(
    location: &Location,
    lock_wait: Duration,
    count: usize,
    queue: usize,
    open: &watch::Sender<()>,
) -> io::Result<mpsc::Sender<Read>> {
    let (sender, receiver) = mpsc::channel(queue);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let (location, receiver) = (location.clone(), Arc::clone(&receiver));
        let is_open = open.subscribe();
        thread::Builder::new()
            .name("keystile-reader".to_owned())
            .spawn(move || {
                serve(&location, lock_wait, &receiver);
                drop(is_open);
            })?;
    }
    Ok(sender)
}

fn serve(location: &Location, lock_wait: Duration, queue: &Mutex<mpsc::Receiver<Read>>) {
    let mut connection = None;
    loop {
        // One reader waits inside the lock, the others for the lock: a read wakes one of them.
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(read) = next else {
            return;
        };
        // A panic is a defect; it costs its own caller an error, not everybody a reader.
        let whole = catch_unwind(AssertUnwindSafe(|| {
            match connect_once(&mut connection, location, lock_wait) {
                Ok(connection) => read(Ok(connection)),
                Err(error) => read(Err(error)),
            }
        }));
        if whole.is_err() {
            tracing::error!("a read broke off inside the program");
            // Whatever it had begun ends with its connection.
            connection = None;
        }
    }
}

fn connect_once<'a>(
    held: &'a mut Option<Connection>,
    location: &Location,
    lock_wait: Duration,
) -> Result<&'a Connection, StoreError> {
    match held {
        Some(connection) => Ok(connection),
        None => Ok(held.insert(connect::reading(location, lock_wait)?)),
    }
}
