use std::time::Duration;

use keystile_accounts::{RefreshError, SignedIn, Which};

use crate::shop::{Shop, options};

async fn code(shop: &Shop, token: impl AsRef<str> + Send) -> &'static str {
    match shop.accounts.refresh(token).await {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

async fn signed_in() -> (Shop, SignedIn) {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    (shop, session)
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_for_the_same_session() {
    let (shop, first) = signed_in().await;
    shop.turn(600);
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(second.session_id, first.session_id);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    assert!(second.refresh_expires_at > first.refresh_expires_at);
    assert_eq!(shop.refused(&second.access_token), None);
}

#[tokio::test]
async fn a_lost_answer_repeated_gets_the_same_successor() {
    let (shop, first) = signed_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    shop.turn(59);
    let again = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_ne!(again.access_token, second.access_token);
    assert_eq!(
        again.refresh_expires_at, second.refresh_expires_at,
        "a replay moves no limit"
    );
    assert_eq!(code(&shop, &second.refresh_token).await, "ok");
}

#[tokio::test]
async fn fifty_at_once_get_one_successor() {
    let (shop, first) = signed_in().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (accounts, token) = (shop.accounts.clone(), first.refresh_token.clone());
        tasks.spawn(async move {
            accounts
                .refresh(&token)
                .await
                .unwrap()
                .refresh_token
                .as_str()
                .to_owned()
        });
    }
    let mut successors = tasks.join_all().await;
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn a_replay_after_the_successor_was_used_ends_the_session() {
    let (shop, first) = signed_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    let third = shop.accounts.refresh(&second.refresh_token).await.unwrap();
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "refresh_token_reused"
    );
    assert_eq!(code(&shop, &third.refresh_token).await, "session_ended");
    assert_eq!(shop.refused(&third.access_token), Some("token_revoked"));
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "session_ended",
        "it is ended once"
    );
}

#[tokio::test]
async fn a_replay_after_the_grace_ends_the_session_also_after_a_restart() {
    let (mut shop, first) = signed_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    shop.accounts.close().await;
    shop.turn(60);
    shop.accounts = options(shop.folder.path(), &shop.clock)
        .open()
        .await
        .unwrap();
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "refresh_token_reused"
    );
    shop.accounts.close().await;
    shop.accounts = options(shop.folder.path(), &shop.clock)
        .open()
        .await
        .unwrap();
    assert_eq!(code(&shop, &second.refresh_token).await, "session_ended");
    assert_eq!(shop.refused(&second.access_token), Some("token_revoked"));
}

#[tokio::test]
async fn without_a_grace_every_replay_ends_the_session() {
    let shop = Shop::with(|builder| builder.replay_grace(Duration::ZERO)).await;
    shop.ada().await;
    let first = shop.sign_in().await;
    assert_eq!(code(&shop, &first.refresh_token).await, "ok");
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "refresh_token_reused"
    );
}

#[tokio::test]
async fn a_salt_that_was_swept_derives_nothing_more() {
    let (shop, first) = signed_in().await;
    shop.accounts.refresh(&first.refresh_token).await.unwrap();
    shop.turn(61);
    shop.accounts.sweep().await.unwrap();
    // Even with the clock set back into the grace.
    shop.clock
        .set(keystile::Timestamp::from_seconds(1_900_000_010));
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "refresh_token_reused"
    );
}

