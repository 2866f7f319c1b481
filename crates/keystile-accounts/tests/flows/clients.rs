//! Clients: made, believed, given tokens, deleted.

use std::net::IpAddr;

use keystile::{Expected, Guard};
use keystile_accounts::{
    AuthenticatedClient, ClientAuthError, CreatedClient, GrantError, GuessLimits, NewClient,
    TokenWish,
};

use crate::shop::{Shop, ada_signs_in, refused_by, sql};

pub(crate) const API: &str = "https://api.example";

fn here() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

impl Shop {
    pub(crate) async fn client(&self, new: NewClient) -> CreatedClient {
        self.accounts.create_client(None, new).await.unwrap()
    }

    pub(crate) async fn believed(&self, made: &CreatedClient) -> AuthenticatedClient {
        let (id, secret) = (&made.client.id, made.secret.expose());
        let believed = self.accounts.authenticate_client(id, secret, Some(here())).await;
        believed.unwrap()
    }
}

fn feed_reader() -> NewClient {
    NewClient::named("feed reader").scopes(["revocations:read", "a:b", "a:b"])
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let shop = Shop::open().await;
    let made = shop.client(feed_reader()).await;
    assert!(made.secret.expose().starts_with("ksc_"));
    let client = shop.believed(&made).await;
    let token = shop.accounts.client_token(&client, TokenWish::default());
    let token = token.await.unwrap();
    let verified = shop.accounts.guard().verify(&token.access_token).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.sub, format!("client:{}", made.client.id));
    assert_eq!(claims.client_id.as_ref(), Some(&made.client.id));
    assert_eq!(claims.scope.as_str(), "a:b revocations:read");
    assert_eq!((token.scope.as_str(), token.expires_in), ("a:b revocations:read", shop.accounts.access_lifetime()));
    assert_eq!((&claims.sid, claims.generation), (&None, Some(0)));
    assert!(claims.roles.is_empty() && claims.jti.is_some() && claims.auth_time.is_none());
    assert!(keystile_accounts::Caller::from_claims(claims).is_none(), "nobody's account");
    let shown = format!("{made:?} {client:?} {token:?}");
    for secret in [made.secret.expose(), &token.access_token] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn its_scopes_and_audiences_are_those_that_it_was_given() {
    let shop = Shop::open().await;
    let own = shop.accounts.issuer().unwrap().to_owned();
    let plain = shop.believed(&shop.client(NewClient::named("plain")).await).await;
    let api = NewClient::named("api").scopes(["read", "write"]).audiences([API]);
    let api = shop.believed(&shop.client(api).await).await;
    let both = NewClient::named("both").audiences([API, own.as_str()]);
    let both = shop.believed(&shop.client(both).await).await;
    let two = NewClient::named("two").audiences([API, "https://other.example"]);
    let two = shop.believed(&shop.client(two).await).await;
    let wish = |scope, resource| TokenWish { scope, resource };
    let everywhere = shop.accounts.guard().audience(Expected::Unchecked).remember(0);
    for (client, wish, expected) in [
        (&plain, wish(None, None), Ok(("", own.as_str()))),
        (&plain, wish(None, Some(own.as_str())), Ok(("", &own))),
        (&plain, wish(None, Some(API)), Err("resource_refused")),
        (&plain, wish(Some("read"), None), Err("scope_refused")),
        (&api, wish(None, None), Ok(("read write", API))),
        (&api, wish(Some("write"), Some(API)), Ok(("write", API))),
        (&api, wish(Some("write write"), None), Ok(("write", API))),
        (&api, wish(Some("write admin"), None), Err("scope_refused")),
        (&api, wish(Some(""), None), Err("scope_refused")),
        (&api, wish(Some("read  write"), None), Err("scope_refused")),
        (&api, wish(Some("READ"), None), Err("scope_refused")),
        (&api, wish(None, Some(own.as_str())), Err("resource_refused")),
        (&api, wish(None, Some("https://api.example/")), Err("resource_refused")),
        (&both, wish(None, None), Ok(("", &own))),
        (&both, wish(None, Some(API)), Ok(("", API))),
        (&two, wish(None, None), Err("resource_needed")),
        (&two, wish(None, Some(API)), Ok(("", API))),
    ] {
        let given = shop.accounts.client_token(client, wish).await;
        match (given, expected) {
            (Ok(given), Ok((scope, audience))) => {
                let verified = everywhere.verify(&given.access_token).unwrap();
                let claims = verified.claims();
                assert_eq!((claims.scope.as_str(), given.scope.as_str()), (scope, scope));
                assert!(claims.aud.contains(audience) && claims.aud.len() == 1, "{wish:?}");
                let refused = refused_by(&shop.accounts, &given.access_token);
                assert_eq!(refused.is_none(), audience == own, "{refused:?}");
            }
            (Err(error), Err(code)) => assert_eq!(error.code(), code, "{wish:?}"),
            other => panic!("{wish:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn only_the_right_secret_is_believed() {
    let shop = Shop::open().await;
    let made = shop.client(feed_reader()).await;
    let other = shop.client(NewClient::named("other")).await;
    let secret = made.secret.expose();
    let longer = format!("{secret}A");
    let long = "x".repeat(60_000);
    for (id, secret) in [
        (made.client.id.as_str(), ""),
        (&made.client.id, &secret[1..]),
        (&made.client.id, &longer),
        (&made.client.id, other.secret.expose()),
        (&made.client.id, "a\0b"),
        (&made.client.id, &long),
        ("", secret),
        ("a\0b", secret),
        (&made.client.name, secret),
        (&made.client.subject(), secret),
        (&long, &long),
    ] {
        let refused = shop.accounts.authenticate_client(id, secret, Some(here())).await;
        assert!(matches!(refused, Err(ClientAuthError::WrongCredentials)), "{refused:?}");
    }
    shop.believed(&made).await;
}

#[tokio::test]
async fn wrong_secrets_are_counted_and_never_lock_the_right_one_out() {
    let limits = GuessLimits::default().per_address(3, std::time::Duration::from_secs(900));
    let shop = Shop::with(|builder| builder.guess_limits(limits)).await;
    let made = shop.client(feed_reader()).await;
    let elsewhere = Some("198.51.100.7".parse().unwrap());
    let ask = |id: &'static str, from| shop.accounts.authenticate_client(id, "ksc_wrong", from);
    let known: &'static str = made.client.id.clone().leak();
    for id in [known, "nobody", "somebody"] {
        assert_eq!(ask(id, Some(here())).await.unwrap_err().code(), "client_wrong");
    }
    for id in [known, "nobody", "another"] {
        let Err(ClientAuthError::Limited { retry_after }) = ask(id, Some(here())).await else {
            panic!("not limited");
        };
        assert!((1..=900).contains(&retry_after.as_secs()), "{retry_after:?}");
        assert_eq!(ask(id, elsewhere).await.unwrap_err().code(), "client_wrong");
    }
    // However many ids are tried, there is a counter for each address, and none of a password's has to go.
    let counters = "SELECT CAST(count(*) AS TEXT) FROM attempt";
    assert_eq!(sql(shop.folder.path(), counters), "2");
    shop.believed(&made).await;
    shop.turn(901);
    let again = shop.accounts.authenticate_client("nobody", "x", Some(here())).await;
    assert_eq!(again.unwrap_err().code(), "client_wrong");
}

#[tokio::test]
async fn deletion_is_felt_at_once_and_everywhere() {
    let shop = Shop::open().await;
    shop.ada().await;
    let made = shop.client(feed_reader()).await;
    let client = shop.believed(&made).await;
    let token = shop.accounts.client_token(&client, TokenWish::default());
    let token = token.await.unwrap().access_token;
    let session = shop.accounts.sign_in(ada_signs_in().client(&client));
    let session = session.await.unwrap();
    let own = shop.sign_in().await;
    let beside = shop.beside().await;
    let guard: Guard = shop.accounts.guard();
    assert!(guard.verify(&token).is_ok() && guard.verify(&session.access_token).is_ok());
    let ended = shop.accounts.delete_client(None, &made.client.id).await;
    assert_eq!(ended.unwrap(), 1);
    for token in [&token, &session.access_token] {
        assert_eq!(shop.refused(token), Some("token_revoked"));
    }
    crate::shop::eventually("the other process hears of it", || {
        refused_by(&beside, &token) == Some("token_revoked")
    })
    .await;
    assert_eq!(shop.refused(&own.access_token), None);
    let refused = shop.accounts.authenticate_client(&made.client.id, made.secret.expose(), None);
    assert_eq!(refused.await.unwrap_err().code(), "client_wrong");
    // Who holds on to what was proved before gets nothing that outlives the revocation.
    let late = shop.accounts.client_token(&client, TokenWish::default()).await;
    assert_eq!(shop.refused(&late.unwrap().access_token), Some("token_revoked"));
    shop.turn(3_600);
    let late = shop.accounts.client_token(&client, TokenWish::default()).await;
    assert_eq!(shop.refused(&late.unwrap().access_token), Some("token_expired"));
    let refused = shop.accounts.sign_in(ada_signs_in().client(&client)).await;
    assert_eq!(refused.unwrap_err().code(), "credentials_wrong");
    let again = shop.accounts.delete_client(None, &made.client.id).await;
    assert_eq!(again.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_alone() {
    let shop = Shop::open().await;
    shop.ada().await;
    let mine = NewClient::named("mine").audiences([API, shop.accounts.issuer().unwrap()]);
    let mine = shop.believed(&shop.client(mine).await).await;
    let other = shop.believed(&shop.client(NewClient::named("other")).await).await;
    let bound = shop.accounts.sign_in(ada_signs_in().client(&mine)).await.unwrap();
    let free = shop.sign_in().await;
    let verified = shop.accounts.guard().verify(&bound.access_token).unwrap();
    assert_eq!(verified.claims().client_id.as_ref(), Some(&mine.id));
    let code = |error: GrantError| error.code();
    for token in [&bound.refresh_token, &free.refresh_token] {
        let refused = shop.accounts.refresh_for(&other, token, None).await;
        assert_eq!(refused.map_err(code).unwrap_err(), "refresh_token_unknown");
    }
    let refused = shop.accounts.refresh_for(&mine, &free.refresh_token, None).await;
    assert_eq!(refused.map_err(code).unwrap_err(), "refresh_token_unknown");
    let refused = shop.accounts.refresh(&bound.refresh_token).await;
    assert_eq!(refused.unwrap_err().code(), "refresh_token_unknown");
    let refused = shop.accounts.refresh_for(&mine, &bound.refresh_token, Some("https://x")).await;
    assert_eq!(refused.map_err(code).unwrap_err(), "resource_refused");
    // None of that has spent anything.
    let next = shop.accounts.refresh_for(&mine, &bound.refresh_token, Some(API));
    let next = next.await.unwrap();
    assert_eq!(shop.refused(&next.access_token), Some("token_audience_wrong"));
    let again = shop.accounts.refresh_for(&mine, &bound.refresh_token, None);
    let again = again.await.unwrap();
    assert_eq!(again.refresh_token, next.refresh_token, "repeated within the grace");
    assert_eq!(shop.refused(&again.access_token), None);
    // Replayed over another client it is unknown, and ends nothing; by its own it is a thief's.
    shop.accounts.refresh_for(&mine, &next.refresh_token, None).await.unwrap();
    let replayed = shop.accounts.refresh_for(&other, &bound.refresh_token, None).await;
    assert_eq!(replayed.map_err(code).unwrap_err(), "refresh_token_unknown");
    assert_eq!(shop.refused(&again.access_token), None);
    let replayed = shop.accounts.refresh_for(&mine, &bound.refresh_token, None).await;
    assert_eq!(replayed.map_err(code).unwrap_err(), "refresh_token_reused");
    assert_eq!(shop.refused(&again.access_token), Some("token_revoked"));
}

#[tokio::test]
async fn a_refresh_gives_no_audience_that_the_client_does_not_have() {
    let shop = Shop::open().await;
    shop.ada().await;
    let client = async |name: &str, audiences: &[&str]| {
        let new = NewClient::named(name).audiences(audiences.iter().copied());
        shop.believed(&shop.client(new).await).await
    };
    let one = client("one", &[API]).await;
    let two = client("two", &[API, "https://other.example"]).await;
    let session = shop.accounts.sign_in(ada_signs_in().client(&one)).await.unwrap();
    let next = shop.accounts.refresh_for(&one, &session.refresh_token, None).await.unwrap();
    for token in [&session.access_token, &next.access_token] {
        assert_eq!(shop.refused(token), Some("token_audience_wrong"), "the first is as the next");
    }
    let refused = shop.accounts.sign_in(ada_signs_in().resource(API)).await;
    assert_eq!(refused.unwrap_err().code(), "resource_refused", "without a client");
    let refused = shop.accounts.sign_in(ada_signs_in().client(&two)).await;
    assert_eq!(refused.unwrap_err().code(), "resource_needed");
    let sessions = shop.accounts.sessions(&session.account.id).await.unwrap();
    assert_eq!(sessions.len(), 1, "none was opened for nothing");
    let session = shop.accounts.sign_in(ada_signs_in().client(&two).resource(API)).await.unwrap();
    assert_eq!(shop.refused(&session.access_token), Some("token_audience_wrong"));
    let refused = shop.accounts.refresh_for(&two, &session.refresh_token, None).await;
    assert_eq!(refused.map_err(|error| error.code()).unwrap_err(), "resource_needed");
    // Nothing was spent.
    shop.accounts.refresh_for(&two, &session.refresh_token, Some(API)).await.unwrap();
}

#[tokio::test]
async fn names_scopes_and_audiences_have_their_rules() {
    let shop = Shop::open().await;
    shop.client(NewClient::named("Ähre & Co, 2")).await;
    let many = |what: &str, count: usize| (0..count).map(|n| format!("{what}{n}")).collect::<Vec<_>>();
    for (new, code) in [
        (NewClient::named("Ähre & Co, 2"), "name_taken"),
        (NewClient::named(""), "name_malformed"),
        (NewClient::named(" a"), "name_malformed"),
        (NewClient::named("a\nb"), "name_malformed"),
        (NewClient::named("a\0"), "name_malformed"),
        (NewClient::named("a\u{202e}b"), "name_malformed"),
        (NewClient::named("x".repeat(65)), "name_malformed"),
        (NewClient::named("n").scopes(["a b"]), "scope_malformed"),
        (NewClient::named("n").scopes([""]), "scope_malformed"),
        (NewClient::named("n").scopes(["ä"]), "scope_malformed"),
        (NewClient::named("n").scopes(["a\"b"]), "scope_malformed"),
        (NewClient::named("n").scopes(many("s", 65)), "list_too_long"),
        (NewClient::named("n").audiences([""]), "audience_malformed"),
        (NewClient::named("n").audiences(["https://a b"]), "audience_malformed"),
        (NewClient::named("n").audiences(["https://a#b"]), "audience_malformed"),
        (NewClient::named("n").audiences(["x".repeat(257)]), "audience_malformed"),
        (NewClient::named("n").audiences(many("a", 33)), "list_too_long"),
    ] {
        let refused = shop.accounts.create_client(None, new.clone()).await;
        assert_eq!(refused.unwrap_err().code(), code, "{new:?}");
    }
    let page = shop.accounts.clients_page(None, 10).await.unwrap();
    assert_eq!((page.clients.len(), page.next), (1, None));
    let found = shop.accounts.find_client("Ähre & Co, 2").await.unwrap();
    assert_eq!(found.as_ref(), Some(&page.clients[0]));
    assert_eq!(shop.accounts.find_client(&page.clients[0].id).await.unwrap(), found);
    assert_eq!(shop.accounts.find_client("a\0b").await.unwrap(), None);
}
