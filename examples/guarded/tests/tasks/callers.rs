//! Who gets to what.

use std::collections::BTreeMap;
use std::time::Duration;

use guarded::account::{self, Account};
use guarded::{answers, callers, own, roles, whole};
use keystile::Reason;
use keystile::testing::TestIssuer;

use crate::{all, ask};

#[tokio::test]
async fn who_is_calling() {
    let issuer = TestIssuer::new();
    let app = callers::router(issuer.guard());
    let ada = issuer.token("ada").claim("shop", "north").bearer();
    let bob = issuer.token("bob").bearer();
    all(
        &app,
        &[
            ("GET /me", "", 401, "token_missing"),
            ("GET /me", &ada, 200, "Hello, ada"),
            ("GET /shop", &ada, 200, "ada of the shop north"),
            ("GET /shop", &bob, 401, "token_claim_malformed"),
            ("GET /hello", "", 200, "Hello, you"),
            ("GET /hello", &bob, 200, "Hello, bob"),
            ("GET /hello", "Bearer a.b.c", 401, "token_malformed"),
            ("GET /page", "", 200, "Sign in to see your page"),
            ("GET /page", &bob, 200, "The page of bob"),
            ("GET /page", "Bearer a.b.c", 401, "token_malformed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_a_route_asks_of_its_callers() {
    let issuer = TestIssuer::new();
    let app = roles::router(issuer.guard());
    let none = issuer.token("eve").bearer();
    let reader = issuer.token("eve").scope("cakes:read").bearer();
    let baker = issuer.token("bob").role("baker").bearer();
    let admin = issuer.token("ada").role("admin").fresh();
    let admin = admin.claim("shop", "north").bearer();
    let south = issuer.token("bob").claim("shop", "south").bearer();
    all(
        &app,
        &[
            ("GET /cakes", &none, 403, "scope_missing"),
            ("GET /cakes", &reader, 200, "the cakes, for eve"),
            ("POST /cakes", &reader, 403, "role_missing"),
            ("POST /cakes", &baker, 200, "baked"),
            ("POST /cakes", &admin, 200, "baked"),
            ("DELETE /cakes", &baker, 403, "role_missing"),
            ("DELETE /cakes", &admin, 200, "wiped"),
            ("GET /north", &admin, 200, "the northern oven"),
            ("GET /north", &south, 403, "role_missing"),
        ],
    )
    .await;
    issuer.clock().advance(Duration::from_secs(301));
    all(&app, &[("DELETE /cakes", &admin, 401, "not_fresh")]).await;
}

#[tokio::test]
async fn ones_own_resource() {
    let issuer = TestIssuer::new();
    let app = own::router(issuer.guard());
    let ada = issuer.token("ada").bearer();
    let admin = issuer.token("root").role("admin").bearer();
    all(
        &app,
        &[
            ("GET /users/ada/diary", &ada, 200, "the diary of ada"),
            ("GET /users/bob/diary", &ada, 403, "resource_not_own"),
            ("GET /users/ada/diary", &admin, 403, "resource_not_own"),
            (
                "GET /users/ada/orders",
                &ada,
                200,
                "the orders of ada, for ada",
            ),
            ("GET /users/bob/orders", &ada, 403, "role_missing"),
            (
                "GET /users/ada/orders",
                &admin,
                200,
                "the orders of ada, for root",
            ),
            ("GET /users/ada/diary", "", 401, "token_missing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_callers_account() {
    let issuer = TestIssuer::new();
    let account = |name: &str, is_barred| Account {
        name: name.to_owned(),
        is_barred,
    };
    let accounts = BTreeMap::from([
        ("ada".to_owned(), account("Ada", false)),
        ("mallory".to_owned(), account("Mallory", true)),
    ]);
    let app = account::router(issuer.guard(), accounts);
    let of = |name: &str| issuer.token(name).bearer();
    all(
        &app,
        &[
            ("GET /hello", &of("ada"), 200, "Hello, Ada"),
            ("GET /hello", &of("nobody"), 401, "account_unknown"),
            ("GET /hello", &of("mallory"), 403, "ask at the counter"),
            ("GET /hello", "", 401, "token_missing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn whole_routers() {
    let issuer = TestIssuer::new();
    let app = whole::router(issuer.guard());
    let ada = issuer.token("ada").bearer();
    let admin = issuer.token("root").role("admin").bearer();
    all(
        &app,
        &[
            ("GET /", "", 200, "Hello, you"),
            ("GET /", &ada, 200, "Hello, ada"),
            ("GET /", "Bearer a.b.c", 401, "token_malformed"),
            ("GET /price", "", 401, "token_missing"),
            ("GET /price", &ada, 200, "4.50"),
            ("GET /cakes", &ada, 200, "the cakes, for ada"),
            ("GET /staff/till", &ada, 403, "role_missing"),
            ("GET /staff/till", &admin, 200, "312.50"),
            ("GET /nowhere", "", 404, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn every_refusal_is_in_our_words() {
    let issuer = TestIssuer::new();
    let app = answers::router(issuer.guard());
    for (reason, token) in issuer.bad_tokens() {
        let answer = ask(&app, "GET /me", &format!("Bearer {token}")).await;
        if answer.status == 200 {
            // What this route does not ask.
            let of_routes = matches!(
                reason,
                Reason::RoleMissing
                    | Reason::ScopeMissing
                    | Reason::NotFresh
                    | Reason::ResourceNotOwn
                    | Reason::AccountUnknown
            );
            assert!(of_routes, "{reason}");
            continue;
        }
        assert_eq!(answer.status, reason.status(), "{reason}");
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["reason"], reason.code());
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| text.ends_with('.'))
        );
    }
    let page = ask(&app, "GET /pages/me", "").await;
    assert_eq!((page.status, &*page.body), (401, "Please sign in."));
    assert_eq!(page.told().1, "token_missing", "the challenge is added");
}
