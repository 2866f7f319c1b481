use std::time::Duration;

use keystile_accounts::{Accounts, CallerError, GuessLimits, Hashing, Point, SignIn, SignInError};

use crate::races::hold_at;
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

/// The shop, and another process beside it on the same database.
async fn two_nodes(guesses: u32) -> (Shop, [Accounts; 2]) {
    let limits = GuessLimits::default().per_address(guesses, Duration::from_secs(600));
    let shop = Shop::with(|builder| builder.guess_limits(limits)).await;
    shop.ada().await;
    let beside = crate::shop::options(shop.folder.path(), &shop.clock)
        .guess_limits(limits)
        .open()
        .await
        .unwrap();
    let nodes = [shop.accounts.clone(), beside];
    (shop, nodes)
}

/// Forty sign-ins at once, by turns at each of the nodes; how each ended.
async fn forty_at_once(nodes: &[Accounts], password: fn(usize) -> String) -> Vec<&'static str> {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let accounts = nodes[number % nodes.len()].clone();
        tasks.spawn(async move {
            let request = SignIn::username("ada").password(password(number));
            match accounts.sign_in(request.from(HERE.parse().unwrap())).await {
                Ok(_) => "ok",
                Err(error) => error.code(),
            }
        });
    }
    tasks.join_all().await
}

fn count(codes: &[&str], code: &str) -> usize {
    codes.iter().filter(|found| **found == code).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_in_parallel_gets_no_more_guesses_than_one_in_turn() {
    let (_shop, nodes) = two_nodes(3).await;
    let codes = forty_at_once(&nodes[..1], |number| format!("guess {number}")).await;
    assert_eq!(count(&codes, "credentials_wrong"), 3, "{codes:?}");
    assert_eq!(count(&codes, "limited"), 37, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_at_two_nodes_gets_no_more_guesses_than_one_in_turn() {
    let (_shop, nodes) = two_nodes(3).await;
    let codes = forty_at_once(&nodes, |number| format!("guess {number}")).await;
    assert_eq!(count(&codes, "credentials_wrong"), 3, "{codes:?}");
    assert_eq!(count(&codes, "limited"), 37, "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_honest_ones_at_once_are_not_refused() {
    for most in [1, 3] {
        let (_shop, nodes) = two_nodes(most).await;
        for nodes in [&nodes[..1], &nodes[..]] {
            let codes = forty_at_once(nodes, |_| PASSWORD.to_owned()).await;
            assert_eq!(count(&codes, "ok"), 40, "{codes:?}");
        }
    }
}

/// A shop that lets one guess through at a time, held after the password was found right; and one that holds nothing.
async fn one_at_a_time() -> (Shop, Accounts, crate::races::Held) {
    let limits = GuessLimits::default().per_address(1, Duration::from_secs(600));
    let (held, hold) = hold_at(Point::PasswordChecked);
    let shop = Shop::with(|builder| builder.guess_limits(limits).hold(hold)).await;
    shop.ada().await;
    let beside = crate::shop::options(shop.folder.path(), &shop.clock)
        .guess_limits(limits)
        .open()
        .await
        .unwrap();
    (shop, beside, held)
}

fn from_here(accounts: &Accounts) -> impl Future<Output = bool> + Send + 'static {
    let accounts = accounts.clone();
    async move {
        let request = ada_signs_in().from(HERE.parse().unwrap());
        accounts.sign_in(request).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_goes_away_leaves_their_place_to_the_next() {
    let (shop, beside, held) = one_at_a_time().await;
    let gone = tokio::spawn(from_here(&shop.accounts));
    held.reached.notified().await;
    let next = tokio::spawn(from_here(&beside));
    gone.abort();
    assert!(next.await.unwrap());
}

/// Whoever is refused for want of a hashing thread leaves their place, at whatever point that is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_keeps_nobodys_place() {
    let limits = GuessLimits::default().per_address(1, Duration::from_secs(600));
    // Dear enough that one still runs when the next comes.
    let hashing = Hashing::default().cost(16_384, 2, 1).threads(1).queue(0);
    let shop = Shop::with(|builder| builder.guess_limits(limits).hashing(hashing)).await;
    shop.ada().await;
    for _ in 0..50 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..16 {
            let name = match number % 2 {
                0 => "ada".to_owned(),
                _ => format!("nobody-{number}"),
            };
            let request = SignIn::username(&name).password(PASSWORD);
            let accounts = shop.accounts.clone();
            tasks.spawn(async move { accounts.sign_in(request.from(HERE.parse().unwrap())).await });
        }
        let outcomes = tasks.join_all().await.into_iter();
        let mut codes = outcomes.filter_map(|outcome| outcome.err().map(|error| error.code()));
        let was_full = codes.any(|code| code == "busy");
        assert_eq!(code(&shop, "ada", PASSWORD, HERE).await, "ok");
        if was_full {
            return;
        }
    }
    panic!("the queue was never full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_locks_nobody_out_for_long() {
    let (shop, beside, held) = one_at_a_time().await;
    let killed = tokio::runtime::Runtime::new().unwrap();
    killed.spawn(from_here(&shop.accounts));
    held.reached.notified().await;
    killed.shutdown_background();
    let mut next = tokio::spawn(from_here(&beside));
    let waits = tokio::time::timeout(Duration::from_millis(200), &mut next);
    assert!(waits.await.is_err(), "the place is held");
    shop.turn(60);
    assert!(next.await.unwrap());
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
async fn on_sqlite_the_table_of_counters_names_nobody() {
    // It looks into SQLite's files.
    if crate::shop::on_postgres() {
        return;
    }
    let shop = limited_shop().await;
    code(&shop, "somebody-nobody-knows", "wrong", "203.0.113.77").await;
    shop.accounts.close().await;
    let mut looked_at = 0;
    for file in std::fs::read_dir(shop.folder.path()).unwrap() {
        // The last reader takes the log away when it ends, which nobody waits for.
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else {
            continue;
        };
        looked_at += 1;
        assert!(!crate::secrets::holds(&bytes, b"somebody-nobody-knows"));
        assert!(!crate::secrets::holds(&bytes, b"203.0.113.77"));
    }
    assert!(looked_at > 0);
}
