//! What a client may know of a token, and which it may revoke.

use keystile_accounts::{Introspected, NewClient, SignIn, TokenWish};

use crate::clients::API;
use crate::shop::{Shop, ada_signs_in, sql};

#[tokio::test]
async fn a_client_knows_of_tokens_for_its_audience_alone() {
    let shop = Shop::open().await;
    shop.ada().await;
    let inside = shop.believed(&shop.client(NewClient::named("inside")).await).await;
    let api = NewClient::named("api").audiences([API]);
    let api = shop.believed(&shop.client(api).await).await;
    let ada = shop.sign_in().await.access_token;
    let token = shop.accounts.client_token(&api, TokenWish::default());
    let for_api = token.await.unwrap().access_token;
    for (asks, token, knows) in [
        (&inside, &ada, true),
        (&api, &ada, false),
        (&inside, &for_api, false),
        (&api, &for_api, true),
    ] {
        let found = shop.accounts.introspect(asks, token).await.unwrap();
        assert_eq!(found.is_some(), knows, "{} {found:?}", asks.name);
    }
    for nothing in ["", "a.b.c", "ksr_short", "\0", &"x".repeat(20_000), &ada[1..]] {
        assert!(shop.accounts.introspect(&inside, nothing).await.unwrap().is_none());
        shop.accounts.revoke_for(&inside, nothing).await.unwrap();
    }
    shop.turn(3_600);
    assert!(shop.accounts.introspect(&inside, &ada).await.unwrap().is_none(), "expired");
}

#[tokio::test]
async fn a_refresh_token_is_known_to_its_client_while_it_is_the_next() {
    let shop = Shop::open().await;
    let account = shop.ada().await;
    let mine = shop.believed(&shop.client(NewClient::named("mine")).await).await;
    let other = shop.believed(&shop.client(NewClient::named("other")).await).await;
    let first = shop.accounts.sign_in(ada_signs_in().client(&mine)).await.unwrap();
    let token = first.refresh_token.expose();
    let free = shop.sign_in().await;
    let known = shop.accounts.introspect(&mine, token).await.unwrap();
    let Some(Introspected::Refresh(known)) = known else {
        panic!("{known:?}");
    };
    assert_eq!((known.account.id, known.session.id), (account.id, first.session_id));
    assert_eq!(known.session.expires_at, first.refresh_expires_at);
    for (asks, token) in [(&other, token), (&mine, free.refresh_token.expose())] {
        assert!(shop.accounts.introspect(asks, token).await.unwrap().is_none());
    }
    let next = shop.accounts.refresh_for(&mine, token, None).await.unwrap();
    assert!(shop.accounts.introspect(&mine, token).await.unwrap().is_none(), "consumed");
    let next = next.refresh_token.expose();
    assert!(shop.accounts.introspect(&mine, next).await.unwrap().is_some());
    shop.turn(40 * 24 * 3_600);
    assert!(shop.accounts.introspect(&mine, next).await.unwrap().is_none(), "expired");
}

#[tokio::test]
async fn a_client_revokes_what_it_was_given_and_nothing_else() {
    let shop = Shop::open().await;
    shop.ada().await;
    let mine = shop.believed(&shop.client(NewClient::named("mine")).await).await;
    let other = shop.believed(&shop.client(NewClient::named("other")).await).await;
    let token = || async {
        let token = shop.accounts.client_token(&mine, TokenWish::default());
        token.await.unwrap().access_token
    };
    let (one, two) = (token().await, token().await);
    let bound = shop.accounts.sign_in(ada_signs_in().client(&mine)).await.unwrap();
    let free = shop.sign_in().await;
    for foreign in [
        one.as_str(),
        bound.refresh_token.expose(),
        &bound.access_token,
        &free.access_token,
        free.refresh_token.expose(),
    ] {
        let refused = shop.accounts.revoke_for(&other, foreign).await;
        assert_eq!(refused.unwrap_err().code(), "token_of_another");
    }
    for (token, refused) in [(&one, None), (&bound.access_token, None), (&free.access_token, None)] {
        assert_eq!(shop.refused(token), refused);
    }
    shop.accounts.revoke_for(&mine, &one).await.unwrap();
    shop.accounts.revoke_for(&mine, &one).await.unwrap();
    assert_eq!((shop.refused(&one), shop.refused(&two)), (Some("token_revoked"), None));
    let refresh = bound.refresh_token.expose();
    shop.accounts.revoke_for(&mine, refresh).await.unwrap();
    shop.accounts.revoke_for(&mine, refresh).await.unwrap();
    assert_eq!(shop.refused(&bound.access_token), Some("token_revoked"));
    let ended = shop.accounts.refresh_for(&mine, refresh, None).await;
    assert_eq!(ended.unwrap_err().code(), "session_ended");
    // A consumed one of hers ends the session too: whoever held it is to be out.
    let again = SignIn::username("ada").password(crate::shop::PASSWORD).client(&mine);
    let again = shop.accounts.sign_in(again).await.unwrap();
    shop.accounts.refresh_for(&mine, &again.refresh_token, None).await.unwrap();
    shop.accounts.revoke_for(&mine, again.refresh_token.expose()).await.unwrap();
    assert_eq!(shop.refused(&again.access_token), Some("token_revoked"));
}

/// Every guard holds what is revoked one by one: a client that gets tokens only to revoke them is stopped.
#[tokio::test]
async fn a_client_cannot_fill_the_lists_of_all_guards() {
    let shop = Shop::open().await;
    let mine = shop.believed(&shop.client(NewClient::named("mine")).await).await;
    let revokes = async || {
        let token = shop.accounts.client_token(&mine, TokenWish::default());
        let token = token.await.unwrap().access_token;
        let revoked = shop.accounts.revoke_for(&mine, &token).await;
        revoked.map_err(|error| error.code())
    };
    revokes().await.unwrap();
    sql(shop.folder.path(), "UPDATE attempt SET count = 999");
    revokes().await.unwrap();
    assert_eq!(revokes().await, Err("limited"));
    let other = shop.believed(&shop.client(NewClient::named("other")).await).await;
    let token = shop.accounts.client_token(&other, TokenWish::default()).await.unwrap();
    shop.accounts.revoke_for(&other, &token.access_token).await.unwrap();
}
