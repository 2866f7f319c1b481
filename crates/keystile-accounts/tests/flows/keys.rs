//! Keys that turn: no good token is refused, and of two who find a step due one makes it.

mod elsewhere;
mod none_signs;
mod sealing;
mod verifiers;

use std::time::Duration;

use keystile::{Algorithm, Random, SigningKey};
use keystile_accounts::{Accounts, Begin, KeyState, KeyStep, NewAccount, Point, SignedIn};

use crate::races::hold_at;
use crate::shop::{PASSWORD, Shop, ada_signs_in, eventually, options, refused_by};

const HOUR: u64 = 3_600;

async fn states(accounts: &Accounts) -> Vec<KeyState> {
    let keys = accounts.keys().await.unwrap();
    keys.iter().map(|key| key.state).collect()
}

async fn signing(accounts: &Accounts) -> String {
    let keys = accounts.keys().await.unwrap();
    let mut signing = keys
        .into_iter()
        .filter(keystile_accounts::KeySummary::is_signing);
    let key = signing.next().expect("a key signs");
    assert!(signing.next().is_none(), "one key signs");
    key.key_id
}

fn kid(accounts: &Accounts, session: &SignedIn) -> String {
    let verified = accounts.guard().verify(&session.access_token).unwrap();
    verified.key_id().unwrap().as_str().to_owned()
}

#[tokio::test]
async fn a_rotation_publishes_first_signs_when_due_and_ends_in_time() {
    let shop = Shop::open().await;
    shop.ada().await;
    let old = shop.sign_in().await;
    let first = signing(&shop.accounts).await;
    shop.turn(1);
    let next = shop
        .accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let due = shop.clock.now().saturating_add(shop.accounts.key_lead());
    let step = next.next.unwrap();
    assert_eq!(
        (next.state, step.step, step.at),
        (KeyState::Published, KeyStep::Signs, due)
    );
    assert_eq!(shop.accounts.key_set().len(), 2);
    let again = shop.accounts.rotate_keys(None, None, Begin::WhenDue).await;
    assert_eq!(again.unwrap(), next, "the same rotation, asked for twice");

    let lead = shop.accounts.key_lead();
    shop.clock
        .advance(lead.saturating_sub(Duration::from_secs(1)));
    shop.accounts.turn_keys().await.unwrap();
    assert_eq!(signing(&shop.accounts).await, first, "not yet");
    shop.turn(1);
    shop.accounts.turn_keys().await.unwrap();
    let new = shop.sign_in().await;
    assert_eq!(kid(&shop.accounts, &new), next.key_id);
    assert_eq!(shop.refused(&old.access_token), None);
    let keys = shop.accounts.keys().await.unwrap();
    let gone = keys[0].next.unwrap();
    assert_eq!(
        (keys[0].state, gone.step),
        (KeyState::Retired, KeyStep::Goes)
    );
    // The longest life, its leeway of two minutes, the age of key sets, a poll.
    let wait = Duration::from_secs(15 * 60 + 120 + 300 + 2);
    assert_eq!(gone.at, shop.clock.now().saturating_add(wait));

    shop.clock.advance(wait);
    shop.accounts.turn_keys().await.unwrap();
    assert_eq!(states(&shop.accounts).await, [KeyState::Signing]);
    assert_eq!(shop.accounts.key_set().len(), 1);
}

#[tokio::test]
async fn two_processes_find_a_step_due_and_one_makes_it() {
    let shop = Shop::open().await;
    let beside = shop.beside().await;
    for _ in 0..5 {
        let before = signing(&shop.accounts).await;
        let (one, two) = tokio::join!(
            shop.accounts.rotate_keys(None, None, Begin::WhenDue),
            beside.rotate_keys(None, None, Begin::WhenDue)
        );
        let next = one.unwrap().key_id;
        assert_eq!(next, two.unwrap().key_id, "one rotation");
        shop.clock.advance(shop.accounts.key_lead());
        let (one, two) = tokio::join!(shop.accounts.turn_keys(), beside.turn_keys());
        one.and(two).unwrap();
        assert_eq!(signing(&shop.accounts).await, next);
        assert_ne!(before, next);
        shop.turn(HOUR);
        let (one, two) = tokio::join!(shop.accounts.turn_keys(), beside.turn_keys());
        one.and(two).unwrap();
        assert_eq!(states(&beside).await, [KeyState::Signing]);
    }
}

