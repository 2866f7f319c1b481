//! Signing keys and shared secrets.

use keystile_accounts::store::{Field, KeyRecord, KeyState, Revoked, Store, WriteError};

use crate::fixture::{Database, MINUTE, NOW, act, act_at, beginning, session, signed_in};

/// When a published key of these tests may sign.
const DUE: i64 = NOW + 6 * MINUTE;
const LINGER: i64 = 5 * MINUTE;

pub(crate) fn key(kid: &str, state: KeyState) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        public: format!("public part of {kid}"),
        private: format!("private part of {kid}").into_bytes(),
        state,
        created_at: NOW,
        state_since: NOW,
        signed_from: (state == KeyState::Signing).then_some(NOW),
        due_at: (state == KeyState::Published).then_some(DUE),
    }
}

/// What became of each key, for comparison with pairs of names and states.
#[derive(Debug)]
struct States(Vec<(String, KeyState)>);

impl<const N: usize> PartialEq<[(&str, KeyState); N]> for States {
    fn eq(&self, other: &[(&str, KeyState); N]) -> bool {
        let own = self.0.iter().map(|(kid, state)| (kid.as_str(), *state));
        own.eq(other.iter().copied())
    }
}

async fn states(store: &Store) -> States {
    let keys = store.keys().await.unwrap();
    States(keys.into_iter().map(|key| (key.kid, key.state)).collect())
}

