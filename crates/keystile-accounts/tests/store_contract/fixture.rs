//! A database to try, and short ways to say what goes into it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::task::Poll;

use keystile_accounts::store::{
    AccountRecord, Act, Actor, ClientRecord, Cursor, Hash, Identifier, LiveSession, NewAccount,
    NewAccountId, NewClient, NewSession, Options, PasswordHash, Rotate, Rotation, Salt,
    SessionRecord, Store,
};
use tempfile::TempDir;

/// The time at which every test begins, in milliseconds.
pub(crate) const NOW: i64 = 1_800_000_000_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;
pub(crate) const GRACE: i64 = MINUTE;

/// A fresh database of some engine; gone when dropped.
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(keystile_tests_postgres::Database),
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    /// None where PostgreSQL is not installed.
    pub(crate) fn postgres() -> Option<Self> {
        let server = keystile_tests_postgres::Server::shared()?;
        Some(Self::Postgres(server.database()))
    }

    /// The file of a SQLite database.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("made").join("accounts.db"),
            Self::Postgres(_) => panic!("PostgreSQL's are not in a file"),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite://{}", self.path().display()),
            Self::Postgres(database) => database.url(),
        }
    }

    /// Opens it; again and again, as different processes would.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url(), Options::default()).await.unwrap()
    }
}

/// The beginning of the revocations.
pub(crate) fn beginning() -> Cursor {
    Cursor::default()
}

/// Holds every write of a SQLite store back until released, so that a test decides who is first.
pub(crate) struct Held(mpsc::Sender<()>);

impl Held {
    pub(crate) async fn hold(store: &Store) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let Store::Sqlite(sqlite) = store.clone() else {
            panic!("only SQLite has one writer");
        };
        tokio::spawn(async move {
            sqlite
                .write(move |_| {
                    let _ = begun.send(());
                    let _ = released.recv();
                    Ok(())
                })
                .await
        });
        begins.await.unwrap();
        Self(release)
    }

    pub(crate) fn release(self) {
        drop(self.0);
    }
}

/// Puts a write into the queue by polling it once.
pub(crate) async fn queued<T>(write: impl Future<Output = T>) -> Pin<Box<impl Future<Output = T>>> {
    let mut write = Box::pin(write);
    let waits = poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_pending())).await;
    assert!(waits, "answered while the store was held");
    write
}

/// A hash that no other call has given.
pub(crate) fn fresh() -> Hash {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut hash = [0x5a; 32];
    hash[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    hash
}

pub(crate) fn name(text: &str) -> Identifier {
    Identifier {
        shown: text.to_owned(),
        key: text.to_lowercase(),
    }
}

pub(crate) fn password(text: &str) -> PasswordHash {
    PasswordHash {
        encoded: format!("$test$c=1${text}"),
        format: "$test$c=1".to_owned(),
    }
}

pub(crate) fn new_account(username: &str) -> NewAccount {
    NewAccount {
        id: NewAccountId::Given(format!("id-{username}")),
        username: Some(name(username)),
        email: Some(name(&format!("{username}@example.org"))),
        password: Some(password(username)),
        roles: vec!["user".to_owned()],
        imported: false,
    }
}

/// An act of the engine itself.
pub(crate) fn act() -> Act {
    act_at(NOW)
}

pub(crate) fn act_at(now: i64) -> Act {
    Act {
        actor: None,
        now,
        revoked_until: now + 15 * MINUTE,
        from: Some("192.0.2.1".to_owned()),
    }
}

/// An act of the session's own user.
pub(crate) fn act_of(live: &LiveSession) -> Act {
    let actor = Actor {
        account_id: live.account.id.clone(),
        session_id: live.session.id.clone(),
        generation: live.account.generation,
        required_role: None,
    };
    Act {
        actor: Some(actor),
        ..act()
    }
}

pub(crate) async fn account(store: &Store, username: &str) -> AccountRecord {
    store
        .create_account(act(), new_account(username))
        .await
        .unwrap()
}

/// A client whose id is its name, but for the article before it.
pub(crate) fn new_client(name: &str) -> NewClient {
    NewClient {
        id: name.to_owned(),
        name: format!("the {name}"),
        secret_hash: [90; 32],
        scopes: vec!["posts:read".to_owned(), "posts:write".to_owned()],
        audiences: vec!["https://api.example".to_owned()],
    }
}

pub(crate) async fn client(store: &Store, name: &str) -> ClientRecord {
    store.create_client(act(), new_client(name)).await.unwrap()
}

pub(crate) fn new_session(account: &AccountRecord, token: Hash) -> NewSession {
    NewSession {
        id: format!(
            "session-{}",
            u64::from_be_bytes(token[..8].try_into().unwrap())
        ),
        account_id: account.id.clone(),
        generation: account.generation,
        token_hash: token,
        expires_at: NOW + 30 * DAY,
        absolute_expires_at: None,
        device: Some("a browser".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        client_id: None,
        attempt: None,
        most: None,
    }
}

/// A living session and the hash of its refresh token.
pub(crate) async fn session(store: &Store, account: &AccountRecord) -> (LiveSession, Hash) {
    let token = fresh();
    let live = store
        .open_session(act(), new_session(account, token))
        .await
        .unwrap();
    (live.expect("the account lives"), token)
}

/// An account with one session.
pub(crate) async fn signed_in(store: &Store, username: &str) -> (LiveSession, Hash) {
    let account = account(store, username).await;
    session(store, &account).await
}

/// A rotation of `presented` with a salt and successor of its own.
pub(crate) fn rotation(presented: Hash) -> Rotate {
    Rotate {
        presented,
        successor: fresh(),
        salt: Salt(fresh()),
        now: NOW + 1,
        expires_at: NOW + 30 * DAY,
        idle: false,
        grace: GRACE,
        client_id: None,
        address: None,
        revoked_until: NOW + 15 * MINUTE,
    }
}

pub(crate) async fn rotate(store: &Store, presented: Hash) -> Rotation {
    store.rotate(rotation(presented)).await.unwrap()
}

/// Rotates and answers the successor's hash.
pub(crate) async fn rotated(store: &Store, presented: Hash) -> Hash {
    let rotation = rotation(presented);
    let successor = rotation.successor;
    let outcome = store.rotate(rotation).await.unwrap();
    assert!(matches!(outcome, Rotation::Rotated(_)), "{outcome:?}");
    successor
}

/// The account's living sessions, newest first.
pub(crate) async fn listed(store: &Store, account_id: &str, now: i64) -> Vec<SessionRecord> {
    let page = store.sessions(account_id, now, None, 1_000).await.unwrap();
    assert_eq!(page.next, None, "more than a thousand");
    page.items
}

/// Whether the session is still listed.
pub(crate) async fn lives(store: &Store, live: &LiveSession) -> bool {
    store
        .live_session(&live.session.id, NOW + 2)
        .await
        .unwrap()
        .is_some()
}

/// The kinds of all audit rows, newest first.
pub(crate) async fn audited(store: &Store) -> Vec<String> {
    let page = store.audit(None, None, 1_000).await.unwrap();
    page.items.into_iter().map(|row| row.kind).collect()
}