#[tokio::test]
async fn at_once_is_one_step_however_many_ask() {
    let shop = Shop::open().await;
    shop.ada().await;
    let old = shop.sign_in().await;
    shop.turn(1);
    let now = shop
        .accounts
        .rotate_keys(None, Some(Algorithm::EdDsa), Begin::Now);
    let key = now.await.unwrap();
    assert_eq!(
        (key.state, key.algorithm),
        (KeyState::Signing, Algorithm::EdDsa)
    );
    assert_eq!(kid(&shop.accounts, &shop.sign_in().await), key.key_id);
    assert_eq!(shop.refused(&old.access_token), None);
    // One that is on its way signs at once, in the place of a third.
    let next = shop
        .accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    assert_eq!(next.algorithm, Algorithm::EdDsa, "as the present one");
    let now = shop
        .accounts
        .rotate_keys(None, None, Begin::Now)
        .await
        .unwrap();
    assert_eq!((now.key_id, now.state), (next.key_id, KeyState::Signing));
}

#[tokio::test]
async fn a_killed_process_leaves_a_rotation_that_the_next_goes_on_with() {
    let shop = Shop::open().await;
    shop.turn(1);
    let next = shop
        .accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let lead = shop.accounts.key_lead();
    drop(shop.accounts);
    let again = options(shop.folder.path(), &shop.clock)
        .open()
        .await
        .unwrap();
    assert_eq!(
        states(&again).await,
        [KeyState::Signing, KeyState::Published]
    );
    drop(again);
    shop.clock.advance(lead);
    let again = options(shop.folder.path(), &shop.clock)
        .open()
        .await
        .unwrap();
    assert_eq!(
        signing(&again).await,
        next.key_id,
        "the opening makes the step"
    );
    drop(again);
    shop.clock.advance(Duration::from_secs(HOUR));
    let again = options(shop.folder.path(), &shop.clock)
        .open()
        .await
        .unwrap();
    assert_eq!(states(&again).await, [KeyState::Signing]);
}

