//! What goes over the wire: a rotation is one round trip, and many sessions end in as few as one.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keystile_accounts::store::{NewSession, Options, Rotation, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::fixture::{
    Database, NOW, act, beginning, fresh, listed, new_session, rotate, rotated, session, signed_in,
};

/// A way to the server that counts how often the client stops to wait for an answer: every `Sync` and every simple query.
struct Counted {
    folder: tempfile::TempDir,
    waits: Arc<AtomicUsize>,
}

impl Counted {
    fn before(server: PathBuf) -> Self {
        let counted = Self {
            folder: tempfile::tempdir().unwrap(),
            waits: Arc::default(),
        };
        let listener = UnixListener::bind(counted.folder.path().join(".s.PGSQL.5432")).unwrap();
        let waits = Arc::clone(&counted.waits);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                let waits = Arc::clone(&waits);
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(
                    async move { tokio::io::copy(&mut from_server, &mut to_client).await },
                );
                tokio::spawn(async move {
                    // The first message has no type: its length, and what follows.
                    let _ = pass(&mut from_client, &mut to_server, None).await;
                    let waits = Some(&*waits);
                    while pass(&mut from_client, &mut to_server, waits).await.is_ok() {}
                });
            }
        });
        counted
    }

    fn so_far(&self) -> usize {
        self.waits.load(Ordering::SeqCst)
    }
}

/// Passes one message on. One that has a type is counted if the client waits for its answer: before the server has it, as the
/// answer may be with the client sooner than this goes on.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    waits: Option<&AtomicUsize>,
) -> std::io::Result<()> {
    let mut message = Vec::new();
    if let Some(waits) = waits {
        let kind = from.read_u8().await?;
        message.push(kind);
        if matches!(kind, b'S' | b'Q') {
            waits.fetch_add(1, Ordering::SeqCst);
        }
    }
    let length = from.read_u32().await?;
    message.extend_from_slice(&length.to_be_bytes());
    let mut rest = vec![0; length as usize - 4];
    from.read_exact(&mut rest).await?;
    message.extend_from_slice(&rest);
    to.write_all(&message).await
}

/// A store that goes by a counted way.
async fn counted(database: &Database) -> (Counted, Store) {
    let url = database.url();
    let (_, tail) = url.split_once('@').unwrap();
    let (host, name) = tail.split_once(":5432/").unwrap();
    let socket = PathBuf::from(host.replace("%2F", "/")).join(".s.PGSQL.5432");
    let way = Counted::before(socket);
    let host = way.folder.path().display().to_string().replace('/', "%2F");
    let options = Options {
        connections: 2,
        ..Options::default()
    };
    let through = format!("postgres://keystile@{host}/{name}?sslmode=disable");
    let store = Store::open(&through, options).await.unwrap();
    (way, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_one_round_trip_and_a_lost_one_two() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (way, store) = counted(&database).await;
    let (_, token) = signed_in(&store, "ada").await;
    // Each connection prepares a statement at its first use.
    let token = rotated(&store, token).await;
    let token = rotated(&store, token).await;
    let before = way.so_far();
    let next = rotated(&store, token).await;
    let next = rotated(&store, next).await;
    let after_two = way.so_far();
    assert_eq!(after_two - before, 2);

    let (_, spent) = signed_in(&store, "bob").await;
    rotated(&store, spent).await;
    rotate(&store, spent).await;
    let before = way.so_far();
    assert!(matches!(
        rotate(&store, spent).await,
        Rotation::Replayed(..)
    ));
    assert_eq!(way.so_far() - before, 2);
    rotated(&store, next).await;
}

/// Where the limit on sessions was lowered from thousands, nobody would ever sign in again otherwise: the store does not
/// wait for so many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_displace_many_sessions_takes_as_many_round_trips_as_to_displace_one() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (way, store) = counted(&database).await;
    let (first, _) = signed_in(&store, "ada").await;
    for _ in 1..40 {
        session(&store, &first.account).await;
    }
    let displace = async |most| {
        let before = way.so_far();
        let new = NewSession {
            most: Some(most),
            ..new_session(&first.account, fresh())
        };
        store.open_session(act(), new).await.unwrap().unwrap();
        way.so_far() - before
    };
    // Each connection prepares a statement at its first use.
    for _ in 0..4 {
        displace(40).await;
    }
    let one = displace(40).await;
    assert_eq!(displace(5).await, one);
    assert_eq!(listed(&store, "id-ada", NOW + 1).await.len(), 5);
    let told = store.revocations_after(beginning(), 100).await.unwrap();
    assert_eq!(told.rows.len(), 41);
    let rows = store.audit(Some("id-ada"), None, 200).await.unwrap().items;
    let rows = rows.iter().filter(|row| row.kind == "session.displaced");
    let each: HashSet<_> = rows.map(|row| row.session_id.clone().unwrap()).collect();
    assert_eq!(each.len(), 41);
}
