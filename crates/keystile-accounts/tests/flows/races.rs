//! Races in a stated order: the sign-in or the refresh is held back at a point, the other act happens whole, then the
//! held one goes on. Nothing that the act was to end may survive.

use std::sync::Arc;

use keystile_accounts::{
    Accounts, Caller, Exchange, Hold, NewAccount, Point, SignIn, SignInError, SignedIn, Which,
};
use tokio::sync::{Notify, Semaphore};

use crate::shop::{OTHER, PASSWORD, Shop, ada_signs_in, caller};

/// Holds the first flow that reaches a point until it is let go.
pub(crate) struct Held {
    pub(crate) reached: Arc<Notify>,
    pub(crate) go: Arc<Semaphore>,
}

pub(crate) fn hold_at(point: Point) -> (Held, Hold) {
    let held = Held {
        reached: Arc::default(),
        go: Arc::new(Semaphore::new(0)),
    };
    let (reached, go) = (Arc::clone(&held.reached), Arc::clone(&held.go));
    let hold: Hold = Arc::new(move |at| {
        let (reached, go) = (Arc::clone(&reached), Arc::clone(&go));
        Box::pin(async move {
            if at == point {
                reached.notify_one();
                // A permit that stays: whoever comes later is not held.
                let _permit = go.acquire().await.unwrap();
            }
        })
    });
    (held, hold)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    SignOutAll,
    ChangePassword,
    SetPassword,
    Disable,
    SetRoles,
    Delete,
}

const ACTS: [Act; 6] = [
    Act::SignOutAll,
    Act::ChangePassword,
    Act::SetPassword,
    Act::Disable,
    Act::SetRoles,
    Act::Delete,
];

impl Act {
    async fn run(self, accounts: &Accounts, ada: &Caller) {
        let id = &ada.account_id;
        match self {
            Self::SignOutAll => drop(
                accounts
                    .sign_out(id, &ada.session_id, Which::All)
                    .await
                    .unwrap(),
            ),
            Self::ChangePassword => drop(
                accounts
                    .change_password(ada, PASSWORD, OTHER)
                    .await
                    .unwrap(),
            ),
            Self::SetPassword => accounts.set_password(None, id, OTHER).await.unwrap(),
            Self::Disable => drop(accounts.disable(None, id).await.unwrap()),
            Self::SetRoles => drop(
                accounts
                    .set_roles(None, id, &["editor".to_owned()])
                    .await
                    .unwrap(),
            ),
            Self::Delete => accounts.delete(None, id).await.unwrap(),
        }
    }
}

/// A shop whose flows are held at `point`, and who acts there: a second handle on the same database is not held.
async fn held_shop(point: Point) -> (Shop, Accounts, Held, SignedIn) {
    let (held, hold) = hold_at(point);
    let shop = Shop::with(|builder| builder.hold(hold)).await;
    let free = shop.beside().await;
    let new = NewAccount::username("ada").password(PASSWORD);
    free.create_account(None, new).await.unwrap();
    let session = free.sign_in(ada_signs_in()).await.unwrap();
    (shop, free, held, session)
}

/// No token of this answer is good anywhere, now or later.
async fn dead(shop: &Shop, free: &Accounts, answer: &SignedIn) -> bool {
    let refused = |accounts| crate::shop::refused_by(accounts, &answer.access_token);
    crate::shop::eventually("both hear of it", || {
        refused(free) == Some("token_revoked") && refused(&shop.accounts) == Some("token_revoked")
    })
    .await;
    free.refresh(&answer.refresh_token).await.is_err()
}

#[tokio::test]
async fn no_sign_in_survives_what_happened_after_its_password_was_checked() {
    for act in ACTS {
        let (shop, free, held, session) = held_shop(Point::PasswordChecked).await;
        let accounts = shop.accounts.clone();
        let sign_in = tokio::spawn(async move { accounts.sign_in(ada_signs_in()).await });
        held.reached.notified().await;
        act.run(&free, &caller(&free, &session)).await;
        held.go.add_permits(1);
        let answer = sign_in.await.unwrap();
        match act {
            // The password was still right when the session was opened, and it carries what the account is now.
            Act::SignOutAll | Act::SetRoles => {
                let answer = answer.unwrap();
                let roles = &answer.account.roles;
                assert_eq!(roles.len(), usize::from(act == Act::SetRoles), "{act:?}");
                assert_eq!(
                    crate::shop::refused_by(&free, &answer.access_token),
                    None,
                    "{act:?}"
                );
            }
            _ => assert!(
                matches!(answer, Err(SignInError::WrongCredentials)),
                "{act:?}: {answer:?}"
            ),
        }
    }
}

