//! A COMMIT whose answer is lost: what it wrote is there, and nobody is told that it is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keystile_accounts::store::{Attempt, NewSession, Options, Store, StoreError, WriteError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::fixture::{
    Database, MINUTE, NOW, account, act, beginning, fresh, lives, new_session, session,
};

/// A way to the server that can break between the next COMMIT and its answer.
struct Breaking {
    folder: tempfile::TempDir,
    breaks: Arc<AtomicBool>,
}

impl Breaking {
    fn before(server: PathBuf) -> Self {
        let breaking = Self {
            folder: tempfile::tempdir().unwrap(),
            breaks: Arc::default(),
        };
        let listener = UnixListener::bind(breaking.folder.path().join(".s.PGSQL.5432")).unwrap();
        let breaks = Arc::clone(&breaking.breaks);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&breaks)));
            }
        });
        breaking
    }
}

/// Carries messages both ways; ends, and closes both, when an answer is to be lost.
async fn carry(client: UnixStream, server: UnixStream, breaks: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let loses = AtomicBool::new(false);
    let up = async {
        // The first message has no type: its length, and what follows.
        let mut typed = false;
        while let Ok(message) = message(&mut from_client, typed).await {
            // Said before the server can answer.
            if typed && message[5..].starts_with(b"COMMIT") && breaks.swap(false, Ordering::SeqCst)
            {
                loses.store(true, Ordering::SeqCst);
            }
            typed = true;
            if to_server.write_all(&message).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut answer = [0; 8_192];
        while let Ok(length @ 1..) = from_server.read(&mut answer).await {
            if loses.load(Ordering::SeqCst) {
                return;
            }
            if to_client.write_all(&answer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn message(from: &mut (impl AsyncReadExt + Unpin), typed: bool) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    if typed {
        message.push(from.read_u8().await?);
    }
    let length = from.read_u32().await?;
    message.extend_from_slice(&length.to_be_bytes());
    let at = message.len();
    message.resize(at + length as usize - 4, 0);
    from.read_exact(&mut message[at..]).await?;
    Ok(message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_there_and_the_error_leaves_it_open() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let url = database.url();
    let (_, tail) = url.split_once('@').unwrap();
    let (host, name) = tail.split_once(":5432/").unwrap();
    let socket = PathBuf::from(host.replace("%2F", "/")).join(".s.PGSQL.5432");
    let way = Breaking::before(socket);
    let host = way.folder.path().display().to_string().replace('/', "%2F");
    let through = format!("postgres://keystile@{host}/{name}?sslmode=disable");
    let store = Store::open(&through, Options::default()).await.unwrap();
    let ada = account(&store, "ada").await;
    let (ended, _) = session(&store, &ada).await;
    let attempt = Attempt {
        key: fresh(),
        window: MINUTE,
        period: None,
    };
    let held = store.admit_attempt(attempt, 3, NOW).await.unwrap().unwrap();
    store.admit_attempt(attempt, 3, NOW).await.unwrap().unwrap();

    let new = NewSession {
        attempt: Some(held),
        ..new_session(&ada, fresh())
    };
    let id = new.id.clone();
    way.breaks.store(true, Ordering::SeqCst);
    let opened = store.open_session(act(), new).await;
    assert!(leaves_open(&opened), "{opened:?}");
    assert!(store.live_session(&id, NOW).await.unwrap().is_some());
    let counted = store.attempts(vec![attempt.key], NOW).await.unwrap()[0];
    assert_eq!(counted.under_way, 1, "its place was given back with it");

    way.breaks.store(true, Ordering::SeqCst);
    let signed_out = store.end_session(act(), &ada.id, &ended.session.id).await;
    assert!(leaves_open(&signed_out), "{signed_out:?}");
    assert!(!lives(&store, &ended).await);
    let poll = store.revocations_after(beginning(), 10).await.unwrap();
    assert_eq!(poll.rows.len(), 1, "whoever follows hears of it: {poll:?}");
}

/// Whether it may be one or the other, as far as the caller is told.
fn leaves_open<T>(answer: &Result<T, WriteError>) -> bool {
    matches!(answer, Err(WriteError::Store(StoreError::Unreachable(_))))
}
