//! Another program's refresh JWT, exchanged once; its access tokens, and what can be theirs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use keystile::{
    Claims, Expected, KeySet, LegacyKeys, LegacyTrust, SigningKey, SubjectRule, Timestamp, Trust,
    Trusted, Verified, Verifier, VerifyingKey,
};
use keystile_accounts::{Accounts, Caller, Exchange, ExchangeError, NewAccount, SignIn, SignedIn, Which};
use serde_json::{Value, json};

use crate::shop::{OTHER, PASSWORD, Shop, caller, eventually, refused_by};

const SECRET: &str = "a secret that two programs share, 32 bytes";
const NOW: i64 = 1_900_000_000;
const DAY: i64 = 24 * 3_600;

fn theirs(shop: &Shop) -> Verifier {
    Verifier::new(Trust {
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: "JWT".into(),
        keys: KeySet::from(VerifyingKey::hs256(SECRET).unwrap()),
    })
    .require_claim("type", "refresh")
    .clock(shop.clock.clone())
}

/// A token as the other program signs it: issued an hour ago, good for a day.
fn signed(more: Value) -> String {
    let mut members =
        json!({ "sub": "7", "iat": NOW - 3_600, "exp": NOW + DAY, "jti": "j", "type": "refresh" });
    let Value::Object(more) = more else {
        panic!("an object")
    };
    let all = members.as_object_mut().unwrap();
    for (name, value) in more {
        all.insert(name, value);
    }
    let text = |name: &str, all: &mut serde_json::Map<String, Value>| all.remove(name);
    let (sub, exp) = (text("sub", all).unwrap(), text("exp", all).unwrap());
    let members: serde_json::Map<_, _> = all
        .clone()
        .into_iter()
        .filter(|(_, it)| !it.is_null())
        .collect();
    let claims = Claims::new(sub.as_str().unwrap(), exp.as_i64().unwrap()).with_extra(members);
    SigningKey::hs256(SECRET)
        .unwrap()
        .issue_as("JWT", &claims)
        .unwrap()
}

/// The same, verified.
pub(crate) fn verified(shop: &Shop, more: Value) -> Arc<Verified> {
    theirs(shop).verify(&signed(more)).unwrap()
}

async fn exchanged(shop: &Shop, more: Value) -> Result<SignedIn, ExchangeError> {
    let verified = verified(shop, more);
    shop.accounts.exchange(Exchange::of(&verified)).await
}

async fn code(shop: &Shop, more: Value) -> &'static str {
    exchanged(shop, more).await.unwrap_err().code()
}

/// A shop that took Ada over, whose number there was 7.
async fn shop() -> Shop {
    let shop = Shop::open().await;
    let ada = NewAccount::username("ada").id("7").password(PASSWORD);
    shop.accounts.import_account(ada).await.unwrap();
    shop
}

