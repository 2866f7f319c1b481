//! What an application asks besides of a token that holds: in memory, or elsewhere.

#![cfg(feature = "testing")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keystile::testing::TestIssuer;
use keystile::{Checked, Guard, Reason, TokenCheck, Verified};

fn guard() -> Guard {
    TestIssuer::new().guard()
}

/// Of another issuer by the same name, which the guard cannot tell from its own.
fn token(jti: &str) -> String {
    TestIssuer::new().token("ada").id(jti).build()
}

fn code(verdict: &Result<Arc<Verified>, keystile::Refusal>) -> &'static str {
    verdict
        .as_ref()
        .map_or_else(keystile::Refusal::code, |_| "ok")
}

/// A table of an application's own, which has to be asked for over a network.
#[derive(Clone, Default)]
struct Table {
    revoked: Arc<Mutex<HashSet<String>>>,
    asked: Arc<AtomicUsize>,
    is_down: bool,
}

impl Table {
    async fn holds(&self, jti: &str) -> Result<bool, std::io::Error> {
        tokio::task::yield_now().await;
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        Ok(self.revoked.lock().unwrap().contains(jti))
    }
}

impl TokenCheck for Table {
    fn check(&self, token: &Arc<Verified>) -> Checked {
        let (table, token) = (self.clone(), Arc::clone(token));
        Checked::later(async move {
            let jti = token.claims().jti.as_deref().unwrap_or_default();
            match table.holds(jti).await {
                Ok(false) => Ok(()),
                Ok(true) => Err(Reason::TokenRevoked),
                Err(_) => Err(Reason::RevocationUnknown),
            }
        })
    }
}

#[tokio::test]
async fn a_table_elsewhere_is_asked_about_each_request() {
    let table = Table::default();
    let guard = guard().also_check(table.clone());
    let token = token("1");
    assert_eq!(code(&guard.verify_async(&token).await), "ok");
    table.revoked.lock().unwrap().insert("1".into());
    // The token is remembered, and the answer is not.
    assert_eq!(code(&guard.verify_async(&token).await), "token_revoked");
    assert_eq!(table.asked.load(Ordering::SeqCst), 2);
    // Who does not wait cannot ask, and does not guess.
    assert_eq!(code(&guard.verify(&token)), "revocation_unknown");
    let down = Table {
        is_down: true,
        ..table
    };
    let refused = guard.also_check(down).verify_async(&self::token("2")).await;
    assert_eq!(code(&refused), "revocation_unknown");
}

#[tokio::test]
async fn nothing_is_asked_about_a_token_that_does_not_hold() {
    let table = Table::default();
    let issuer = TestIssuer::new();
    let guard = issuer.guard().also_check(table.clone());
    let passes = [
        Reason::RoleMissing,
        Reason::ScopeMissing,
        Reason::NotFresh,
        Reason::ResourceNotOwn,
        Reason::AccountUnknown,
    ];
    for (reason, token) in issuer.bad_tokens() {
        if !passes.contains(&reason) {
            assert_eq!(code(&guard.verify_async(&token).await), reason.code());
            assert_eq!(code(&guard.verify(&token)), reason.code());
        }
    }
    assert_eq!(table.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn several_are_asked_in_their_order_and_the_first_that_refuses_decides() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let says = |name: &'static str, answer: Result<(), Reason>| {
        let asked = Arc::clone(&asked);
        move |_: &Arc<Verified>| {
            asked.lock().unwrap().push(name);
            answer
        }
    };
    let waits = |name: &'static str, answer: Result<(), Reason>| {
        let asked = Arc::clone(&asked);
        move |_: &Arc<Verified>| {
            let asked = Arc::clone(&asked);
            Checked::later(async move {
                tokio::task::yield_now().await;
                asked.lock().unwrap().push(name);
                answer
            })
        }
    };
    let taken = || std::mem::take(&mut *asked.lock().unwrap());
    let revoked = Err(Reason::TokenRevoked);

    let all = guard()
        .also_check(says("1", Ok(())))
        .also_check(waits("2", Ok(())))
        .also_check(says("3", Ok(())))
        .also_check(waits("4", Ok(())));
    assert_eq!(code(&all.verify_async(&token("1")).await), "ok");
    assert_eq!(taken(), ["1", "2", "3", "4"]);
    let early = guard()
        .also_check(says("1", revoked))
        .also_check(waits("2", Ok(())));
    assert_eq!(
        code(&early.verify_async(&token("1")).await),
        "token_revoked"
    );
    assert_eq!(code(&early.verify(&token("1"))), "token_revoked");
    assert_eq!(taken(), ["1", "1"]);
    let late = guard()
        .also_check(waits("1", revoked))
        .also_check(says("2", Ok(())));
    assert_eq!(code(&late.verify_async(&token("1")).await), "token_revoked");
    assert_eq!(taken(), ["1"]);
    let behind = guard()
        .also_check(waits("1", Ok(())))
        .also_check(says("2", revoked));
    assert_eq!(
        code(&behind.verify_async(&token("1")).await),
        "token_revoked"
    );
    assert_eq!(taken(), ["1", "2"]);
}

#[cfg(feature = "axum")]
mod in_axum {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, header};
    use axum::routing::get;
    use keystile::Principal;
    use tower_service::Service;

    use super::*;

    #[tokio::test]
    async fn extractors_and_the_layer_ask_too() {
        async fn me(caller: Principal) -> String {
            caller.sub.clone()
        }
        let table = Table::default();
        table.revoked.lock().unwrap().insert("bad".into());
        let guard = guard().also_check(table.clone());
        let inside = Router::new().route("/layer", get(me)).layer(guard.layer());
        let mut app = Router::new()
            .route("/me", get(me))
            .merge(inside)
            .with_state(guard);
        for path in ["/me", "/layer"] {
            for (jti, expected) in [("good", 200), ("bad", 401)] {
                let before = table.asked.load(Ordering::SeqCst);
                let request = Request::get(path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", token(jti)))
                    .body(Body::empty())
                    .unwrap();
                let answer = app.call(request).await.unwrap();
                assert_eq!(answer.status(), expected, "{path}");
                let asked = table.asked.load(Ordering::SeqCst) - before;
                assert_eq!(asked, 1, "once for a request, {path}");
            }
        }
    }
}