#[tokio::test]
async fn no_sign_in_survives_what_happened_between_its_commit_and_its_signature() {
    for act in ACTS {
        let (shop, free, held, session) = held_shop(Point::SessionOpened).await;
        let accounts = shop.accounts.clone();
        let sign_in = tokio::spawn(async move { accounts.sign_in(ada_signs_in()).await });
        held.reached.notified().await;
        act.run(&free, &caller(&free, &session)).await;
        held.go.add_permits(1);
        let answer = sign_in.await.unwrap().unwrap();
        if act == Act::SetRoles {
            crate::shop::eventually("the token of the old roles dies", || {
                crate::shop::refused_by(&shop.accounts, &answer.access_token)
                    == Some("token_revoked")
            })
            .await;
            let next = free.refresh(&answer.refresh_token).await.unwrap();
            assert_eq!(
                next.account.roles,
                ["editor"],
                "the session goes on under the new ones"
            );
        } else {
            assert!(dead(&shop, &free, &answer).await, "{act:?}");
        }
    }
}

#[tokio::test]
async fn no_refresh_survives_what_happened_between_its_commit_and_its_signature() {
    for act in ACTS {
        let (shop, free, held, session) = held_shop(Point::Rotated).await;
        let ada = caller(&free, &session);
        let (accounts, token) = (shop.accounts.clone(), session.refresh_token.clone());
        let refresh = tokio::spawn(async move { accounts.refresh(&token).await });
        held.reached.notified().await;
        act.run(&free, &ada).await;
        held.go.add_permits(1);
        let answer = refresh.await.unwrap().unwrap();
        if act == Act::SetRoles {
            crate::shop::eventually("the token of the old roles dies", || {
                crate::shop::refused_by(&free, &answer.access_token) == Some("token_revoked")
            })
            .await;
            assert!(free.refresh(&answer.refresh_token).await.is_ok());
        } else {
            assert!(dead(&shop, &free, &answer).await, "{act:?}");
        }
    }
}

/// The same for a session that another program's refresh token opened.
#[tokio::test]
async fn no_exchange_survives_what_happened_between_its_commit_and_its_signature() {
    for act in ACTS {
        let (shop, free, held, session) = held_shop(Point::SessionOpened).await;
        let ada = caller(&free, &session);
        let issued = shop.clock.now().as_seconds();
        let token = crate::exchange::verified(&shop, serde_json::json!({ "iat": issued }));
        let request = Exchange::of(&token).account(ada.account_id.clone());
        let (accounts, held_one) = (shop.accounts.clone(), request.clone());
        let exchange = tokio::spawn(async move { accounts.exchange(held_one).await });
        held.reached.notified().await;
        act.run(&free, &ada).await;
        held.go.add_permits(1);
        let answer = exchange.await.unwrap().unwrap();
        if act == Act::SetRoles {
            assert!(free.refresh(&answer.refresh_token).await.is_ok());
        } else {
            assert!(dead(&shop, &free, &answer).await, "{act:?}");
        }
        let again = free.exchange(request).await.unwrap_err();
        assert_eq!(again.code(), "exchange_used", "{act:?}");
    }
}

#[tokio::test]
async fn rounds_of_both_at_once_leave_no_survivor() {
    let shop = Shop::open().await;
    for round in 0..30 {
        let act = ACTS[round % ACTS.len()];
        let name = format!("user{round}");
        let new = NewAccount::username(&name).password(PASSWORD);
        shop.accounts.create_account(None, new).await.unwrap();
        let signs_in = || SignIn::username(&name).password(PASSWORD);
        let session = shop.accounts.sign_in(signs_in()).await.unwrap();
        let user = caller(&shop.accounts, &session);
        let (refreshed, signed_in, ()) = tokio::join!(
            shop.accounts.refresh(&session.refresh_token),
            shop.accounts.sign_in(signs_in()),
            act.run(&shop.accounts, &user)
        );
        // Whatever order it was: who lives after the act was opened after it, under what the act left.
        let generation = shop
            .accounts
            .account(&user.account_id)
            .await
            .unwrap()
            .map(|account| account.generation);
        for answer in [refreshed.ok(), signed_in.ok()].into_iter().flatten() {
            if shop.refused(&answer.access_token).is_none() {
                assert_eq!(Some(answer.account.generation), generation, "{act:?}");
                assert!(matches!(act, Act::SignOutAll | Act::SetRoles), "{act:?}");
            }
        }
    }
}