#[tokio::test]
async fn a_schedule_makes_a_key_in_time_and_one_that_is_too_short_is_refused() {
    let day = Duration::from_secs(24 * HOUR);
    let shop = Shop::with(|builder| builder.rotate_keys_every(Some(day))).await;
    let first = signing(&shop.accounts).await;
    let beside = options(shop.folder.path(), &shop.clock).rotate_keys_every(Some(day));
    let beside = beside.open().await.unwrap();
    shop.clock
        .advance(day.saturating_sub(shop.accounts.key_lead() + Duration::from_secs(1)));
    shop.accounts.turn_keys().await.unwrap();
    assert_eq!(states(&shop.accounts).await, [KeyState::Signing]);
    shop.turn(1);
    let (one, two) = tokio::join!(shop.accounts.turn_keys(), beside.turn_keys());
    one.and(two).unwrap();
    assert_eq!(
        states(&shop.accounts).await,
        [KeyState::Signing, KeyState::Published]
    );
    shop.clock.advance(shop.accounts.key_lead());
    shop.accounts.turn_keys().await.unwrap();
    assert_ne!(signing(&shop.accounts).await, first, "after a day");

    let short = Duration::from_secs(1_000);
    let refused = options(shop.folder.path(), &shop.clock).rotate_keys_every(Some(short));
    let refused = refused.open().await.unwrap_err();
    assert!(refused.to_string().contains("at least 1684 s"), "{refused}");
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_everywhere_and_another_signs_at_once() {
    let shop = Shop::open().await;
    shop.ada().await;
    let beside = shop.beside().await;
    let old = shop.sign_in().await;
    let first = signing(&shop.accounts).await;
    let used = shop.accounts.key_use(&first).await.unwrap();
    assert_eq!((used.sessions, used.accounts), (1, 1));
    let withdrawal = shop.accounts.withdraw_key(None, &first).await.unwrap();
    assert_eq!(withdrawal.key.state, KeyState::Withdrawn);
    assert_eq!(withdrawal.signing.key_id, signing(&shop.accounts).await);
    assert_eq!(shop.refused(&old.access_token), Some("token_key_unknown"));
    eventually(
        "the other process refuses it too, and signs with the new one",
        || {
            refused_by(&beside, &old.access_token).is_some()
                && beside.key_set().get(&first).is_none()
        },
    )
    .await;
    // Nobody has to sign in again.
    let new = beside.refresh(&old.refresh_token).await.unwrap();
    for accounts in [&shop.accounts, &beside] {
        assert_eq!(refused_by(accounts, &new.access_token), None);
    }
    let again = shop.accounts.withdraw_key(None, &first).await.unwrap();
    assert_eq!(again.signing, withdrawal.signing, "nothing more happens");
    let unknown = shop.accounts.withdraw_key(None, "nobody's").await;
    assert_eq!(unknown.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_sign_in_that_a_withdrawal_overtakes_gives_no_token_of_that_key() {
    let (held, hold) = hold_at(Point::SessionOpened);
    let shop = Shop::with(|builder| builder.hold(hold)).await;
    shop.ada().await;
    let accounts = shop.accounts.clone();
    let sign_in = tokio::spawn(async move { accounts.sign_in(ada_signs_in()).await });
    held.reached.notified().await;
    let first = signing(&shop.accounts).await;
    shop.accounts.withdraw_key(None, &first).await.unwrap();
    held.go.add_permits(1);
    let session = sign_in.await.unwrap().unwrap();
    assert_ne!(kid(&shop.accounts, &session), first);
}

#[tokio::test]
async fn rotations_and_withdrawals_meet_and_one_key_signs() {
    let shop = Shop::open().await;
    let beside = shop.beside().await;
    for round in 0..10 {
        let before = signing(&shop.accounts).await;
        let (one, two, three, four) = tokio::join!(
            shop.accounts.rotate_keys(None, None, Begin::Now),
            beside.rotate_keys(None, None, Begin::WhenDue),
            shop.accounts.withdraw_key(None, &before),
            beside.withdraw_key(None, &before),
        );
        for rotated in [one, two] {
            if let Err(error) = rotated {
                assert_eq!(error.code(), "store_conflict", "round {round}");
            }
        }
        for withdrawn in [three, four] {
            if let Err(error) = withdrawn {
                assert_eq!(error.code(), "store_conflict", "round {round}");
            }
        }
        let keys = shop.accounts.keys().await.unwrap();
        let was = keys.iter().find(|key| key.key_id == before).unwrap();
        assert_eq!(was.state, KeyState::Withdrawn, "round {round}");
        assert_ne!(signing(&shop.accounts).await, before);
    }
}

#[tokio::test]
async fn what_contradicts_the_configuration_is_refused() {
    let shop = Shop::with(|builder| builder.algorithm(Algorithm::Es256)).await;
    let code =
        |outcome: Result<_, keystile_accounts::AdminError>| outcome.map(drop).unwrap_err().code();
    let rotate = shop
        .accounts
        .rotate_keys(None, Some(Algorithm::EdDsa), Begin::WhenDue);
    assert_eq!(code(rotate.await), "algorithm_contradicts");
    let rotate = shop
        .accounts
        .rotate_keys(None, Some(Algorithm::Hs256), Begin::WhenDue);
    assert_eq!(code(rotate.await), "algorithm_contradicts");
    let pem = SigningKey::generate(Algorithm::EdDsa, &Random::system()).unwrap();
    let pem = pem.to_pem().unwrap();
    let import = shop.accounts.import_key(&pem, Begin::WhenDue);
    assert_eq!(code(import.await), "algorithm_contradicts");

    let secret = Shop::with(|builder| builder.signing_secret([7; 32])).await;
    let rotate = secret.accounts.rotate_keys(None, None, Begin::WhenDue);
    assert_eq!(code(rotate.await), "keys_elsewhere");
}

#[tokio::test]
async fn an_imported_key_is_published_first() {
    let shop = Shop::open().await;
    let first = signing(&shop.accounts).await;
    let key = SigningKey::generate(Algorithm::EdDsa, &Random::system()).unwrap();
    let pem = key.to_pem().unwrap();
    shop.accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let next = shop
        .accounts
        .import_key(&pem, Begin::WhenDue)
        .await
        .unwrap();
    assert_eq!(next.state, KeyState::Published, "in the place of the other");
    assert_eq!(signing(&shop.accounts).await, first);
    shop.clock.advance(shop.accounts.key_lead());
    shop.accounts.turn_keys().await.unwrap();
    assert_eq!(signing(&shop.accounts).await, key.key_id().as_str());
    assert_eq!(*shop.accounts.export_key(&next.key_id).await.unwrap(), *pem);
    let erased = shop.accounts.export_key(&first).await.unwrap_err();
    assert_eq!(erased.code(), "key_erased");
}

#[tokio::test]
async fn an_administrator_is_rechecked() {
    let shop = Shop::open().await;
    let boss = NewAccount::username("boss")
        .password(PASSWORD)
        .roles(["admin"]);
    let boss = shop.accounts.create_account(None, boss).await.unwrap();
    let session = keystile_accounts::SignIn::username("boss").password(PASSWORD);
    let session = shop.accounts.sign_in(session).await.unwrap();
    let caller = crate::shop::caller(&shop.accounts, &session);
    let rotate = |begin| shop.accounts.rotate_keys(Some(&caller), None, begin);
    rotate(Begin::WhenDue).await.unwrap();
    shop.accounts.set_roles(None, &boss.id, &[]).await.unwrap();
    for begin in [Begin::WhenDue, Begin::Now] {
        assert_eq!(rotate(begin).await.unwrap_err().code(), "caller_stale");
    }
    let first = signing(&shop.accounts).await;
    let withdrawn = shop.accounts.withdraw_key(Some(&caller), &first).await;
    assert_eq!(withdrawn.unwrap_err().code(), "caller_stale");
    assert_eq!(signing(&shop.accounts).await, first);
}
