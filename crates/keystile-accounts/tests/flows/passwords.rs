use std::collections::BTreeMap;
use std::time::Duration;

use keystile::Random;
use keystile_accounts::{Hashing, NewAccount, SignIn, SignInError, SignUp};

use crate::shop::{OTHER, PASSWORD, Shop, eventually};

/// Cost 5, "bestpass123", as Flask-Bcrypt and others store it.
fn bcrypt(password: &str) -> String {
    bcrypt::hash(password, 5).unwrap()
}

async fn import(shop: &Shop, name: &str, hash: &str) {
    let new = NewAccount::username(name)
        .id(format!("old-{name}"))
        .password_hash(hash);
    shop.accounts.import_account(new).await.unwrap();
}

fn stored(shop: &Shop, name: &str) -> String {
    let sql = format!("SELECT password_hash FROM account WHERE username_key = '{name}'");
    crate::shop::sql(shop.folder.path(), &sql)
}

async fn signs_in(shop: &Shop, name: &str, password: &str) -> bool {
    shop.accounts
        .sign_in(SignIn::username(name).password(password))
        .await
        .is_ok()
}

#[tokio::test]
async fn a_bcrypt_hash_signs_in_and_is_replaced_then() {
    let shop = Shop::open().await;
    for (name, prefix) in [("ada", "$2a$"), ("bob", "$2b$"), ("cyd", "$2y$")] {
        import(
            &shop,
            name,
            &bcrypt("bestpass123").replacen("$2b$", prefix, 1),
        )
        .await;
        assert!(!signs_in(&shop, name, "bestpass124").await);
        assert!(
            stored(&shop, name).starts_with(prefix),
            "a wrong password replaces nothing"
        );
        assert!(
            signs_in(&shop, name, "bestpass123").await,
            "though the policy would not take it now"
        );
        assert!(stored(&shop, name).starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(signs_in(&shop, name, "bestpass123").await);
        assert!(!signs_in(&shop, name, "bestpass124").await);
    }
}

#[tokio::test]
async fn a_bcrypt_hash_that_does_not_cover_the_password_is_kept() {
    let shop = Shop::open().await;
    let long = "x".repeat(100);
    import(&shop, "ada", &bcrypt(&long)).await;
    assert!(signs_in(&shop, "ada", &long).await);
    assert!(
        stored(&shop, "ada").starts_with("$2b$"),
        "a replacement would lock out other forms of it"
    );
    assert!(signs_in(&shop, "ada", &"x".repeat(72)).await);
    assert!(!signs_in(&shop, "ada", &"x".repeat(71)).await);
}

#[tokio::test]
async fn a_bcrypt_hash_is_over_the_raw_bytes() {
    let shop = Shop::open().await;
    import(&shop, "ada", &bcrypt("cafe\u{301}")).await;
    assert!(!signs_in(&shop, "ada", "caf\u{e9}").await);
    assert!(signs_in(&shop, "ada", "cafe\u{301}").await);
    assert!(
        signs_in(&shop, "ada", "caf\u{e9}").await,
        "ours is over NFKC"
    );
}

#[tokio::test]
async fn a_nul_does_not_end_a_password() {
    let shop = Shop::open().await;
    import(&shop, "ada", &bcrypt("bestpass123")).await;
    assert!(!signs_in(&shop, "ada", "bestpass123\0").await);
    assert!(!signs_in(&shop, "ada", "bestpass123\0bestpass123").await);
    assert!(stored(&shop, "ada").starts_with("$2b$"));
    assert!(signs_in(&shop, "ada", "bestpass123").await);
}

#[tokio::test]
async fn a_weaker_argon2_hash_is_replaced_too() {
    let shop = Shop::open().await;
    shop.ada().await;
    let dearer = crate::shop::options(shop.folder.path(), &shop.clock)
        .hashing(Hashing::default().cost(128, 1, 1))
        .open()
        .await
        .unwrap();
    dearer.sign_in(crate::shop::ada_signs_in()).await.unwrap();
    assert!(stored(&shop, "ada").starts_with("$argon2id$v=19$m=128,"));
}

#[tokio::test]
async fn hostile_hashes_are_refused_at_import() {
    let shop = Shop::open().await;
    for hash in [
        "",
        "plain text",
        "$2b$31$abcdefghijklmnopqrstuuKZ1zzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "$argon2id$v=19$m=4000000000,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=64,t=4000000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaA",
    ] {
        let new = NewAccount::username("ada").password_hash(hash);
        let error = shop.accounts.import_account(new).await.unwrap_err();
        assert_eq!(error.code(), "password_hash_unreadable", "{hash}");
        assert!(hash.is_empty() || !error.to_string().contains(hash));
    }
}

/// What one sign-in costs, by the hashes that it ran.
async fn work(shop: &Shop, name: &str, password: &str) -> BTreeMap<String, u64> {
    let before = shop.accounts.hashes_done();
    assert!(!signs_in(shop, name, password).await);
    let mut after = shop.accounts.hashes_done();
    for (cost, count) in before {
        after.entry(cost).and_modify(|now| *now -= count);
    }
    after.retain(|_, count| *count > 0);
    after
}

#[tokio::test]
async fn an_unknown_name_costs_what_a_known_one_costs() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let ours = BTreeMap::from([("$argon2id$v=19$m=64,t=1,p=1".to_owned(), 1)]);
    let without = NewAccount::username("without-password");
    shop.accounts.create_account(None, without).await.unwrap();
    for (name, password) in [
        ("ada", "wrong"),
        ("nobody", "wrong"),
        ("without-password", "wrong"),
        ("nobody@example.org", "wrong"),
        (&"x".repeat(1_000), "wrong"),
        ("ada", &"x".repeat(1_000)),
        ("nobody", &"x".repeat(1_000)),
    ] {
        assert_eq!(work(&shop, name, password).await, ours, "{name}");
    }
    shop.accounts.disable(None, &ada.id).await.unwrap();
    assert_eq!(work(&shop, "ada", PASSWORD).await, ours);
}

