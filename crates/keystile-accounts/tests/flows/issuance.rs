//! Claims that depend on how a token came about.

use keystile::{FreshMark, Requirement};
use keystile_accounts::{Account, Issuance, SignedIn};
use serde_json::{Value, json};

use crate::shop::{OTHER, PASSWORD, Shop, caller};

fn claims(issuance: &Issuance<'_>) -> Value {
    json!({
        "name": issuance.account().username,
        "fresh": issuance.is_fresh(),
        "proved": issuance.auth_time().map(keystile::Timestamp::as_seconds),
        "issued": issuance.issued_at().as_seconds(),
        "session": issuance.session_id().as_str(),
    })
}

fn read(shop: &Shop, signed_in: &SignedIn) -> Value {
    let verified = shop
        .accounts
        .guard()
        .verify(&signed_in.access_token)
        .unwrap();
    let marked = FreshMark::check(&verified, shop.clock.now()).is_ok();
    let claims: Value = verified.extra().unwrap();
    assert_eq!(claims["fresh"], marked);
    assert_eq!(claims["issued"], claims["iat"]);
    assert_eq!(claims["session"], claims["sid"]);
    assert_eq!(claims["name"], "ada");
    claims
}

#[tokio::test]
async fn a_password_makes_a_token_fresh_and_a_refresh_does_not() {
    let shop = Shop::with(|builder| builder.minimal_claims().session_claims(claims)).await;
    shop.ada().await;
    let begun = shop.clock.now().as_seconds();
    let one = shop.sign_in().await;
    let said = read(&shop, &one);
    assert_eq!(
        (&said["fresh"], &said["proved"]),
        (&json!(true), &json!(begun))
    );

    shop.turn(100);
    let two = shop.accounts.refresh(&one.refresh_token).await.unwrap();
    let replayed = shop.accounts.refresh(&one.refresh_token).await.unwrap();
    for refreshed in [&two, &replayed] {
        let said = read(&shop, refreshed);
        assert_eq!(
            (&said["fresh"], &said["proved"]),
            (&json!(false), &json!(begun))
        );
    }
    let ada = caller(&shop.accounts, &two);
    let three = shop
        .accounts
        .change_password(&ada, PASSWORD, OTHER)
        .await
        .unwrap();
    let said = read(&shop, &three);
    assert_eq!(
        (&said["fresh"], &said["proved"]),
        (&json!(true), &json!(begun + 100))
    );
}

#[tokio::test]
async fn the_last_of_the_two_ways_counts() {
    let simple = |account: &Account| json!({ "simple": account.username });
    let shop = Shop::with(|builder| builder.session_claims(claims).extra_claims(simple)).await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let said: Value = shop
        .accounts
        .guard()
        .verify(&session.access_token)
        .unwrap()
        .extra()
        .unwrap();
    assert_eq!((&said["simple"], said.get("fresh")), (&json!("ada"), None));
}

#[tokio::test]
async fn the_moment_of_issue_is_written_twice_on_request() {
    for asked in [false, true] {
        let shop = Shop::with(|builder| if asked { builder.not_before() } else { builder }).await;
        shop.ada().await;
        let session = shop.sign_in().await;
        let verified = shop.accounts.guard().verify(&session.access_token).unwrap();
        let claims = verified.claims();
        assert_eq!(claims.nbf, claims.iat.filter(|_| asked));
    }
}
