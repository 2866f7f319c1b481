use keystile_accounts::{AccountIds, CallerError, Changes, SignIn, SignUp, Which};

use crate::shop::{OTHER, PASSWORD, Shop, ada_signs_in, caller};

#[tokio::test]
async fn a_password_change_keeps_this_session_and_ends_the_others() {
    let shop = Shop::open().await;
    shop.ada().await;
    let (here, elsewhere) = (shop.sign_in().await, shop.sign_in().await);
    let ada = caller(&shop.accounts, &here);
    let changed = shop
        .accounts
        .change_password(&ada, PASSWORD, OTHER)
        .await
        .unwrap();
    assert_eq!(changed.session_id, here.session_id);
    for old in [&here, &elsewhere] {
        assert_eq!(shop.refused(&old.access_token), Some("token_revoked"));
        let error = shop.accounts.refresh(&old.refresh_token).await.unwrap_err();
        assert_eq!(error.code(), "session_ended");
    }
    assert_eq!(shop.refused(&changed.access_token), None);
    assert!(shop.accounts.refresh(&changed.refresh_token).await.is_ok());
    assert!(shop.accounts.sign_in(ada_signs_in()).await.is_err());
    assert!(
        shop.accounts
            .sign_in(SignIn::username("ada").password(OTHER))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_password_change_needs_the_current_one_and_a_good_new_one() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let ada = caller(&shop.accounts, &session);
    let error = shop
        .accounts
        .change_password(&ada, "wrong", OTHER)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "password_wrong");
    let error = shop
        .accounts
        .change_password(&ada, PASSWORD, "short")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "password_too_short");
    let error = shop
        .accounts
        .change_password(&ada, PASSWORD, "ada@example.org")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "password_is_name");
    assert_eq!(shop.refused(&session.access_token), None);
}

#[tokio::test]
async fn names_change_with_the_current_password_only() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let ada = caller(&shop.accounts, &session);
    let change = |changes: Changes| shop.accounts.update_account(&ada, changes);

    let error = change(Changes::new().username("lovelace"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallerError::PasswordNeeded), "{error}");
    let error = change(
        Changes::new()
            .username("lovelace")
            .current_password("wrong"),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, CallerError::WrongPassword), "{error}");

    let changes = Changes::new()
        .username("lovelace")
        .without_email()
        .current_password(PASSWORD);
    let account = change(changes).await.unwrap();
    assert_eq!(
        (account.username.as_deref(), account.email),
        (Some("lovelace"), None)
    );
    assert_eq!(
        shop.refused(&session.access_token),
        None,
        "a name is no credential"
    );
    assert!(shop.accounts.sign_in(ada_signs_in()).await.is_err());
    assert!(
        shop.accounts
            .sign_in(SignIn::username("lovelace").password(PASSWORD))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_last_name_cannot_be_taken_away() {
    let shop = Shop::open().await;
    let request = keystile_accounts::SignUp::with_email("ada@example.org").password(PASSWORD);
    shop.accounts.sign_up(request).await.unwrap();
    let request = SignIn::email("ada@example.org").password(PASSWORD);
    let session = shop.accounts.sign_in(request).await.unwrap();
    let changes = Changes::new().without_email().current_password(PASSWORD);
    let ada = caller(&shop.accounts, &session);
    let error = shop
        .accounts
        .update_account(&ada, changes)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "email_needed");
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_its_tokens() {
    let shop = Shop::open().await;
    let account = shop.ada().await;
    let session = shop.sign_in().await;
    let ada = caller(&shop.accounts, &session);
    let error = shop
        .accounts
        .delete_account(&ada, "wrong")
        .await
        .unwrap_err();
    assert!(matches!(error, CallerError::WrongPassword), "{error}");
    shop.accounts.delete_account(&ada, PASSWORD).await.unwrap();
    assert_eq!(shop.accounts.account(&account.id).await.unwrap(), None);
    assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
    assert!(shop.accounts.refresh(&session.refresh_token).await.is_err());
    assert!(shop.accounts.sign_in(ada_signs_in()).await.is_err());
    shop.ada().await;
}

#[tokio::test]
async fn a_caller_whose_session_ended_may_do_nothing() {
    let shop = Shop::open().await;
    let account = shop.ada().await;
    let session = shop.sign_in().await;
    let stale = caller(&shop.accounts, &session);
    shop.accounts.end_sessions(None, &account.id).await.unwrap();
    let fresh = shop.sign_in().await;
    let changes = Changes::new().username("eve").current_password(PASSWORD);
    for error in [
        shop.accounts
            .change_password(&stale, PASSWORD, OTHER)
            .await
            .unwrap_err(),
        shop.accounts
            .update_account(&stale, changes)
            .await
            .unwrap_err(),
        shop.accounts
            .delete_account(&stale, PASSWORD)
            .await
            .unwrap_err(),
        shop.accounts
            .end_session(&stale, &fresh.session_id)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, CallerError::Stale), "{error}");
    }
    assert_eq!(shop.refused(&fresh.access_token), None);
}

