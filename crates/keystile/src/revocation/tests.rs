//! What is revoked, and what is not.

use super::*;

const LATER: Timestamp = Timestamp::from_seconds(1_000);

fn claims() -> Claims {
    Claims {
        iss: Some("ours".into()),
        sid: Some("s".into()),
        jti: Some("t".into()),
        generation: Some(5),
        iat: Some(100),
        ..Claims::new("ada", 900)
    }
}

fn check(revocations: &Revocations, claims: &Claims) -> Result<(), Reason> {
    revocations.check(claims, &"k".into(), Timestamp::from_seconds(1))
}

#[test]
fn each_kind_revokes_what_it_names_and_nothing_else() {
    type Case = (fn(&Revocations), bool);
    let cases: [Case; 12] = [
        (|r| r.revoke_session(None, "s", LATER), true),
        (|r| r.revoke_session(Some("ours"), "s", LATER), true),
        (|r| r.revoke_session(Some("theirs"), "s", LATER), false),
        (|r| r.revoke_session(None, "t", LATER), false),
        (|r| r.revoke_token_id("t", LATER), true),
        (|r| r.revoke_token_id("s", LATER), false),
        (|r| r.revoke_generation_below("ada", 6, LATER), true),
        (|r| r.revoke_generation_below("ada", 5, LATER), false),
        (|r| r.revoke_generation_below("eve", 6, LATER), false),
        (|r| r.revoke_issued_up_to("ada", LATER, LATER), false),
        (|r| r.withdraw_key(&"k".into()), true),
        (|r| r.withdraw_key(&"s".into()), false),
    ];
    for (at, (revoke, expected)) in cases.into_iter().enumerate() {
        let revocations = Revocations::new();
        assert!(check(&revocations, &claims()).is_ok());
        revoke(&revocations);
        assert_eq!(
            check(&revocations, &claims()).is_err(),
            expected,
            "case {at}"
        );
    }
}

#[test]
fn a_token_without_a_generation_goes_by_its_time_of_issue() {
    let without = Claims {
        generation: None,
        ..claims()
    };
    let revocations = Revocations::new();
    revocations.revoke_issued_up_to("ada", Timestamp::from_seconds(99), LATER);
    assert!(check(&revocations, &without).is_ok());
    revocations.revoke_issued_up_to("ada", Timestamp::from_seconds(100), LATER);
    assert_eq!(check(&revocations, &without), Err(Reason::TokenRevoked));
    let untimed = Claims {
        iat: None,
        ..without.clone()
    };
    assert_eq!(check(&revocations, &untimed), Err(Reason::TokenRevoked));
    let raised = Revocations::new();
    raised.revoke_generation_below("ada", 1, LATER);
    assert_eq!(check(&raised, &without), Err(Reason::TokenRevoked));
    assert!(check(&raised, &claims()).is_ok());
}

#[test]
fn entries_unite_and_never_weaken() {
    let revocations = Revocations::new();
    revocations.revoke_generation_below("ada", 6, LATER);
    revocations.revoke_generation_below("ada", 2, Timestamp::from_seconds(1));
    assert!(revocations.is_revoked(&claims()));
    revocations.forget_expired(Timestamp::from_seconds(999));
    assert!(revocations.is_revoked(&claims()));
    revocations.forget_expired(LATER);
    assert!(!revocations.is_revoked(&claims()));
}

#[test]
fn a_full_list_makes_the_answer_unknown_and_evicts_nothing() {
    let revocations = Revocations::with_capacity(1);
    revocations.revoke_session(None, "s", LATER);
    revocations.revoke_session(None, "other", LATER);
    assert_eq!(check(&revocations, &claims()), Err(Reason::TokenRevoked));
    let innocent = Claims::new("eve", 900);
    assert_eq!(
        check(&revocations, &innocent),
        Err(Reason::RevocationUnknown)
    );
    assert_eq!(revocations.check(&innocent, &"k".into(), LATER), Ok(()));
}

#[test]
fn a_withdrawn_key_finds_room_in_a_full_list_and_takes_none() {
    let revocations = Revocations::with_capacity(1);
    revocations.withdraw_key(&"old".into());
    revocations.revoke_session(None, "s", LATER);
    let innocent = Claims::new("eve", 900);
    assert_eq!(check(&revocations, &innocent), Ok(()), "both had room");
    revocations.withdraw_key(&"k".into());
    revocations.withdraw_key(&"k".into());
    assert_eq!(check(&revocations, &innocent), Err(Reason::TokenRevoked));
    let elsewhere = revocations.check(&innocent, &"other".into(), Timestamp::from_seconds(1));
    assert_eq!(elsewhere, Ok(()), "what is revoked is known");
    revocations.forget_expired(LATER);
    revocations.revoke_session(None, "s", Timestamp::from_seconds(2_000));
    let elsewhere = revocations.check(&innocent, &"other".into(), LATER);
    assert_eq!(elsewhere, Ok(()), "keys that stay take no room of others");
    assert_eq!(check(&revocations, &innocent), Err(Reason::TokenRevoked));
}

#[test]
fn a_mark_is_good_for_its_time_and_a_jump_of_the_clock_spoils_it() {
    let revocations = Revocations::new();
    let innocent = Claims::new("eve", 900);
    let at = |millis| revocations.check(&innocent, &"k".into(), Timestamp::from_millis(millis));
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Refuse);
    assert_eq!(at(0), Err(Reason::RevocationUnknown));
    revocations.mark_current(Timestamp::from_millis(5_000));
    assert_eq!((at(5_000), at(6_000)), (Ok(()), Ok(())));
    assert_eq!(at(6_001), Err(Reason::RevocationUnknown));
    assert_eq!(at(0), Err(Reason::RevocationUnknown));
    assert_eq!(at(i64::MAX), Err(Reason::RevocationUnknown));
    assert_eq!(at(i64::MIN), Err(Reason::RevocationUnknown));
    revocations.require_current_within(Duration::from_secs(1), WhenStale::Serve);
    assert_eq!(at(i64::MAX), Ok(()));
}

#[test]
fn whoever_feeds_it_may_be_asked_each_time() {
    use std::sync::atomic::AtomicBool;
    let revocations = Revocations::new();
    let heard = Arc::new(AtomicBool::new(true));
    let hears = Arc::clone(&heard);
    revocations.require_known(move || hears.load(Ordering::Relaxed));
    revocations.require_known(|| true);
    revocations.withdraw_key(&"k".into());
    let innocent = Claims::new("eve", 900);
    let by = |key: &str| revocations.check(&innocent, &key.into(), Timestamp::from_seconds(1));
    assert_eq!(by("other"), Ok(()));
    heard.store(false, Ordering::Relaxed);
    assert_eq!(by("other"), Err(Reason::RevocationUnknown));
    assert_eq!(by("k"), Err(Reason::TokenRevoked), "that much is known");
    heard.store(true, Ordering::Relaxed);
    assert_eq!(by("other"), Ok(()));
}

#[test]
fn clones_share_what_is_revoked() {
    let revocations = Revocations::new();
    let clone = revocations.clone();
    clone.revoke_session(None, "s", LATER);
    assert!(revocations.is_revoked(&claims()));
}
