use keystile::Algorithm;
use keystile_accounts::{Account, AccountIds, SignIn, SignInError, SignUp, SignUpError};
use serde_json::Value;

use crate::shop::{OTHER, PASSWORD, Shop, ada_signs_in};

fn payload(token: &str) -> (Value, Value) {
    let parts = keystile::take_apart_unverified(token).unwrap();
    (
        serde_json::from_str(&parts.header).unwrap(),
        serde_json::from_str(&parts.payload).unwrap(),
    )
}

#[tokio::test]
async fn a_token_says_what_rfc_9068_asks() {
    let shop = Shop::with(|builder| builder.issuer("https://shop.example").audience("cakes")).await;
    let ada = shop.ada().await;
    let session = shop.sign_in().await;
    let (header, claims) = payload(&session.access_token);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["kid"], shop.accounts.keys().await.unwrap()[0].key_id);
    assert_eq!(claims["iss"], "https://shop.example");
    assert_eq!(claims["aud"], "cakes");
    assert_eq!(claims["sub"], ada.id.as_str());
    assert_eq!(claims["sid"], session.session_id.as_str());
    assert_eq!(claims["iat"], 1_900_000_000);
    assert_eq!(claims["exp"], 1_900_000_900);
    assert_eq!(claims["auth_time"], 1_900_000_000);
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(claims["preferred_username"], "ada");
    assert!(claims["jti"].is_string() && claims["gen"].is_u64());
    assert_eq!(session.expires_in.as_secs(), 900);
    assert_eq!(shop.refused(&session.access_token), None);
    shop.turn(900);
    assert_eq!(shop.refused(&session.access_token), Some("token_expired"));
}

#[tokio::test]
async fn minimal_claims_are_few_and_extra_ones_are_beside_them() {
    let shop = Shop::with(|builder| {
        builder
            .signing_secret("0123456789abcdef0123456789abcdef")
            .token_type("JWT")
            .minimal_claims()
            .account_ids(AccountIds::Sequence)
            .extra_claims(|account: &Account| serde_json::json!({ "email": account.email }))
    })
    .await;
    let ada = shop.ada().await;
    assert_eq!(ada.id.as_str(), "1");
    let session = shop.sign_in().await;
    let (header, claims) = payload(&session.access_token);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&"JWT".into(), &"HS256".into())
    );
    let mut names: Vec<_> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["email", "exp", "gen", "iat", "jti", "sid", "sub"]);
    assert_eq!(shop.refused(&session.access_token), None);
    assert!(
        shop.accounts.key_set().is_empty(),
        "a secret is never published"
    );
    assert!(shop.accounts.keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_algorithm_signs_and_its_public_key_is_published() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let shop = Shop::with(|builder| builder.algorithm(algorithm)).await;
        shop.ada().await;
        let session = shop.sign_in().await;
        assert_eq!(payload(&session.access_token).0["alg"], algorithm.as_str());
        assert_eq!(shop.refused(&session.access_token), None);
        assert!(
            shop.accounts
                .key_set()
                .to_jwks_json()
                .contains(algorithm.as_str())
        );
    }
}

#[tokio::test]
async fn extra_claims_cannot_forge_registered_ones() {
    let shop = Shop::with(|builder| {
        builder.extra_claims(|_: &Account| serde_json::json!({ "sub": "somebody else" }))
    })
    .await;
    shop.ada().await;
    let error = shop.accounts.sign_in(ada_signs_in()).await.unwrap_err();
    assert_eq!(error.code(), "issue_failed");
}

#[tokio::test]
async fn names_are_taken_whatever_their_case() {
    let shop = Shop::open().await;
    shop.ada().await;
    let taken = |request: SignUp| async {
        shop.accounts
            .sign_up(request.password(OTHER))
            .await
            .unwrap_err()
    };
    let error = taken(SignUp::username("ADA")).await;
    assert!(
        matches!(error, SignUpError::Taken { field: "username" }),
        "{error}"
    );
    let error = taken(SignUp::username("ida").email("ada@example.ORG")).await;
    assert!(
        matches!(error, SignUpError::Taken { field: "email" }),
        "{error}"
    );
    assert_eq!(error.code(), "email_taken");
}