#[tokio::test]
async fn a_refresh_token_expires_unused_and_idle_and_absolutely() {
    let (shop, first) = signed_in().await;
    shop.turn(30 * 24 * 3_600);
    assert_eq!(
        code(&shop, &first.refresh_token).await,
        "refresh_token_expired"
    );

    let shop = Shop::with(|builder| builder.idle_limit(Some(Duration::from_secs(1_000)))).await;
    shop.ada().await;
    let mut session = shop.sign_in().await;
    for _ in 0..5 {
        shop.turn(999);
        session = shop.accounts.refresh(&session.refresh_token).await.unwrap();
    }
    shop.turn(1_000);
    assert_eq!(
        code(&shop, &session.refresh_token).await,
        "session_expired_idle"
    );

    let shop = Shop::with(|builder| builder.absolute_limit(Some(Duration::from_secs(1_000)))).await;
    shop.ada().await;
    let session = shop.sign_in().await;
    shop.turn(900);
    let session = shop.accounts.refresh(&session.refresh_token).await.unwrap();
    assert_eq!(
        session.expires_in.as_secs(),
        100,
        "no access token outlives its session"
    );
    shop.turn(100);
    assert_eq!(
        code(&shop, &session.refresh_token).await,
        "session_expired_absolute"
    );
    assert_eq!(shop.refused(&session.access_token), Some("token_expired"));
}

#[tokio::test]
async fn what_is_no_refresh_token_is_told_apart() {
    let (shop, session) = signed_in().await;
    assert!(matches!(
        shop.accounts.refresh(&session.access_token).await,
        Err(RefreshError::Malformed)
    ));
    assert!(matches!(
        shop.accounts.refresh("").await,
        Err(RefreshError::Malformed)
    ));
    let made_up = format!("ksr_{}", "A".repeat(43));
    assert!(matches!(
        shop.accounts.refresh(&made_up).await,
        Err(RefreshError::Unknown)
    ));
}

#[tokio::test]
async fn another_hash_key_signs_everybody_out() {
    let shop = Shop::with(|builder| builder.refresh_hash_key([1; 32])).await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let open = |key: u8| {
        options(shop.folder.path(), &shop.clock)
            .refresh_hash_key([key; 32])
            .open()
    };
    let other = open(2).await.unwrap();
    assert!(matches!(
        other.refresh(&session.refresh_token).await,
        Err(RefreshError::Unknown)
    ));
    assert!(
        open(1)
            .await
            .unwrap()
            .refresh(&session.refresh_token)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn sign_out_ends_this_the_others_or_all() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let (one, two, three) = (
        shop.sign_in().await,
        shop.sign_in().await,
        shop.sign_in().await,
    );
    assert_eq!(
        shop.accounts
            .sign_out(&ada.id, &one.session_id, Which::This)
            .await
            .unwrap(),
        1
    );
    assert_eq!(shop.refused(&one.access_token), Some("token_revoked"));
    assert_eq!(code(&shop, &one.refresh_token).await, "session_ended");
    assert_eq!(shop.refused(&two.access_token), None);
    assert_eq!(
        shop.accounts
            .sign_out(&ada.id, &one.session_id, Which::This)
            .await
            .unwrap(),
        0
    );

    assert_eq!(
        shop.accounts
            .sign_out(&ada.id, &two.session_id, Which::Others)
            .await
            .unwrap(),
        1
    );
    assert_eq!(shop.refused(&three.access_token), Some("token_revoked"));
    assert_eq!(shop.refused(&two.access_token), None);

    let four = shop.sign_in().await;
    assert_eq!(
        shop.accounts
            .sign_out(&ada.id, &two.session_id, Which::All)
            .await
            .unwrap(),
        2
    );
    for session in [&two, &four] {
        assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
        assert_eq!(code(&shop, &session.refresh_token).await, "session_ended");
    }
    assert_eq!(shop.refused(&shop.sign_in().await.access_token), None);
}

#[tokio::test]
async fn a_used_refresh_token_still_signs_its_session_out() {
    let (shop, first) = signed_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    let (_, session) = shop
        .accounts
        .sign_out_by_refresh_token(&first.refresh_token)
        .await
        .unwrap();
    assert_eq!(session, second.session_id);
    assert_eq!(code(&shop, &second.refresh_token).await, "session_ended");
    assert_eq!(shop.refused(&second.access_token), Some("token_revoked"));
}
