//! What was before goes on after: tokens, sessions, keys, limits, what is over.

use std::time::Duration;

use keystile::Timestamp;
use keystile_accounts::{
    AccountFilter, Accounts, Begin, CreatedClient, GuessLimits, NewClient, SignIn, SignedIn,
    TokenWish, Which,
};

use crate::place::{PASSWORD, Place, sign_in, sign_up};

const HERE: &str = "192.0.2.1";

fn refused(accounts: &Accounts, token: &str) -> Option<&'static str> {
    let refusal = accounts.guard().verify(token).err();
    refusal.map(|refusal| refusal.code())
}

async fn refresh(accounts: &Accounts, token: &str) -> Result<SignedIn, &'static str> {
    let outcome = accounts.refresh(token).await;
    outcome.map_err(|error| error.code())
}

#[tokio::test]
async fn tokens_and_sessions_go_on_and_what_is_over_stays_over() {
    let Some(place) = Place::new() else { return };
    let accounts = place.source().open().await.unwrap();
    let ada = sign_up(&accounts, "ada").await;
    let eve = sign_up(&accounts, "eve").await;
    let untouched = sign_in(&accounts, "ada").await;
    let first = sign_in(&accounts, "ada").await;
    let second = refresh(&accounts, first.refresh_token.expose())
        .await
        .unwrap();
    let third = refresh(&accounts, second.refresh_token.expose())
        .await
        .unwrap();
    let signed_out = sign_in(&accounts, "ada").await;
    let (of, session) = (&signed_out.account.id, &signed_out.session_id);
    accounts.sign_out(of, session, Which::This).await.unwrap();
    let of_eve = sign_in(&accounts, "eve").await;
    accounts.disable(None, &eve.id).await.unwrap();
    let one = sign_in(&accounts, "ada").await;
    let claims = accounts.guard().verify(&one.access_token).unwrap();
    let jti = claims.claims().jti.clone().unwrap();
    let expires = Timestamp::from_seconds(1_900_000_000 + 900);
    accounts.revoke_token(&jti, expires).await.unwrap();
    let keys = accounts.keys().await.unwrap();
    accounts.close().await;

    let moved = place.run().await.unwrap();
    assert!(!moved.already && moved.rows() > 15, "{moved:?}");

    let accounts = place.there().open().await.unwrap();
    assert_eq!(accounts.keys().await.unwrap(), keys);
    for (token, reason) in [
        (&untouched.access_token, None),
        (&third.access_token, None),
        (&signed_out.access_token, Some("token_revoked")),
        (&of_eve.access_token, Some("token_revoked")),
        (&one.access_token, Some("token_revoked")),
    ] {
        assert_eq!(refused(&accounts, token), reason);
    }
    let next = refresh(&accounts, untouched.refresh_token.expose())
        .await
        .unwrap();
    assert_eq!(next.session_id, untouched.session_id);
    assert_eq!(next.account.id, ada.id);
    let ended = refresh(&accounts, signed_out.refresh_token.expose()).await;
    assert_eq!(ended.unwrap_err(), "session_ended");
    let ended = refresh(&accounts, of_eve.refresh_token.expose()).await;
    assert_eq!(ended.unwrap_err(), "session_ended");
    // Repeated within the grace: the same successor, by the salt that came along.
    let again = refresh(&accounts, second.refresh_token.expose())
        .await
        .unwrap();
    assert_eq!(again.refresh_token.expose(), third.refresh_token.expose());
    // One that was used before that is a thief's.
    let reused = refresh(&accounts, first.refresh_token.expose()).await;
    assert_eq!(reused.unwrap_err(), "refresh_token_reused");
    let over = refresh(&accounts, third.refresh_token.expose()).await;
    assert_eq!(over.unwrap_err(), "session_ended");
    // The password, a new account, and a page of all in the order in which they came.
    sign_in(&accounts, "ada").await;
    let joe = sign_up(&accounts, "joe").await;
    let page = accounts
        .accounts_page(None, 10, &AccountFilter::default())
        .await
        .unwrap();
    let ids: Vec<_> = page.accounts.iter().map(|account| &account.id).collect();
    assert_eq!(ids, [&ada.id, &eve.id, &joe.id]);
    let disabled = SignIn::username("eve").password(PASSWORD);
    assert_eq!(
        accounts.sign_in(disabled).await.unwrap_err().code(),
        "credentials_wrong"
    );
    accounts.close().await;
}