#[tokio::test]
async fn while_foreign_hashes_remain_unknown_names_cost_as_the_stored_ones_do() {
    // The same draw each time: by chance alone one run in a thousand would miss the bounds below.
    let shop = Shop::with(|builder| builder.random(Random::seeded(7))).await;
    for number in 0..30 {
        let name = format!("user{number}");
        if number % 3 == 0 {
            shop.accounts
                .sign_up(SignUp::username(name).password(PASSWORD))
                .await
                .unwrap();
        } else {
            import(&shop, &name, &bcrypt("bestpass123")).await;
        }
    }
    let mut drawn = BTreeMap::new();
    for number in 0..60 {
        let name = format!("nobody{number}");
        let first = work(&shop, &name, "wrong").await;
        assert_eq!(first.values().sum::<u64>(), 1);
        assert_eq!(
            work(&shop, &name, "wrong").await,
            first,
            "the same name, the same cost"
        );
        *drawn.entry(first.into_keys().next().unwrap()).or_insert(0) += 1;
    }
    let foreign = drawn["$2b$05"];
    assert!(
        (28..=52).contains(&foreign),
        "two thirds of sixty, about: {foreign}"
    );
    assert_eq!(drawn.len(), 2);
}

#[tokio::test]
async fn a_full_queue_answers_at_once_and_leavers_make_room() {
    let shop = Shop::with(|builder| {
        builder.hashing(Hashing::default().cost(65_536, 8, 1).threads(1).queue(4))
    })
    .await;
    let mut waiting = Vec::new();
    for number in 0..5 {
        let accounts = shop.accounts.clone();
        waiting.push(tokio::spawn(async move {
            accounts
                .sign_in(SignIn::username(format!("user{number}")).password(OTHER))
                .await
        }));
        eventually("the job is in the pool", || {
            shop.accounts.hashes_waiting() == number
                || number == 0 && shop.accounts.hashes_waiting() == 0
        })
        .await;
    }
    eventually("four wait", || shop.accounts.hashes_waiting() == 4).await;
    let refused = shop
        .accounts
        .sign_in(SignIn::username("ada").password(OTHER))
        .await;
    match refused {
        Err(SignInError::Busy { retry_after }) => assert!(retry_after >= Duration::from_secs(1)),
        other => panic!("{other:?}"),
    }
    for task in &waiting {
        task.abort();
    }
    for task in waiting {
        let _ = task.await;
    }
    let again = shop
        .accounts
        .sign_in(SignIn::username("ada").password(OTHER))
        .await;
    assert!(
        matches!(again, Err(SignInError::WrongCredentials)),
        "{again:?}"
    );
    let done: u64 = shop.accounts.hashes_done().values().sum();
    assert!(done <= 2, "those whose callers left were skipped: {done}");
}
