use keystile::{Algorithm, Random, SigningKey};
use keystile_accounts::{Accounts, Begin, KeyState, SignedIn, Which};

use crate::shop::{Shop, eventually, options, refused_by};

#[tokio::test]
async fn another_processs_sign_out_is_felt() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    let command = shop.beside().await;
    assert_eq!(refused_by(&command, &session.access_token), None);
    command.disable(None, &ada.id).await.unwrap();
    assert_eq!(
        refused_by(&command, &session.access_token),
        Some("token_revoked"),
        "at once where it was done"
    );
    eventually("the other process hears of it", || {
        shop.refused(&session.access_token) == Some("token_revoked")
    })
    .await;
}

#[tokio::test]
async fn what_was_revoked_before_a_start_is_known_after_it() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    shop.accounts
        .sign_out(&ada.id, &session.session_id, Which::This)
        .await
        .unwrap();
    let again = shop.beside().await;
    assert_eq!(
        refused_by(&again, &session.access_token),
        Some("token_revoked")
    );
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_guard_refuse() {
    let shop =
        Shop::with(|builder| builder.access_lifetime(std::time::Duration::from_secs(36_000))).await;
    shop.ada().await;
    let session = shop.sign_in().await;
    shop.turn(3_600);
    assert_eq!(shop.refused(&session.access_token), None);
    shop.clock
        .set(keystile::Timestamp::from_seconds(1_900_000_000));
    assert_eq!(shop.refused(&session.access_token), None);
}

#[tokio::test]
async fn a_store_that_does_not_answer_makes_the_guard_refuse() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    // The table that is polled is gone: every poll fails.
    let folder = shop.folder.path();
    crate::shop::sql(folder, "ALTER TABLE revocation RENAME TO hidden");
    eventually("the guard cannot know what is revoked", || {
        shop.refused(&session.access_token) == Some("revocation_unknown")
    })
    .await;
    crate::shop::sql(folder, "ALTER TABLE hidden RENAME TO revocation");
    eventually("the guard knows again", || {
        shop.refused(&session.access_token).is_none()
    })
    .await;
}

#[tokio::test]
async fn a_guard_that_outlives_the_last_handle_refuses() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let guard = shop.accounts.guard();
    let clone = shop.accounts.clone();
    drop(shop.accounts);
    assert!(guard.verify(&session.access_token).is_ok());
    drop(clone);
    let refusal = guard.verify(&session.access_token).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.reason().status()),
        ("revocation_unknown", 503)
    );
}

#[tokio::test]
async fn two_processes_agree_on_the_first_key() {
    let shop = Shop::open().await;
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(
        options(folder.path(), &shop.clock).open(),
        options(folder.path(), &shop.clock).open()
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.key_set().to_jwks_json(), two.key_set().to_jwks_json());
    assert_eq!(one.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_algorithm_is_published_first_and_the_old_tokens_stay_good() {
    let shop = Shop::open().await;
    shop.ada().await;
    let old = shop.sign_in().await;
    shop.turn(1);
    let changed = options(shop.folder.path(), &shop.clock)
        .algorithm(Algorithm::EdDsa)
        .open()
        .await
        .unwrap();
    let key_set = changed.key_set().to_jwks_json();
    assert!(key_set.contains("ES256") && key_set.contains("EdDSA"));
    let last = changed.refresh(&old.refresh_token).await.unwrap();
    assert_eq!(algorithm_of(&changed, &last), Algorithm::Es256);
    eventually("the process that still runs publishes it too", || {
        shop.accounts.key_set().to_jwks_json().contains("EdDSA")
    })
    .await;
    shop.clock.advance(changed.key_lead());
    changed.turn_keys().await.unwrap();
    let new = changed.refresh(&last.refresh_token).await.unwrap();
    assert_eq!(algorithm_of(&changed, &new), Algorithm::EdDsa);
    for token in [&old.access_token, &last.access_token, &new.access_token] {
        assert_eq!(refused_by(&changed, token), None);
    }
    let states: Vec<_> = changed
        .keys()
        .await
        .unwrap()
        .iter()
        .map(|key| key.state)
        .collect();
    assert_eq!(states, [KeyState::Retired, KeyState::Signing]);
    eventually("the process that still runs follows", || {
        shop.refused(&new.access_token).is_none()
    })
    .await;

    // Opened again without a wish, the present key goes on signing; the retired one is dropped in time.
    shop.turn(2 * 24 * 3_600);
    let again = shop.beside().await;
    assert_eq!(again.keys().await.unwrap().len(), 1);
    assert!(!again.key_set().to_jwks_json().contains("ES256"));
}

fn algorithm_of(accounts: &Accounts, session: &SignedIn) -> Algorithm {
    let verified = accounts.guard().verify(&session.access_token).unwrap();
    let keys = accounts.key_set();
    let kid = verified.key_id().unwrap();
    keys.get(kid.as_str()).unwrap().algorithm()
}

#[tokio::test]
async fn a_key_is_imported_and_exported() {
    let shop = Shop::open().await;
    shop.ada().await;
    let old = shop.sign_in().await;
    let key = SigningKey::generate(Algorithm::EdDsa, &Random::system()).unwrap();
    let pem = key.to_pem().unwrap();
    let import = |begin| shop.accounts.import_key(&pem, begin);
    let summary = import(Begin::Now).await.unwrap();
    assert_eq!(summary.key_id, key.key_id().as_str());
    let new = shop.sign_in().await;
    let verified = shop.accounts.guard().verify(&new.access_token).unwrap();
    assert_eq!(verified.key_id(), Some(key.key_id()));
    assert_eq!(shop.refused(&old.access_token), None);
    assert_eq!(
        *shop.accounts.export_key(&summary.key_id).await.unwrap(),
        *pem
    );
    assert_eq!(
        import(Begin::WhenDue).await.unwrap_err().code(),
        "key_taken"
    );
    assert_eq!(
        shop.accounts
            .import_key("nonsense", Begin::Now)
            .await
            .unwrap_err()
            .code(),
        "key_unreadable"
    );
    assert_eq!(
        shop.accounts
            .export_key("nobody's")
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
}

#[tokio::test]
async fn a_token_of_another_store_is_refused() {
    let (shop, other) = (Shop::open().await, Shop::open().await);
    shop.ada().await;
    let session = shop.sign_in().await;
    assert_eq!(
        other.refused(&session.access_token),
        Some("token_key_unknown")
    );
}

#[test]
fn a_guard_whose_runtime_is_gone_refuses() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (shop, session) = runtime.block_on(async {
        let shop = Shop::open().await;
        shop.ada().await;
        let session = shop.sign_in().await;
        (shop, session)
    });
    assert_eq!(shop.refused(&session.access_token), None);
    runtime.shutdown_background();
    let mut refused = None;
    for _ in 0..1_000 {
        refused = shop.refused(&session.access_token);
        if refused.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(
        refused,
        Some("revocation_unknown"),
        "nobody follows any more"
    );
}

#[tokio::test]
async fn a_command_with_shorter_tokens_revokes_the_servers_for_their_whole_life() {
    let hour = std::time::Duration::from_secs(3_600);
    let shop = Shop::with(|builder| builder.access_lifetime(hour)).await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    // Opened with the default lifetime of 15 minutes.
    let command = shop.beside().await;
    command.disable(None, &ada.id).await.unwrap();
    shop.turn(3_599);
    let again = shop.beside().await;
    again.sweep().await.unwrap();
    assert_eq!(
        refused_by(&again, &session.access_token),
        Some("token_revoked")
    );
}
