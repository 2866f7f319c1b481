//! A store in which no key signs: whoever withdrew the last one ended before another was there.

use keystile::{Algorithm, Random, SigningKey};
use keystile_accounts::{Begin, KeyState};

use super::{kid, signing, states};
use crate::shop::{Shop, options, sql};

/// As such an end leaves it.
fn withdraw_all(shop: &Shop) {
    sql(
        shop.folder.path(),
        "UPDATE signing_key SET state = 'withdrawn', due_at = NULL",
    );
}

#[tokio::test]
async fn a_look_at_the_keys_makes_one_of_the_algorithm_that_signed_last() {
    let shop = Shop::open().await;
    shop.ada().await;
    shop.turn(1);
    let last = shop
        .accounts
        .rotate_keys(None, Some(Algorithm::EdDsa), Begin::Now)
        .await
        .unwrap();
    withdraw_all(&shop);
    shop.accounts.turn_keys().await.unwrap();
    let made = signing(&shop.accounts).await;
    assert_ne!(made, last.key_id);
    let keys = shop.accounts.keys().await.unwrap();
    let key = keys.iter().find(|key| key.key_id == made).unwrap();
    assert_eq!(key.algorithm, Algorithm::EdDsa);
    let session = shop.sign_in().await;
    assert_eq!(kid(&shop.accounts, &session), made, "it signs at once");
    assert_eq!(shop.refused(&session.access_token), None);
}

#[tokio::test]
async fn of_two_processes_that_find_it_so_one_makes_the_key() {
    let shop = Shop::open().await;
    let beside = shop.beside().await;
    for _ in 0..5 {
        withdraw_all(&shop);
        let (one, two) = tokio::join!(shop.accounts.turn_keys(), beside.turn_keys());
        one.and(two).unwrap();
        // `signing` finds exactly one.
        let made = signing(&shop.accounts).await;
        assert_eq!(signing(&beside).await, made);
        assert!(beside.key_set().get(&made).is_some());
    }
}

#[tokio::test]
async fn where_the_stores_keys_do_not_sign_none_is_made() {
    let shop = Shop::open().await;
    withdraw_all(&shop);
    shop.accounts.close().await;
    let key = SigningKey::generate(Algorithm::EdDsa, &Random::system()).unwrap();
    let elsewhere = options(shop.folder.path(), &shop.clock).signing_keys([key]);
    let elsewhere = elsewhere.open().await.unwrap();
    elsewhere.turn_keys().await.unwrap();
    let stored = states(&elsewhere).await;
    let signs = stored.iter().filter(|state| **state == KeyState::Signing);
    assert_eq!(signs.count(), 1, "the one that is kept elsewhere: {stored:?}");
    elsewhere.close().await;
    let secret = options(shop.folder.path(), &shop.clock).signing_secret([7; 32]);
    let secret = secret.open().await.unwrap();
    secret.turn_keys().await.unwrap();
    let count = "SELECT CAST(count(*) AS TEXT) FROM signing_key WHERE state = 'signing'";
    assert_eq!(sql(shop.folder.path(), count), "0");
}
