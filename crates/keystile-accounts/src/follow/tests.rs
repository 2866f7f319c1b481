//! What the tasks do when the clock jumps, and when one of them ends otherwise than it should.

use keystile::{Clock, Expected, SigningKey, Trust};

use super::sweep::SWEEP;
use super::*;
use crate::{Accounts, GuessLimits, Hashing, SignIn, SignUp};

#[test]
fn a_jump_of_the_clock_forgets_no_revocation() {
    let at = Timestamp::from_seconds;
    let tick = Duration::from_secs(15);
    let mut settled = Settled { reached: at(1_000) };
    assert_eq!(settled.after(tick, at(1_015)), at(1_015));
    assert_eq!(settled.after(tick, at(4_630)), at(1_045), "an hour forward");
    assert_eq!(settled.after(tick, at(1_045)), at(1_045), "and back");
    assert_eq!(settled.after(tick, at(0)), at(0), "back further");
    assert_eq!(settled.after(Duration::ZERO, Timestamp::MAX), at(0));
    let mut reached = at(0);
    for second in 0..120 {
        reached = settled.after(tick, at(900 + 15 * second));
    }
    assert_eq!(reached, at(900 + 15 * 119), "it catches up");
}

/// An hour forward and back again: what a grace needs is not swept away in between.
#[tokio::test]
async fn a_jump_of_the_clock_erases_no_salt_that_is_needed_after_it() {
    let before = Timestamp::from_seconds(1_900_000_000);
    let clock = Clock::manual(before);
    let accounts = Accounts::builder("sqlite://:memory:")
        .clock(clock.clone())
        .hashing(Hashing::default().cost(64, 1, 1).threads(1))
        .guess_limits(GuessLimits::off())
        .open()
        .await
        .unwrap();
    let password = "correct horse battery staple";
    let ada = SignUp::username("ada").password(password);
    accounts.sign_up(ada).await.unwrap();
    let ada = SignIn::username("ada").password(password);
    let first = accounts.sign_in(ada).await.unwrap();
    let next = accounts.refresh(&first.refresh_token).await.unwrap();

    let mut settled = Settled { reached: before };
    clock.advance(Duration::from_secs(3_600));
    let due_by = settled.after(SWEEP, clock.now());
    let engine = accounts.engine();
    sweep_once(engine, &engine.followed, due_by).await.unwrap();
    clock.set(before);
    let again = accounts.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token.expose(), next.refresh_token.expose());
    accounts.close().await;
}

fn followed() -> Arc<Followed> {
    let secret = SigningKey::hs256([7; 32]).unwrap();
    let trust = Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: KeySet::new([secret.verifying_key().clone()]),
    };
    let followed = Arc::new(Followed::new(Verifier::new(trust)));
    followed.heard.all_until(now());
    followed
}

/// Whoever does not know the keys any more answers nobody.
#[tokio::test]
async fn a_panic_while_keys_are_followed_is_told_and_guards_refuse() {
    let followed = followed();
    let holds = Arc::clone(&followed);
    let task = tokio::spawn(async move {
        let _told = ToldOfPanic(holds);
        tokio::task::yield_now().await;
        panic!("of the test");
    });
    assert!(followed.heard.is_current());
    assert!(task.await.unwrap_err().is_panic());
    assert!(!followed.heard.is_current());
    followed.heard.all_until(now());
    assert!(!followed.heard.is_current(), "for good");
}

/// A task that is ended with its handle says nothing: a program may go on with another one.
#[tokio::test]
async fn an_end_that_was_asked_for_is_no_panic() {
    let followed = followed();
    let holds = Arc::clone(&followed);
    let task = tokio::spawn(async move {
        let _told = ToldOfPanic(holds);
        std::future::pending::<()>().await;
    });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(followed.heard.is_current());
}
