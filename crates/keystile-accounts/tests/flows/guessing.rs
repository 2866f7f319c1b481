use std::time::Duration;

use keystile_accounts::{CallerError, GuessLimits, SignIn, SignInError};

use crate::shop::{OTHER, PASSWORD, Shop, ada_signs_in, caller};

const HERE: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.2";

async fn limited_shop() -> Shop {
    let limits = GuessLimits::default().per_address(3, Duration::from_secs(600));
    let shop = Shop::with(|builder| builder.guess_limits(limits)).await;
    shop.ada().await;
    shop
}

async fn code(shop: &Shop, name: &str, password: &str, from: &str) -> &'static str {
    let request = SignIn::username(name)
        .password(password)
        .from(from.parse().unwrap());
    match shop.accounts.sign_in(request).await {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn known_and_unknown_names_are_limited_alike_before_any_hash() {
    let shop = limited_shop().await;
    for name in ["ada", "nobody"] {
        for _ in 0..3 {
            assert_eq!(code(&shop, name, "wrong", HERE).await, "credentials_wrong");
        }
        let hashes = shop.accounts.hashes_done();
        assert_eq!(code(&shop, name, PASSWORD, HERE).await, "limited");
        assert_eq!(
            shop.accounts.hashes_done(),
            hashes,
            "refused before any work"
        );
    }
}

#[tokio::test]
async fn a_limit_says_when_to_come_back_and_ends_then() {
    let shop = limited_shop().await;
    for _ in 0..3 {
        code(&shop, "ada", "wrong", HERE).await;
    }
    shop.turn(100);
    let error = shop
        .accounts
        .sign_in(ada_signs_in().from(HERE.parse().unwrap()))
        .await
        .unwrap_err();
    match error {
        SignInError::Limited { retry_after } => assert_eq!(retry_after, Duration::from_secs(500)),
        other => panic!("{other}"),
    }
    shop.turn(500);
    assert_eq!(code(&shop, "ada", PASSWORD, HERE).await, "ok");
}

#[tokio::test]
async fn a_window_without_end_still_counts() {
    let limits = GuessLimits::default().per_address(1, Duration::MAX);
    let shop = Shop::with(|builder| builder.guess_limits(limits)).await;
    shop.ada().await;
    assert_eq!(code(&shop, "ada", "wrong", HERE).await, "credentials_wrong");
    assert_eq!(code(&shop, "ada", PASSWORD, HERE).await, "limited");
}

#[tokio::test]
async fn the_owner_still_signs_in_from_elsewhere() {
    let shop = limited_shop().await;
    let living = shop.sign_in().await;
    for _ in 0..4 {
        code(&shop, "ada", "wrong", HERE).await;
    }
    assert_eq!(code(&shop, "ada", PASSWORD, ELSEWHERE).await, "ok");
    assert!(
        shop.accounts.sign_in(ada_signs_in()).await.is_ok(),
        "and from where no address is known"
    );
    assert!(
        shop.accounts.refresh(&living.refresh_token).await.is_ok(),
        "living sessions go on"
    );
}

#[tokio::test]
async fn an_ipv6_subscriber_is_one_address() {
    let shop = limited_shop().await;
    for host in 1..=3 {
        code(&shop, "ada", "wrong", &format!("2001:db8:1:1::{host}")).await;
    }
    assert_eq!(
        code(&shop, "ada", PASSWORD, "2001:db8:1:1:ffff::1").await,
        "limited"
    );
    assert_eq!(code(&shop, "ada", PASSWORD, "2001:db8:1:2::1").await, "ok");
}

#[tokio::test]
async fn a_success_begins_the_count_of_its_address_anew() {
    let shop = limited_shop().await;
    for _ in 0..4 {
        for _ in 0..2 {
            assert_eq!(code(&shop, "ada", "wrong", HERE).await, "credentials_wrong");
        }
        assert_eq!(code(&shop, "ada", PASSWORD, HERE).await, "ok");
    }
}

#[tokio::test]
async fn counts_outlive_a_restart_and_are_shared() {
    let shop = limited_shop().await;
    for _ in 0..3 {
        code(&shop, "ada", "wrong", HERE).await;
    }
    let limits = GuessLimits::default().per_address(3, Duration::from_secs(600));
    let beside = crate::shop::options(shop.folder.path(), &shop.clock)
        .guess_limits(limits)
        .open()
        .await
        .unwrap();
    let error = beside
        .sign_in(ada_signs_in().from(HERE.parse().unwrap()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "limited");
}

#[tokio::test]
async fn a_burst_in_parallel_gets_no_more_guesses_than_one_in_turn() {
    let shop = limited_shop().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let accounts = shop.accounts.clone();
        tasks.spawn(async move {
            let request = SignIn::username("ada").password(format!("guess {number}"));
            accounts
                .sign_in(request.from(HERE.parse().unwrap()))
                .await
                .unwrap_err()
                .code()
        });
    }
    let codes = tasks.join_all().await;
    assert_eq!(
        codes
            .iter()
            .filter(|code| **code == "credentials_wrong")
            .count(),
        3
    );
    assert_eq!(codes.iter().filter(|code| **code == "limited").count(), 37);
}

#[tokio::test]
async fn many_honest_ones_at_once_are_not_refused() {
    let shop = limited_shop().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let accounts = shop.accounts.clone();
        tasks.spawn(async move {
            accounts
                .sign_in(ada_signs_in().from(HERE.parse().unwrap()))
                .await
                .is_ok()
        });
    }
    assert!(
        tasks
            .join_all()
            .await
            .into_iter()
            .all(|signed_in| signed_in)
    );
}

#[tokio::test]
async fn the_current_password_is_guessed_at_no_faster() {
    let shop = limited_shop().await;
    let session = shop.sign_in().await;
    let ada = caller(&shop.accounts, &session).from(HERE.parse().unwrap());
    for _ in 0..3 {
        let error = shop
            .accounts
            .change_password(&ada, "wrong", OTHER)
            .await
            .unwrap_err();
        assert!(matches!(error, CallerError::WrongPassword), "{error}");
    }
    for error in [
        shop.accounts
            .change_password(&ada, PASSWORD, OTHER)
            .await
            .unwrap_err(),
        shop.accounts
            .delete_account(&ada, PASSWORD)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, CallerError::Limited { .. }), "{error}");
    }
    assert_eq!(shop.refused(&session.access_token), None);
}

#[tokio::test]
async fn the_table_of_counters_names_nobody() {
    // It looks into SQLite's files.
    if crate::shop::on_postgres() {
        return;
    }
    let shop = limited_shop().await;
    code(&shop, "somebody-nobody-knows", "wrong", "203.0.113.77").await;
    shop.accounts.close().await;
    for file in std::fs::read_dir(shop.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!crate::secrets::holds(&bytes, b"somebody-nobody-knows"));
        assert!(!crate::secrets::holds(&bytes, b"203.0.113.77"));
    }
}