pub(crate) async fn all_who_ask_at_once_get_one_signing_key(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = if number % 2 == 0 {
                one.clone()
            } else {
                two.clone()
            };
            let candidate = key(&format!("key{number}"), KeyState::Signing);
            tokio::spawn(async move { store.signing_key_or_insert(candidate).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(one.keys().await.unwrap(), [answers[0].clone()]);
    assert!(
        !format!("{:?}", answers[0]).contains("112"),
        "Debug shows no private byte"
    );
}

/// A key that signs first of all.
pub(crate) async fn first(store: &Store, kid: &str) {
    let candidate = key(kid, KeyState::Signing);
    store.signing_key_or_insert(candidate).await.unwrap();
}

async fn publish(store: &Store, kid: &str) -> KeyRecord {
    let next = key(kid, KeyState::Published);
    store.publish_key(act(), next, None, None).await.unwrap()
}

pub(crate) async fn a_key_goes_from_published_to_signing_to_retired_to_gone(database: &Database) {
    let store = database.open().await;
    store.remember_token_life(15 * MINUTE).await.unwrap();
    first(&store, "a").await;
    assert_eq!(publish(&store, "b").await, key("b", KeyState::Published));
    let early = store.promote_key(act(), "b", DUE - 1, LINGER).await;
    assert!(matches!(early, Err(WriteError::Changed)), "{early:?}");
    assert_eq!(
        states(&store).await,
        [("a", KeyState::Signing), ("b", KeyState::Published)],
        "one that is not due retires nothing"
    );

    store
        .promote_key(act_at(DUE), "b", DUE, LINGER)
        .await
        .unwrap();
    let keys = store.keys().await.unwrap();
    let gone = DUE + LINGER + 15 * MINUTE;
    let retired = KeyRecord {
        private: Vec::new(),
        state: KeyState::Retired,
        state_since: DUE,
        due_at: Some(gone),
        ..key("a", KeyState::Signing)
    };
    let signing = KeyRecord {
        state: KeyState::Signing,
        state_since: DUE,
        signed_from: Some(DUE),
        due_at: None,
        ..key("b", KeyState::Published)
    };
    assert_eq!(keys, [retired, signing]);

    let again = store.promote_key(act_at(DUE), "b", DUE, LINGER).await;
    assert!(matches!(again, Err(WriteError::Changed)), "{again:?}");
    let none: [&str; 0] = [];
    let early = store.remove_retired(act_at(gone - 1), gone - 1).await;
    assert_eq!(early.unwrap(), none);
    let removed = store.remove_retired(act_at(gone), gone).await;
    assert_eq!(removed.unwrap(), ["a"]);
    assert_eq!(states(&store).await, [("b", KeyState::Signing)]);
    let kinds: Vec<_> = audit_kinds(&store).await;
    assert_eq!(
        kinds,
        ["key.gone", "key.signing", "key.retired", "key.published"]
    );
}

async fn audit_kinds(store: &Store) -> Vec<String> {
    let page = store.audit(None, None, 20).await.unwrap();
    page.items.into_iter().map(|record| record.kind).collect()
}

pub(crate) async fn one_key_at_a_time_is_the_next(database: &Database) {
    let store = database.open().await;
    first(&store, "a").await;
    publish(&store, "b").await;
    assert_eq!(publish(&store, "c").await.kid, "b", "the present one stays");
    let next = key("d", KeyState::Published);
    let other = Some("c".to_owned());
    let stays = store.publish_key(act(), next.clone(), None, other).await;
    assert_eq!(stays.unwrap().kid, "b");
    let instead = Some("b".to_owned());
    let new = store.publish_key(act(), next, None, instead).await;
    assert_eq!(new.unwrap().kid, "d");
    assert_eq!(
        states(&store).await,
        [("a", KeyState::Signing), ("d", KeyState::Published)]
    );
    store.cancel_key(act(), "a").await.unwrap();
    store.cancel_key(act(), "d").await.unwrap();
    assert_eq!(states(&store).await, [("a", KeyState::Signing)]);
    let taken = store
        .publish_key(act(), key("a", KeyState::Published), None, None)
        .await;
    assert!(
        matches!(taken, Err(WriteError::Taken(Field::KeyId))),
        "{taken:?}"
    );
}

pub(crate) async fn one_look_at_the_keys_makes_one_step(database: &Database) {
    let store = database.open().await;
    first(&store, "a").await;
    let seen = Some("a".to_owned());
    let scheduled = |kid: &str| key(kid, KeyState::Published);
    store
        .publish_key(act(), scheduled("b"), seen.clone(), None)
        .await
        .unwrap();
    store.promote_key(act(), "b", DUE, LINGER).await.unwrap();
    let late = store.publish_key(act(), scheduled("c"), seen, None).await;
    assert!(matches!(late, Err(WriteError::Changed)), "{late:?}");

    let sign = |kid: &str, in_place_of: &'static str| {
        store.sign_with(act(), key(kid, KeyState::Signing), in_place_of, LINGER)
    };
    publish(&store, "d").await;
    let late = sign("e", "a").await;
    assert!(matches!(late, Err(WriteError::Changed)), "{late:?}");
    sign("e", "b").await.unwrap();
    assert_eq!(
        states(&store).await,
        [
            ("a", KeyState::Retired),
            ("b", KeyState::Retired),
            ("e", KeyState::Signing)
        ],
        "the published one was forgotten"
    );
}

pub(crate) async fn a_withdrawn_key_is_revoked(database: &Database) {
    let store = database.open().await;
    first(&store, "a").await;
    let successor = |kid: &str| Some(key(kid, KeyState::Signing));
    let withdrawn = store.withdraw_key(act(), "a", successor("b")).await;
    assert!(withdrawn.unwrap());
    let rows = store.revocations_after(beginning(), 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].revoked,
        Revoked::Key {
            kid: "a".to_owned()
        }
    );
    let keys = store.keys().await.unwrap();
    assert!(keys[0].private.is_empty(), "the private part is erased");
    assert_eq!(
        states(&store).await,
        [("a", KeyState::Withdrawn), ("b", KeyState::Signing)]
    );
    let again = store.withdraw_key(act(), "a", successor("c")).await;
    assert!(!again.unwrap(), "it was withdrawn before");
    let unknown = store.withdraw_key(act(), "z", successor("c")).await;
    assert!(matches!(unknown, Err(WriteError::NotFound)), "{unknown:?}");
    assert_eq!(
        store
            .revocations_after(beginning(), 10)
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    let back = store
        .publish_key(act(), key("a", KeyState::Published), None, None)
        .await;
    assert!(
        matches!(back, Err(WriteError::Taken(Field::KeyId))),
        "it never comes back: {back:?}"
    );

    // The published key follows at once, due or not; a retired key leaves the signing one alone.
    publish(&store, "d").await;
    store
        .withdraw_key(act(), "b", successor("c"))
        .await
        .unwrap();
    publish(&store, "e").await;
    store.promote_key(act(), "e", DUE, LINGER).await.unwrap();
    store
        .withdraw_key(act(), "d", successor("c"))
        .await
        .unwrap();
    let expected = [
        ("a", KeyState::Withdrawn),
        ("b", KeyState::Withdrawn),
        ("d", KeyState::Withdrawn),
        ("e", KeyState::Signing),
    ];
    assert_eq!(states(&store).await, expected);
    let far = i64::MAX;
    let removed = store.remove_retired(act_at(NOW), far).await.unwrap();
    assert!(removed.is_empty(), "a withdrawn one is never forgotten");
}

pub(crate) async fn steps_that_meet_leave_one_key_signing(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    first(&one, "k0").await;
    let mut before = "k0".to_owned();
    for round in 1..=20 {
        let kid = format!("k{round}");
        let mut tasks = Vec::new();
        for number in 0..8 {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            tasks.push(tokio::spawn(step(
                store,
                number,
                kid.clone(),
                before.clone(),
            )));
        }
        let mut promoted = 0;
        for task in tasks {
            promoted += u32::from(task.await.unwrap());
        }
        assert!(
            promoted <= 1,
            "round {round}: one step made {promoted} times"
        );
        let keys = one.keys().await.unwrap();
        let signing: Vec<_> = keys
            .iter()
            .filter(|key| key.state == KeyState::Signing)
            .collect();
        assert_eq!(signing.len(), 1, "round {round}");
        let was = keys.iter().find(|key| key.kid == before).unwrap();
        assert_eq!(was.state, KeyState::Withdrawn, "round {round}");
        before = signing[0].kid.clone();
        one.cancel_key(act(), &kid).await.unwrap();
    }
}

/// Publishes the next key, lets it sign or withdraws the present one; whether it let it sign.
async fn step(store: Store, number: u32, kid: String, before: String) -> bool {
    match number {
        0 | 1 => {
            let next = key(&kid, KeyState::Published);
            drop(store.publish_key(act(), next, Some(before), None).await);
            false
        }
        2..=5 => store.promote_key(act(), &kid, DUE, LINGER).await.is_ok(),
        _ => {
            let successor = key(&format!("{kid}s{number}"), KeyState::Signing);
            let withdrawn = store.withdraw_key(act(), &before, Some(successor)).await;
            withdrawn.expect("withdrawn, now or before");
            false
        }
    }
}

pub(crate) async fn a_sealed_form_replaces_the_one_that_was_read(database: &Database) {
    let store = database.open().await;
    first(&store, "a").await;
    let old = key("a", KeyState::Signing).private;
    let replace = |old: &[u8], new: &[u8]| {
        let (old, new) = (old.to_vec(), new.to_vec());
        let store = store.clone();
        async move { store.replace_private("a", &old, new, "{}").await.unwrap() }
    };
    assert!(replace(&old, b"sealed").await);
    assert!(!replace(&old, b"sealed otherwise").await);
    let keys = store.keys().await.unwrap();
    assert_eq!(
        (keys[0].private.as_slice(), keys[0].public.as_str()),
        (b"sealed".as_slice(), "{}")
    );
}

pub(crate) async fn the_use_of_a_key_is_counted_by_its_sessions(database: &Database) {
    let store = database.open().await;
    store.remember_token_life(15 * MINUTE).await.unwrap();
    first(&store, "a").await;
    let (ada, _) = signed_in(&store, "ada").await;
    session(&store, &ada.account).await;
    signed_in(&store, "bob").await;
    let (gone, _) = session(&store, &ada.account).await;
    store
        .end_session(act(), "id-ada", &gone.session.id)
        .await
        .unwrap();
    let used = |kid: &'static str, now| {
        let store = store.clone();
        async move {
            let used = store.key_use(kid, now, 2_000).await.unwrap();
            (used.sessions, used.accounts)
        }
    };
    assert_eq!(used("a", NOW + 1).await, (3, 2));
    assert_eq!(used("nobody's", NOW + 1).await, (0, 0));
    publish(&store, "b").await;
    assert_eq!(used("b", NOW + 1).await, (0, 0), "it has signed nothing");
    let later = NOW + 5 * MINUTE;
    store
        .promote_key(act_at(later), "b", i64::MAX, LINGER)
        .await
        .unwrap();
    assert_eq!(used("a", later).await, (3, 2), "their tokens live on");
    assert_eq!(used("b", later).await, (0, 0));
    assert_eq!(used("a", NOW + 15 * MINUTE).await, (0, 0), "they expired");
}

pub(crate) async fn a_shared_secret_is_the_first_one(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let (first, second) = tokio::join!(
        one.shared_secret("guesses", [1; 32]),
        two.shared_secret("guesses", [2; 32])
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    assert!(first == [1; 32] || first == [2; 32]);
    assert_eq!(one.shared_secret("other", [3; 32]).await.unwrap(), [3; 32]);
}