#[tokio::test]
async fn it_opens_a_session_once() {
    let shop = shop().await;
    let token = verified(&shop, json!({}));
    let request = Exchange::of(&token)
        .from(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .device("the old client".repeat(100));
    let session = shop.accounts.exchange(request).await.unwrap();
    assert_eq!(
        (session.account.id.as_str(), session.account.imported),
        ("7", true)
    );
    let claims = shop.accounts.guard().verify(&session.access_token).unwrap();
    assert_eq!(
        claims.claims().auth_time,
        None,
        "nobody here saw the password"
    );
    assert!(claims.claims().amr.is_empty());
    let listed = shop.accounts.sessions(&session.account.id).await.unwrap();
    assert_eq!(listed[0].address.as_deref(), Some("127.0.0.1"));
    let device = listed[0].device.as_ref().unwrap();
    // Cut to 256 characters, the last of which was a space.
    assert!(device.len() == 255 && device.ends_with("the"), "{device}");
    assert_eq!(code(&shop, json!({})).await, "exchange_used");

    let next = shop.accounts.refresh(&session.refresh_token).await.unwrap();
    assert_eq!(next.session_id, session.session_id);
    let ada = caller(&shop.accounts, &next);
    let changed = shop
        .accounts
        .change_password(&ada, PASSWORD, OTHER)
        .await
        .unwrap();
    let claims = shop.accounts.guard().verify(&changed.access_token).unwrap();
    assert_eq!(claims.claims().auth_time, Some(NOW), "now it was seen");
}

#[tokio::test]
async fn what_it_says_of_the_sign_in_is_believed_but_not_the_future() {
    let shop = shop().await;
    for (jti, said, kept) in [("a", NOW - 60, NOW - 60), ("b", NOW + 3_600, NOW)] {
        let more = json!({ "jti": jti, "auth_time": said, "amr": ["pwd", "otp"] });
        let session = exchanged(&shop, more).await.unwrap();
        let verified = shop.accounts.guard().verify(&session.access_token).unwrap();
        assert_eq!(verified.claims().auth_time, Some(kept));
        assert_eq!(verified.claims().amr, ["pwd", "otp"]);
    }
}

#[tokio::test]
async fn twenty_at_once_open_one_session() {
    let shop = shop().await;
    let other = shop.beside().await;
    let token = verified(&shop, json!({}));
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let accounts: Accounts = if number % 2 == 0 {
                shop.accounts.clone()
            } else {
                other.clone()
            };
            let token = Arc::clone(&token);
            tokio::spawn(async move { accounts.exchange(Exchange::of(&token)).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.code(), "exchange_used"),
        }
    }
    assert_eq!(
        (
            won,
            shop.accounts.sessions(&"7".into()).await.unwrap().len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn what_lacks_something_is_refused() {
    let shop = shop().await;
    assert_eq!(
        code(&shop, json!({ "jti": null })).await,
        "exchange_incomplete"
    );
    assert_eq!(
        code(&shop, json!({ "jti": "" })).await,
        "exchange_incomplete"
    );
    assert_eq!(
        code(&shop, json!({ "iat": null })).await,
        "exchange_incomplete"
    );
    for own in [json!({ "sid": "s" }), json!({ "gen": 0 })] {
        assert_eq!(code(&shop, own).await, "exchange_of_own_token");
    }
    for nobody in ["8", "ada", ""] {
        let token = verified(&shop, json!({}));
        let request = Exchange::of(&token).account(nobody);
        let error = shop.accounts.exchange(request).await.unwrap_err();
        assert_eq!(error.code(), "exchange_refused", "{nobody:?}");
    }
    shop.turn(DAY.unsigned_abs());
    let lenient = theirs(&shop).leeway(std::time::Duration::from_secs(60));
    let token = lenient.verify(&signed(json!({}))).unwrap();
    let error = shop
        .accounts
        .exchange(Exchange::of(&token))
        .await
        .unwrap_err();
    assert_eq!(
        error.code(),
        "exchange_expired",
        "whatever the verifier forgives"
    );
    assert_eq!(shop.accounts.sessions(&"7".into()).await.unwrap(), []);
}

#[tokio::test]
async fn a_disabled_a_signed_out_and_a_younger_account_get_none() {
    let shop = shop().await;
    let ada = shop.accounts.account(&"7".into()).await.unwrap().unwrap();
    let theirs = verified(&shop, json!({}));
    assert!(ada.can_own(theirs.claims()));
    shop.accounts.disable(None, &ada.id).await.unwrap();
    assert_eq!(code(&shop, json!({})).await, "exchange_refused");
    let ada = shop.accounts.enable(None, &ada.id).await.unwrap();
    assert_eq!(
        code(&shop, json!({})).await,
        "exchange_refused",
        "its sessions were ended"
    );
    assert!(!ada.can_own(theirs.claims()) && ada.sessions_ended_at.is_some());
    let after = verified(&shop, json!({ "jti": "after", "iat": NOW + 1 }));
    assert!(ada.can_own(after.claims()));

    // Signed up here, under a number that the other program once gave to somebody else.
    let younger = shop
        .accounts
        .sign_up(keystile_accounts::SignUp::username("eve").password(PASSWORD))
        .await
        .unwrap();
    assert!(!younger.can_own(theirs.claims()));
    let request = Exchange::of(&theirs).account(younger.id.clone());
    assert_eq!(
        shop.accounts.exchange(request).await.unwrap_err().code(),
        "exchange_refused"
    );
    let undated = Claims::new("7", NOW);
    assert!(!younger.can_own(&undated) && !ada.can_own(&undated));
}

#[tokio::test]
async fn another_role_ends_none_and_is_the_sessions() {
    let shop = shop().await;
    shop.accounts
        .set_roles(None, &"7".into(), &["admin".to_owned()])
        .await
        .unwrap();
    let session = exchanged(&shop, json!({ "roles": ["emperor"] }))
        .await
        .unwrap();
    assert_eq!(session.account.roles, ["admin"]);
    let verified = shop.accounts.guard().verify(&session.access_token).unwrap();
    assert_eq!(
        verified.claims().roles.iter().collect::<Vec<_>>(),
        ["admin"]
    );
}

/// Its access tokens, beside the engine's own: they say who somebody is, and administer nothing, whatever they say.
#[tokio::test]
async fn an_older_access_token_passes_beside_ours_and_has_no_rights_of_its_own() {
    let shop = shop().await;
    let older = Trusted::try_from(LegacyTrust {
        keys: LegacyKeys::secret(SECRET).unwrap(),
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: "JWT".into(),
        required_claims: vec![("type".into(), "access".into())],
        subject: SubjectRule::Required,
        issued_before: Timestamp::from_seconds(NOW),
        accept_until: Timestamp::from_seconds(NOW + DAY),
        longest_life: Duration::from_secs(2 * 86_400),
    });
    let guard = shop.accounts.guard().or_trust(older.unwrap());
    let ada = shop.accounts.account(&"7".into()).await.unwrap().unwrap();
    let session = SignIn::username("ada").password(PASSWORD);
    let session = shop.accounts.sign_in(session).await.unwrap();
    assert!(!guard.verify(&session.access_token).unwrap().is_legacy());

    let of_admins = json!({ "type": "access", "roles": ["admin"], "scope": "accounts:write", "sid": session.session_id.as_str(), "gen": 0 });
    let token = signed(of_admins);
    let verified = guard.verify(&token).unwrap();
    assert!(verified.is_legacy() && ada.can_own(verified.claims()));
    assert!(verified.claims().roles.is_empty() && verified.claims().scope.is_empty());
    assert!(Caller::from_claims(verified.claims()).is_none());
    assert!(shop.accounts.guard().verify(&token).is_err(), "it was not told");
    assert_eq!(
        guard.verify(&signed(json!({}))).unwrap_err().code(),
        "access_token_needed"
    );
    // What the engine revokes ends it too.
    let expires = verified.claims().expires_at();
    shop.accounts.revoke_token("j", expires).await.unwrap();
    assert_eq!(guard.verify(&token).unwrap_err().code(), "token_revoked");
}

#[tokio::test]
async fn one_token_is_revoked_by_its_id_in_every_process() {
    let shop = shop().await;
    let other = shop.beside().await;
    let signed_in = SignIn::username("ada").password(PASSWORD);
    let (one, two) = (
        shop.accounts.sign_in(signed_in.clone()).await.unwrap(),
        shop.accounts.sign_in(signed_in).await.unwrap(),
    );
    let verified = shop.accounts.guard().verify(&one.access_token).unwrap();
    let claims = verified.claims();
    let jti = claims.jti.as_deref().unwrap();
    shop.accounts
        .revoke_token(jti, claims.expires_at())
        .await
        .unwrap();
    assert_eq!(
        shop.refused(&one.access_token),
        Some("token_revoked"),
        "at once here"
    );
    eventually("the other process hears of it", || {
        refused_by(&other, &one.access_token) == Some("token_revoked")
    })
    .await;
    assert_eq!(shop.refused(&two.access_token), None);
    assert!(
        shop.accounts.refresh(&one.refresh_token).await.is_ok(),
        "its session lives"
    );
    shop.accounts
        .revoke_token("j", Timestamp::from_seconds(NOW + DAY))
        .await
        .unwrap();
    assert_eq!(code(&shop, json!({})).await, "exchange_refused");
}

/// A token that lives longer than ours is revoked for its own life.
#[tokio::test]
async fn a_revoked_id_is_kept_as_long_as_its_token() {
    let shop = shop().await;
    let expires = Timestamp::from_seconds(NOW + 30 * DAY);
    shop.accounts.revoke_token("long", expires).await.unwrap();
    shop.turn((30 * DAY - 1).unsigned_abs());
    shop.accounts.sweep().await.unwrap();
    let claims = Claims {
        jti: Some("long".to_owned()),
        ..Claims::new("7", NOW + 30 * DAY)
    };
    assert!(shop.accounts.guard().revoked().is_revoked(&claims));
    let again = shop.beside().await;
    assert!(
        again.guard().revoked().is_revoked(&claims),
        "and over a restart"
    );
    shop.turn(200);
    for _ in 0..50 {
        shop.accounts.sweep().await.unwrap();
        if !shop.accounts.guard().revoked().is_revoked(&claims) {
            return;
        }
        // A poll that read the row before may still bring it back once.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it is kept for longer");
}

#[tokio::test]
async fn signing_out_everywhere_ends_what_was_not_exchanged_yet() {
    let shop = shop().await;
    let session = exchanged(&shop, json!({})).await.unwrap();
    let id = session.account.id;
    shop.accounts
        .sign_out(&id, &session.session_id, Which::Others)
        .await
        .unwrap();
    assert_eq!(
        code(&shop, json!({ "jti": "two" })).await,
        "exchange_refused"
    );
    assert!(shop.accounts.refresh(&session.refresh_token).await.is_ok());
}
