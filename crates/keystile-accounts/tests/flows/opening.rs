use std::time::Duration;

use keystile::Algorithm;
use keystile_accounts::{Accounts, Builder, Hashing, OpenError};

use crate::shop::{Shop, clock, options, url};

#[tokio::test]
async fn what_is_not_a_url_is_refused_with_its_cure() {
    for url in [
        "shop.db",
        "/var/lib/shop.db",
        "",
        "mysql://ada:secret@db/shop",
        "postgres://ada:secret@/shop",
        "postgres://ada:secret@db/shop?sslmode=allow",
    ] {
        let error = Accounts::open(url).await.unwrap_err();
        assert!(matches!(error, OpenError::Url { .. }), "{url}: {error}");
        let text = error.to_string();
        let cure = if url.starts_with("postgres") {
            "postgres://USER"
        } else {
            "sqlite://"
        };
        assert!(text.contains(cure), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_look_finds_the_key_while_the_accounts_are_open() {
    let shop = Shop::open().await;
    shop.ada().await;
    let found = Accounts::inspect(&url(shop.folder.path()))
        .await
        .unwrap()
        .unwrap();
    let keys = shop.accounts.keys().await.unwrap();
    assert_eq!(
        found.signing_key.unwrap(),
        (keys[0].algorithm, keys[0].key_id.clone())
    );
    assert_eq!((found.accounts, found.damage.len()), (1, 0));
}

type Change = fn(Builder, Duration) -> Builder;

#[tokio::test]
async fn options_that_contradict_each_other_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3_600);
    let changes: [(&str, Change); 10] = [
        ("access_lifetime", |builder, _| {
            builder.access_lifetime(Duration::ZERO)
        }),
        ("refresh_lifetime", |builder, hour| {
            builder.access_lifetime(hour).refresh_lifetime(hour)
        }),
        ("idle_limit", |builder, hour| {
            builder.access_lifetime(hour).idle_limit(Some(hour))
        }),
        ("absolute_limit", |builder, _| {
            builder.absolute_limit(Some(Duration::ZERO))
        }),
        ("session_limit", |builder, _| builder.session_limit(Some(0))),
        ("replay_grace", |builder, hour| builder.replay_grace(hour)),
        ("refresh_hash_key", |builder, _| {
            builder.refresh_hash_key([0; 31])
        }),
        ("signing_secret", |builder, _| {
            builder.signing_secret([0; 31])
        }),
        ("algorithm", |builder, _| {
            builder.algorithm(Algorithm::Es256).signing_secret([0; 32])
        }),
        ("hashing", |builder, _| {
            builder.hashing(Hashing::default().cost(1, 1, 1))
        }),
    ];
    for (name, change) in changes {
        let builder = change(options(folder.path(), &clock()), hour);
        match builder.open().await {
            Err(OpenError::Option { option, .. }) => assert_eq!(option, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = options(folder.path(), &clock())
        .algorithm(Algorithm::Hs256)
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.code(), "option_invalid");
}

#[tokio::test]
async fn a_closed_one_answers_with_a_fault() {
    let shop = Shop::open().await;
    shop.ada().await;
    let clone = shop.accounts.clone();
    shop.accounts.close().await;
    assert_eq!(clone.ping().await.unwrap_err().code(), "store_closed");
    assert_eq!(
        clone
            .sign_in(crate::shop::ada_signs_in())
            .await
            .unwrap_err()
            .code(),
        "store_closed"
    );
}

#[tokio::test]
async fn a_database_in_memory_serves_a_test() {
    let accounts = Accounts::builder("sqlite::memory:")
        .hashing(Hashing::default().cost(64, 1, 1))
        .open()
        .await
        .unwrap();
    let request = keystile_accounts::SignUp::username("ada").password(crate::shop::PASSWORD);
    accounts.sign_up(request).await.unwrap();
    assert!(accounts.sign_in(crate::shop::ada_signs_in()).await.is_ok());
}
