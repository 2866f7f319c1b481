//! What a flood of tokens makes of a look-up of keys: bounded look-ups, memory and waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keystile::Algorithm;
use keystile::remote::KeyLookup;
use tokio::sync::Semaphore;

use crate::common::{clock, key};
use crate::lookup_attacks::{Answer, guard, token};
use crate::{DEADLINE, at, seconds, verdict_async};

/// A flood of made-up names, each answered at once: 256 look-ups in a cool-down, and then 503 until it is over. The key that
/// was found before is looked up all the same, and so is one that a colleague's flood did not know.
#[tokio::test]
async fn a_flood_of_made_up_names_is_no_flood_of_look_ups() {
    let good = key(Algorithm::EdDsa, 1);
    let (asked, known) = (Arc::new(AtomicUsize::new(0)), good.verifying_key().clone());
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |wanted| {
        count.fetch_add(1, Ordering::SeqCst);
        let known = wanted.name.starts_with("good").then(|| known.clone());
        async { Answer::Ok(known) }
    });
    let clock = clock();
    let lookup = lookup.cool_down(seconds(2)).remember_for(seconds(1));
    let guard = guard(&lookup).clock(clock.clone());
    assert_eq!(
        verdict_async(&guard, &token("a", &good, "good")).await,
        "ok"
    );
    for round in 1..=3 {
        clock.set(at(round * 2));
        asked.store(0, Ordering::SeqCst);
        let mut answers = [0, 0];
        for number in 0..600 {
            let made_up = token("a", &good, &format!("made up {round} {number}"));
            match verdict_async(&guard, &made_up).await {
                "token_key_unknown" => answers[0] += 1,
                "keys_unknown" => answers[1] += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!(answers, [256, 344]);
        assert_eq!(asked.load(Ordering::SeqCst), 256);
        // Asked about again, since it counts for a second.
        assert_eq!(
            verdict_async(&guard, &token("a", &good, "good")).await,
            "ok"
        );
        assert_eq!(asked.load(Ordering::SeqCst), 257);
        let new = token("a", &good, &format!("good {round}"));
        assert_eq!(verdict_async(&guard, &new).await, "keys_unknown");
        clock.set(at(round * 2 + 1));
        assert_eq!(verdict_async(&guard, &new).await, "keys_unknown");
    }
    clock.set(at(100));
    let new = token("a", &good, "good 1");
    assert_eq!(verdict_async(&guard, &new).await, "ok");
    // Keys that are found are none of that, however many.
    for number in 0..400 {
        let new = token("a", &good, &format!("good, the next {number}"));
        assert_eq!(verdict_async(&guard, &new).await, "ok");
    }
}

/// More keys than there is room for: the last one is remembered, and a little memory is enough to serve.
#[tokio::test]
async fn the_memory_of_keys_is_bounded_and_enough_for_one() {
    let good = key(Algorithm::EdDsa, 1);
    let known = good.verifying_key().clone();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = KeyLookup::by_key_id(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let known = known.clone();
        async { Answer::Ok(Some(known)) }
    })
    .remember(0);
    let guard = guard(&lookup);
    for round in 1..=2 {
        for number in 0..200 {
            let token = token("a", &good, &format!("k{number}"));
            for _ in 0..2 {
                assert_eq!(
                    verdict_async(&guard, &token).await,
                    "ok",
                    "{round} {number}"
                );
            }
        }
    }
    // 64 at the most were found again in the second round.
    let asked = asked.load(Ordering::SeqCst);
    assert!((400 - 64..=400).contains(&asked), "{asked}");
}

/// Requests of one key that is not found in time: so many wait, the others are answered at once.
#[tokio::test]
async fn those_who_wait_for_one_look_up_are_bounded() {
    let gate = Arc::new(Semaphore::new(0));
    let good = key(Algorithm::EdDsa, 1);
    let (known, held) = (good.verifying_key().clone(), Arc::clone(&gate));
    let lookup = KeyLookup::by_key_id(move |_| {
        let (known, held) = (known.clone(), Arc::clone(&held));
        async move {
            held.acquire().await.map_err(drop)?.forget();
            Answer::Ok(Some(known))
        }
    });
    let guard = guard(&lookup.timeout(DEADLINE));
    let token = token("a", &good, "k");
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2_100 {
        let (guard, token) = (guard.clone(), token.clone());
        waiting.spawn(async move { verdict_async(&guard, &token).await });
    }
    // 52 are beyond the bound, and are answered while the look-up hangs.
    for _ in 0..2_100 - 2_048 {
        let answered = tokio::time::timeout(DEADLINE / 2, waiting.join_next()).await;
        assert_eq!(answered.unwrap().unwrap().unwrap(), "keys_unknown");
    }
    gate.add_permits(1);
    let answers = waiting.join_all().await;
    assert_eq!(answers.len(), 2_048);
    assert!(answers.iter().all(|answer| *answer == "ok"));
}