#[tokio::test]
async fn one_session_ends_and_only_ones_own() {
    let shop = Shop::open().await;
    shop.ada().await;
    let request = keystile_accounts::SignUp::username("eve").password(OTHER);
    shop.accounts.sign_up(request).await.unwrap();
    let (one, two) = (shop.sign_in().await, shop.sign_in().await);
    let eves = shop
        .accounts
        .sign_in(SignIn::username("eve").password(OTHER))
        .await
        .unwrap();
    let eve = caller(&shop.accounts, &eves);
    let error = shop
        .accounts
        .end_session(&eve, &one.session_id)
        .await
        .unwrap_err();
    assert!(matches!(error, CallerError::NotFound), "{error}");
    let ada = caller(&shop.accounts, &one);
    shop.accounts
        .end_session(&ada, &two.session_id)
        .await
        .unwrap();
    assert_eq!(shop.refused(&one.access_token), None);
    assert_eq!(shop.refused(&two.access_token), Some("token_revoked"));
}

#[tokio::test]
async fn who_stands_is_known_from_the_session_and_not_from_the_token_alone() {
    let numbered = |builder: keystile_accounts::Builder| {
        let secret = "a signing secret of thirty-two bytes and more";
        builder
            .signing_secret(secret)
            .account_ids(AccountIds::Sequence)
    };
    let shop = Shop::with(numbered).await;
    let account = shop.ada().await;
    let (here, elsewhere) = (shop.sign_in().await, shop.sign_in().await);
    let [ada, also_ada] = [&here, &elsewhere].map(|session| caller(&shop.accounts, session));
    assert_eq!(
        shop.accounts.standing(&ada).await.unwrap(),
        Some(account.clone())
    );

    // The same number in another file under the same secret: its guard takes the token, and it is nobody's.
    let replaced = Shop::with(numbered).await;
    let bob = SignUp::username("bob").password(PASSWORD);
    assert_eq!(replaced.accounts.sign_up(bob).await.unwrap().id, account.id);
    assert_eq!(replaced.refused(&here.access_token), None);
    assert_eq!(replaced.accounts.standing(&ada).await.unwrap(), None);

    let another = keystile_accounts::Caller {
        account_id: "2".into(),
        ..ada.clone()
    };
    assert_eq!(
        shop.accounts.standing(&another).await.unwrap(),
        None,
        "not their session"
    );
    shop.accounts
        .sign_out(&account.id, &ada.session_id, Which::This)
        .await
        .unwrap();
    assert_eq!(shop.accounts.standing(&ada).await.unwrap(), None);
    assert!(shop.accounts.standing(&also_ada).await.unwrap().is_some());
    shop.accounts
        .set_roles(None, &account.id, &["admin".to_owned()])
        .await
        .unwrap();
    assert_eq!(
        shop.accounts.standing(&also_ada).await.unwrap(),
        None,
        "its token says the old roles"
    );
}
