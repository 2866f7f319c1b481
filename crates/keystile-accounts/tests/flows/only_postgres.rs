//! Several nodes on one database, where it has locks and a clock of its own.

use std::time::Duration;

use keystile::Clock;
use keystile_accounts::{Accounts, Begin};
use tokio_postgres::NoTls;

use crate::shop::{Shop, ada_signs_in, eventually, on_postgres, options, refused_by, url};

/// Held as long as the client lives.
async fn locked(shop: &Shop, table: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&url(shop.folder.path()), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
        ))
        .await
        .unwrap();
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_on_the_keys_holds_no_revocation_up() {
    if !on_postgres() {
        return;
    }
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let command = shop.beside().await;
    let session = shop.sign_in().await;
    let lock = locked(&shop, "signing_key").await;
    // By then everybody has looked at the keys, and waits.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    command.disable(None, &ada.id).await.unwrap();
    // Whoever waits for the lock gives up after 5 s at the soonest.
    for _ in 0..250 {
        if shop.refused(&session.access_token) == Some("token_revoked") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
    drop(lock);
}

/// Two nodes whose machines' clocks are an hour off, one each way, as soon as they are open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_wrong_clocks_go_by_the_databases_from_the_first_moment() {
    if !on_postgres() {
        return;
    }
    let shop = Shop::with(|builder| builder.clock(Clock::system())).await;
    shop.ada().await;
    let hour = Duration::from_secs(3_600);
    let right = Clock::system();
    let (behind, ahead) = (Clock::led(), Clock::led());
    behind.set(right.now().saturating_sub(hour));
    ahead.set(right.now().saturating_add(hour));
    let open = async |clock: &Clock| -> Accounts {
        let opened = options(shop.folder.path(), clock).open().await.unwrap();
        let apart = clock
            .now()
            .since(right.now())
            .max(right.now().since(clock.now()));
        assert!(apart < Duration::from_secs(5), "{apart:?}");
        opened
    };
    let nodes = [open(&behind).await, open(&ahead).await];
    let next = nodes[0]
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let due = next.next.unwrap().at;
    let meant = right.now().saturating_add(nodes[0].key_lead());
    let off = due.since(meant).max(meant.since(due));
    assert!(off < Duration::from_secs(5), "{off:?}");

    let mut session = nodes[0].sign_in(ada_signs_in()).await.unwrap();
    for number in 0..6 {
        let (one, other) = (&nodes[number % 2], &nodes[1 - number % 2]);
        let used = session.refresh_token.expose().to_owned();
        session = one.refresh(&used).await.unwrap();
        let again = other.refresh(&used).await.unwrap();
        assert_eq!(again.refresh_token.expose(), session.refresh_token.expose());
        for node in &nodes {
            assert_eq!(refused_by(node, &session.access_token), None);
        }
    }
    // What happens to a clock while the node runs is put right within about a second.
    ahead.set(right.now().saturating_add(hour));
    eventually("it is put right", || {
        ahead.now().since(right.now()) < Duration::from_secs(5)
    })
    .await;
}
