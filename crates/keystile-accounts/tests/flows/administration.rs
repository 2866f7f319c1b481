use keystile_accounts::{AccountFilter, AdminError, Caller, Changes, NewAccount, SignIn};

use crate::shop::{OTHER, Shop, ada_signs_in, caller};

async fn administrator(shop: &Shop) -> Caller {
    let new = NewAccount::username("root-of-the-shop")
        .password(OTHER)
        .roles(["admin"]);
    shop.accounts.create_account(None, new).await.unwrap();
    let request = SignIn::username("root-of-the-shop").password(OTHER);
    caller(
        &shop.accounts,
        &shop.accounts.sign_in(request).await.unwrap(),
    )
}

#[tokio::test]
async fn roles_are_in_the_next_token_and_the_earlier_ones_die() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    let roles = ["editor".to_owned(), "admin".to_owned(), "editor".to_owned()];
    let account = shop
        .accounts
        .set_roles(None, &ada.id, &roles)
        .await
        .unwrap();
    assert_eq!(account.roles, ["admin", "editor"]);
    assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
    let session = shop.accounts.refresh(&session.refresh_token).await.unwrap();
    let verified = shop.accounts.guard().verify(&session.access_token).unwrap();
    assert!(verified.claims().roles.contains("editor"));
}

#[tokio::test]
async fn a_disabled_account_is_out_until_it_is_enabled() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    let account = shop.accounts.disable(None, &ada.id).await.unwrap();
    assert!(account.is_disabled());
    assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
    let error = shop
        .accounts
        .refresh(&session.refresh_token)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "session_ended");
    shop.accounts.enable(None, &ada.id).await.unwrap();
    assert!(shop.accounts.refresh(&session.refresh_token).await.is_err());
    assert!(shop.accounts.sign_in(ada_signs_in()).await.is_ok());
}

#[tokio::test]
async fn a_password_set_by_another_ends_every_session() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    shop.accounts
        .set_password(None, &ada.id, OTHER)
        .await
        .unwrap();
    assert_eq!(shop.refused(&session.access_token), Some("token_revoked"));
    assert!(shop.accounts.sign_in(ada_signs_in()).await.is_err());
    assert!(
        shop.accounts
            .sign_in(SignIn::username("ada").password(OTHER))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_administrator_who_lost_the_role_or_the_session_does_nothing_more() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let root = administrator(&shop).await;
    assert!(shop.accounts.disable(Some(&root), &ada.id).await.is_ok());
    shop.accounts
        .set_roles(None, &root.account_id, &[])
        .await
        .unwrap();
    let error = shop
        .accounts
        .enable(Some(&root), &ada.id)
        .await
        .unwrap_err();
    assert!(matches!(error, AdminError::Stale), "{error}");

    // Nor somebody who never had it.
    shop.accounts.enable(None, &ada.id).await.unwrap();
    let nobody = caller(&shop.accounts, &shop.sign_in().await);
    for error in [
        shop.accounts
            .delete(Some(&nobody), &root.account_id)
            .await
            .unwrap_err(),
        shop.accounts
            .set_roles(Some(&nobody), &ada.id, &["admin".to_owned()])
            .await
            .unwrap_err(),
        shop.accounts
            .update(Some(&nobody), &ada.id, Changes::new().username("eve"))
            .await
            .unwrap_err(),
        shop.accounts
            .create_account(Some(&nobody), NewAccount::username("eve"))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, AdminError::Stale), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let shop = Shop::open().await;
    let nobody = "nobody".into();
    assert!(matches!(
        shop.accounts.disable(None, &nobody).await,
        Err(AdminError::NotFound { .. })
    ));
    assert!(matches!(
        shop.accounts.set_password(None, &nobody, OTHER).await,
        Err(AdminError::NotFound { .. })
    ));
    assert!(matches!(
        shop.accounts.delete(None, &nobody).await,
        Err(AdminError::NotFound { .. })
    ));
    assert_eq!(shop.accounts.account(&nobody).await.unwrap(), None);
    assert_eq!(
        shop.accounts
            .find_account("nobody@example.org")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn accounts_are_listed_a_page_at_a_time() {
    let shop = Shop::open().await;
    for number in 0..7 {
        let new = NewAccount::username(format!("user{number}")).id(format!("id-{number}"));
        shop.accounts.create_account(None, new).await.unwrap();
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = shop
            .accounts
            .accounts_page(after, 3, &AccountFilter::default())
            .await
            .unwrap();
        seen.extend(
            page.accounts
                .into_iter()
                .map(|account| account.id.to_string()),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        seen,
        (0..7)
            .map(|number| format!("id-{number}"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_administrator_changes_names() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let root = administrator(&shop).await;
    let changes = Changes::new().username("countess");
    let account = shop
        .accounts
        .update(Some(&root), &ada.id, changes)
        .await
        .unwrap();
    assert_eq!(account.username.as_deref(), Some("countess"));
    let error = shop
        .accounts
        .update(
            Some(&root),
            &ada.id,
            Changes::new().username("root-of-the-shop"),
        )
        .await
        .unwrap_err();
    assert_eq!(error.code(), "username_taken");
}