#[tokio::test]
async fn guessing_is_limited_by_what_was_counted_before() {
    let Some(place) = Place::new() else { return };
    let limits = GuessLimits::default().per_address(3, Duration::from_secs(600));
    let attempt = async |accounts: &Accounts, password: &str| {
        let request = SignIn::username("ada").password(password);
        let outcome = accounts.sign_in(request.from(HERE.parse().unwrap())).await;
        outcome.map_or_else(|error| error.code(), |_| "ok")
    };
    let accounts = place.source().guess_limits(limits).open().await.unwrap();
    sign_up(&accounts, "ada").await;
    for _ in 0..2 {
        assert_eq!(attempt(&accounts, "wrong").await, "credentials_wrong");
    }
    accounts.close().await;
    place.run().await.unwrap();
    let accounts = place.there().guess_limits(limits).open().await.unwrap();
    assert_eq!(
        attempt(&accounts, "wrong").await,
        "credentials_wrong",
        "the third"
    );
    assert_eq!(attempt(&accounts, PASSWORD).await, "limited");
    place.clock.advance(Duration::from_secs(600));
    assert_eq!(attempt(&accounts, PASSWORD).await, "ok");
    accounts.close().await;
}

#[tokio::test]
async fn sealed_keys_and_a_rotation_under_way_come_along() {
    let Some(place) = Place::new() else { return };
    let sealing = [7; 32];
    let accounts = place.source().sealing_key(sealing).open().await.unwrap();
    sign_up(&accounts, "ada").await;
    let before = sign_in(&accounts, "ada").await;
    accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let keys = accounts.keys().await.unwrap();
    assert_eq!(keys.len(), 2);
    accounts.close().await;
    place.run().await.unwrap();
    let without = place.there().open().await.unwrap_err();
    assert!(without.to_string().contains("sealing"), "{without}");
    let accounts = place.there().sealing_key(sealing).open().await.unwrap();
    assert_eq!(accounts.keys().await.unwrap(), keys);
    assert_eq!(refused(&accounts, &before.access_token), None);
    place.clock.advance(Duration::from_secs(30 * 24 * 3600));
    accounts.turn_keys().await.unwrap();
    let later = sign_in(&accounts, "ada").await;
    assert_eq!(
        refused(&accounts, &later.access_token),
        None,
        "by the key that was next"
    );
    accounts.close().await;
}

#[tokio::test]
async fn clients_and_what_they_were_given_go_on() {
    let Some(place) = Place::new() else { return };
    let accounts = place.source().open().await.unwrap();
    sign_up(&accounts, "ada").await;
    let made = async |name: &str| {
        let made = accounts.create_client(None, NewClient::named(name)).await;
        made.unwrap()
    };
    let (kept, gone) = (made("kept").await, made("gone").await);
    let believed = async |accounts: &Accounts, made: &CreatedClient| {
        let (id, secret) = (&made.client.id, made.secret.expose());
        accounts.authenticate_client(id, secret, None).await
    };
    let client = believed(&accounts, &gone).await.unwrap();
    let token_of_gone = accounts.client_token(&client, TokenWish::default());
    let token_of_gone = token_of_gone.await.unwrap().access_token;
    accounts.delete_client(None, &gone.client.id).await.unwrap();
    let client = believed(&accounts, &kept).await.unwrap();
    let own = accounts.client_token(&client, TokenWish::default());
    let own = own.await.unwrap().access_token;
    let request = SignIn::username("ada").password(PASSWORD).client(&client);
    let session = accounts.sign_in(request).await.unwrap();
    accounts.close().await;

    place.run().await.unwrap();

    let accounts = place.there().open().await.unwrap();
    assert_eq!(refused(&accounts, &own), None);
    assert_eq!(refused(&accounts, &token_of_gone), Some("token_revoked"));
    assert!(believed(&accounts, &gone).await.is_err());
    let client = believed(&accounts, &kept).await.unwrap();
    let next = accounts.refresh_for(&client, &session.refresh_token, None);
    assert_eq!(next.await.unwrap().session_id, session.session_id);
    let again = NewClient::named("kept");
    let taken = accounts.create_client(None, again).await.unwrap_err();
    assert_eq!(taken.code(), "name_taken");
    accounts.close().await;
}
