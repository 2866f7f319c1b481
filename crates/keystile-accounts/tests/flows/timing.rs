//! How long a refusal takes tells nobody whether a name is known. The work itself is counted in `passwords`; here it is
//! timed, as an attacker would: many attempts in turn at each kind of name, and their medians.

use std::time::{Duration, Instant};

use keystile_accounts::{Hashing, NewAccount, SignIn, SignUp};

use crate::shop::{OTHER, PASSWORD, Shop};

const NAMES: [&str; 4] = ["ada", "nobody", "without-password", "disabled"];
const ATTEMPTS: usize = 41;
/// A skipped or a second hash shows in every round, a busy machine does not.
const ROUNDS: usize = 5;

#[tokio::test]
async fn a_refusal_takes_as_long_for_an_unknown_name() {
    // Dear enough that the hash is most of the time, as it is with the real cost.
    let shop = Shop::with(|builder| builder.hashing(Hashing::default().cost(1_024, 1, 1))).await;
    shop.ada().await;
    let without = NewAccount::username("without-password");
    shop.accounts.create_account(None, without).await.unwrap();
    let disabled = SignUp::username("disabled").password(PASSWORD);
    let disabled = shop.accounts.sign_up(disabled).await.unwrap();
    shop.accounts.disable(None, &disabled.id).await.unwrap();

    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        let medians = medians(&shop).await;
        let known = medians[0].as_secs_f64();
        if medians
            .iter()
            .all(|median| (0.8..1.25).contains(&(median.as_secs_f64() / known)))
        {
            return;
        }
        seen.push(medians);
    }
    panic!("no round in which {NAMES:?} took about the same: {seen:?}");
}

async fn medians(shop: &Shop) -> [Duration; NAMES.len()] {
    let mut times = [const { Vec::new() }; NAMES.len()];
    for _ in 0..ATTEMPTS {
        for (name, times) in NAMES.into_iter().zip(&mut times) {
            // The right password of a disabled account tells no more than a wrong one.
            let password = if name == "disabled" { PASSWORD } else { OTHER };
            let started = now();
            let refused = shop
                .accounts
                .sign_in(SignIn::username(name).password(password))
                .await;
            times.push(started.elapsed());
            assert_eq!(refused.unwrap_err().code(), "credentials_wrong");
        }
    }
    times.map(|mut times| {
        times.sort();
        times[ATTEMPTS / 2]
    })
}

#[expect(clippy::disallowed_methods, reason = "what an attacker measures by")]
fn now() -> Instant {
    Instant::now()
}
