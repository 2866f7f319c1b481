//! Keys that are kept elsewhere: never written to the store, which verifies on what it signed itself.

use keystile::{Algorithm, Random, SigningKey};
use keystile_accounts::{Accounts, Begin, Builder, KeyState, OpenError};

use super::{kid, signing};
use crate::secrets::holds;
use crate::shop::{Shop, on_postgres, options, refused_by, sql};

fn made(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, &Random::system()).unwrap()
}

async fn open(shop: &Shop, change: impl FnOnce(Builder) -> Builder) -> Result<Accounts, OpenError> {
    change(options(shop.folder.path(), &shop.clock))
        .open()
        .await
}

#[tokio::test]
async fn the_first_signs_the_others_verify_and_the_stored_one_retires() {
    let shop = Shop::open().await;
    shop.ada().await;
    let old = shop.sign_in().await;
    let stored = signing(&shop.accounts).await;
    let (one, two) = (made(Algorithm::EdDsa), made(Algorithm::Es256));
    let both = [one.clone(), two.clone()];
    let accounts = open(&shop, |builder| builder.signing_keys(both))
        .await
        .unwrap();
    let new = accounts.refresh(&old.refresh_token).await.unwrap();
    assert_eq!(kid(&accounts, &new), one.key_id().as_str());
    for session in [&old, &new] {
        assert_eq!(refused_by(&accounts, &session.access_token), None);
    }
    let published = accounts.key_set();
    for kid in [one.key_id().as_str(), two.key_id().as_str(), &stored] {
        assert!(published.get(kid).is_some(), "{kid}");
    }
    let keys = accounts.keys().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| key.state).collect();
    let expected = [KeyState::Signing, KeyState::Published, KeyState::Retired];
    assert_eq!(states, expected);
    accounts.turn_keys().await.unwrap();
    assert_eq!(
        accounts.key_set().len(),
        3,
        "a look at the keys changes nothing"
    );

    // Put the other way round, the second signs and the first verifies on.
    let turned = [two.clone(), one.clone()];
    let turned = open(&shop, |builder| builder.signing_keys(turned))
        .await
        .unwrap();
    let next = turned.refresh(&new.refresh_token).await.unwrap();
    assert_eq!(kid(&turned, &next), two.key_id().as_str());
    assert_eq!(refused_by(&turned, &new.access_token), None);

    let private = one.to_pkcs8_der().unwrap();
    let seed = &private.expose()[private.expose().len() - 32..];
    for file in std::fs::read_dir(shop.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!holds(&bytes, seed), "no private key in the store");
    }
    let rows = "SELECT all FROM signing_key".replace(
        "all",
        if on_postgres() {
            "string_agg(kid, ',')"
        } else {
            "group_concat(kid)"
        },
    );
    assert_eq!(sql(shop.folder.path(), &rows), stored, "no row of theirs");
    shop.turn(24 * 3_600);
    turned.turn_keys().await.unwrap();
    assert_eq!(turned.key_set().len(), 2, "the stored one has gone");
}

#[tokio::test]
async fn they_are_changed_where_they_are_kept() {
    let shop = Shop::open().await;
    let stored = signing(&shop.accounts).await;
    let key = made(Algorithm::Es256);
    let accounts = open(&shop, |builder| builder.signing_keys([key.clone()]))
        .await
        .unwrap();
    let rotated = accounts.rotate_keys(None, None, Begin::Now).await;
    assert_eq!(rotated.unwrap_err().code(), "keys_elsewhere");
    let pem = made(Algorithm::Es256).to_pem().unwrap();
    let imported = accounts.import_key(&pem, Begin::Now).await;
    assert_eq!(imported.unwrap_err().code(), "keys_elsewhere");
    let withdrawn = accounts.withdraw_key(None, key.key_id().as_str()).await;
    assert_eq!(withdrawn.unwrap_err().code(), "keys_elsewhere");
    // One that the store signed with before can still be withdrawn.
    let withdrawn = accounts.withdraw_key(None, &stored).await.unwrap();
    assert_eq!(withdrawn.signing.key_id, key.key_id().as_str());
    assert!(accounts.key_set().get(&stored).is_none());
}

#[tokio::test]
async fn a_command_beside_leaves_the_stored_keys_alone() {
    let shop = Shop::open().await;
    let stored = signing(&shop.accounts).await;
    let beside = |builder: Builder| {
        builder
            .signing_keys([made(Algorithm::Es256)])
            .leave_stored_keys()
    };
    drop(open(&shop, beside).await.unwrap());
    assert_eq!(signing(&shop.accounts).await, stored);
}

type Change = Box<dyn FnOnce(Builder) -> Builder>;

#[tokio::test]
async fn contradictions_are_refused_at_the_opening() {
    let shop = Shop::open().await;
    shop.turn(1);
    let key = made(Algorithm::EdDsa);
    let (one, pem) = (key.clone(), key.to_pem().unwrap());
    let cases: [(Change, &str); 4] = [
        (
            Box::new({
                let key = one.clone();
                move |b| b.signing_keys([key.clone(), key])
            }),
            "given twice",
        ),
        (
            Box::new({
                let key = one.clone();
                move |b| b.signing_keys([key]).signing_secret([7; 32])
            }),
            "secret is given too",
        ),
        (
            Box::new({
                let key = one.clone();
                move |b| b.signing_keys([key]).algorithm(Algorithm::Es256)
            }),
            "another algorithm",
        ),
        (
            Box::new({
                let key = one.clone();
                move |b| {
                    let year = std::time::Duration::from_secs(365 * 24 * 3_600);
                    b.signing_keys([key]).rotate_keys_every(Some(year))
                }
            }),
            "changed there",
        ),
    ];
    for (change, part) in cases {
        let refused = open(&shop, change).await.unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    shop.accounts.import_key(&pem, Begin::Now).await.unwrap();
    shop.accounts
        .withdraw_key(None, key.key_id().as_str())
        .await
        .unwrap();
    let refused = open(&shop, |builder| builder.signing_keys([one])).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("was withdrawn"), "{refused}");
}