#[tokio::test]
async fn a_sign_up_that_breaks_a_rule_says_which() {
    let shop = Shop::open().await;
    for (request, expected) in [
        (
            SignUp::default().password(PASSWORD),
            ("username", "username_missing"),
        ),
        (
            SignUp::username("a@b").password(PASSWORD),
            ("username", "username_at_sign"),
        ),
        (
            SignUp::with_email("nobody").password(PASSWORD),
            ("email", "email_malformed"),
        ),
        (
            SignUp::username("bob").password("short"),
            ("password", "password_too_short"),
        ),
        (SignUp::username("bob"), ("password", "password_too_short")),
        (
            SignUp::username("quentin").password("QuentinQuentin77"),
            ("password", "password_is_name"),
        ),
        (
            SignUp::username("bob").password("passwordpassword"),
            ("password", "password_common"),
        ),
        (
            SignUp::username("bob").password("x".repeat(257)),
            ("password", "password_too_long"),
        ),
    ] {
        match shop.accounts.sign_up(request).await {
            Err(SignUpError::Invalid { field, code, .. }) => assert_eq!((field, code), expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_signs_in_wrongly_hears_the_same() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    for request in [
        SignIn::username("ada").password("wrong horse battery staple"),
        SignIn::username("nobody").password(PASSWORD),
        SignIn::username("").password(PASSWORD),
        SignIn::username("x".repeat(10_000)).password(PASSWORD),
        SignIn::email("nobody@example.org").password(PASSWORD),
        SignIn::username("ada").password("x".repeat(100_000)),
        SignIn::username("Ada@Example.org").password(PASSWORD),
    ] {
        let error = shop.accounts.sign_in(request).await.unwrap_err();
        assert!(matches!(error, SignInError::WrongCredentials), "{error}");
    }
    shop.accounts.disable(None, &ada.id).await.unwrap();
    let error = shop.accounts.sign_in(ada_signs_in()).await.unwrap_err();
    assert!(matches!(error, SignInError::WrongCredentials), "{error}");
}

#[tokio::test]
async fn every_way_to_name_oneself() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    for request in [
        SignIn::username("ADA"),
        SignIn::email("ada@example.org"),
        SignIn::identifier("Ada"),
        SignIn::identifier("ADA@example.org"),
    ] {
        let session = shop
            .accounts
            .sign_in(request.password(PASSWORD))
            .await
            .unwrap();
        assert_eq!(session.account.id, ada.id);
    }
    assert_eq!(shop.accounts.sessions(&ada.id).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_password_typed_on_another_keyboard_is_the_same() {
    let shop = Shop::open().await;
    let request =
        SignUp::username("zoë".replace('ë', "e")).password("caf\u{e9} noir \u{e0} minuit");
    shop.accounts.sign_up(request).await.unwrap();
    let request = SignIn::username("zoe").password("cafe\u{301} noir a\u{300} minuit");
    assert!(shop.accounts.sign_in(request).await.is_ok());
}

#[tokio::test]
async fn a_session_shows_where_it_was_opened() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let request = ada_signs_in()
        .device("a browser")
        .from("192.0.2.7".parse().unwrap());
    shop.accounts.sign_in(request).await.unwrap();
    let sessions = shop.accounts.sessions(&ada.id).await.unwrap();
    assert_eq!(sessions[0].device.as_deref(), Some("a browser"));
    assert_eq!(sessions[0].address.as_deref(), Some("192.0.2.7"));
}

#[tokio::test]
async fn a_form_hears_every_broken_rule_at_once() {
    let shop = Shop::open().await;
    let told = |request: &SignUp| -> Vec<(&str, &str)> {
        let rules = shop.accounts.broken_rules(request);
        rules.iter().map(|rule| (rule.field, rule.code)).collect()
    };
    let all = SignUp::username("a da").email("ada").id("a/b");
    let expected = [
        ("username", "username_characters"),
        ("email", "email_malformed"),
        ("id", "id_malformed"),
        ("password", "password_too_short"),
    ];
    assert_eq!(told(&all), expected);
    let own_name = SignUp::username("adalovelace")
        .email("no address")
        .password("adalovelaceadalovelace");
    let expected = [
        ("email", "email_malformed"),
        ("password", "password_is_name"),
    ];
    assert_eq!(told(&own_name), expected, "a sound name still counts");
    assert_eq!(told(&SignUp::default())[0].1, "username_missing");
    // The first of them is what the sign-up itself says; where there is none, it goes through.
    for request in [all, own_name, SignUp::default()] {
        let first = told(&request)[0];
        match shop.accounts.sign_up(request).await {
            Err(SignUpError::Invalid { field, code, .. }) => assert_eq!((field, code), first),
            other => panic!("{other:?}"),
        }
    }
    let sound = SignUp::username("ada")
        .email("ada@example.org")
        .password(PASSWORD);
    assert_eq!(told(&sound), []);
    shop.accounts.sign_up(sound.clone()).await.unwrap();
    assert_eq!(told(&sound), [], "that a name is taken is no rule");
}

#[tokio::test]
async fn a_sign_up_may_bring_the_id_of_a_row_that_was_written_first() {
    let shop = Shop::open().await;
    let ada = SignUp::username("ada").id("7").password(PASSWORD);
    let account = shop.accounts.sign_up(ada).await.unwrap();
    assert_eq!(account.id.as_str(), "7");
    let bob = SignUp::username("bob").id("7").password(PASSWORD);
    match shop.accounts.sign_up(bob).await {
        Err(error @ SignUpError::Taken { field: "id" }) => assert_eq!(error.code(), "id_taken"),
        other => panic!("{other:?}"),
    }
    let kept = shop.accounts.account(&"7".into()).await.unwrap().unwrap();
    assert_eq!(kept.username.as_deref(), Some("ada"));
    let found = shop.accounts.find_account("bob").await.unwrap();
    assert_eq!(found, None, "nothing is left of a refused sign-up");
}
