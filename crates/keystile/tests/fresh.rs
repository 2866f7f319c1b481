//! What a token says of itself: that it is fresh; and requirements of an application's own.

mod common;

use common::{HEADER, NOW, hs256, lax, payload};
use keystile::{
    Any, Fresh, FreshMark, Reason, Refusal, Requirement, Timestamp, Verified, take_apart_unverified,
};

fn check<R: Requirement>(members: &str) -> Result<(), Refusal> {
    let token = hs256(HEADER, &payload(members));
    let verified = lax().verify(&token).expect("it verifies");
    R::check(&verified, Timestamp::from_seconds(NOW))
}

#[test]
fn the_mark_is_true_or_a_time_to_come() {
    for fresh in [
        "true".to_owned(),
        NOW.to_string(),
        format!("{NOW}.5"),
        (NOW + 300).to_string(),
        "1e300".to_owned(),
    ] {
        let members = format!(r#","fresh":{fresh}"#);
        assert_eq!(check::<FreshMark>(&members), Ok(()), "{fresh}");
    }
    for stale in [
        "false".to_owned(),
        (NOW - 1).to_string(),
        format!("{}.999", NOW - 1),
        "0".to_owned(),
        "-1e300".to_owned(),
        "null".to_owned(),
        r#""true""#.to_owned(),
        format!(r#""{}""#, NOW + 300),
        "[true]".to_owned(),
        "{}".to_owned(),
    ] {
        let members = format!(r#","fresh":{stale}"#);
        let refusal = check::<FreshMark>(&members).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.max_age()),
            ("not_fresh", None),
            "{stale}"
        );
    }
    assert_eq!(check::<FreshMark>("").unwrap_err().code(), "not_fresh");
}

type Either = Any<(FreshMark, Fresh<300>)>;

/// Neither stands in for the other: a route says which it means.
#[test]
fn the_mark_and_the_time_of_sign_in_are_two_things() {
    let marked = r#","fresh":true"#;
    let dated = format!(r#","auth_time":{NOW}"#);
    assert!(check::<Fresh<300>>(marked).is_err() && check::<Fresh<300>>(&dated).is_ok());
    assert!(check::<FreshMark>(&dated).is_err());
    assert!(check::<Either>(marked).is_ok() && check::<Either>(&dated).is_ok());
    assert!(check::<(FreshMark, Fresh<300>)>(marked).is_err());
}

/// Of an application's own: it reads whatever the token says.
struct Admin;

#[derive(serde::Deserialize)]
struct Mine {
    admin: bool,
}

impl Requirement for Admin {
    fn check(token: &Verified, _: Timestamp) -> Result<(), Refusal> {
        if token.extra::<Mine>()?.admin {
            Ok(())
        } else {
            Err(Refusal::lacking(Reason::RoleMissing, "admin"))
        }
    }
}

#[test]
fn a_requirement_of_ones_own_reads_the_whole_token() {
    assert_eq!(check::<Admin>(r#","admin":true"#), Ok(()));
    let refusal = check::<Admin>(r#","admin":false"#).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.needed()),
        ("role_missing", Some("admin"))
    );
    for members in ["", r#","admin":"true""#, r#","admin":1"#] {
        assert_eq!(
            check::<Admin>(members).unwrap_err().code(),
            "token_claim_malformed"
        );
    }
}

#[test]
fn a_refresh_token_is_not_taken_apart() {
    let opaque = format!("ksr_{}", "A".repeat(43));
    assert_eq!(
        take_apart_unverified(&opaque).unwrap_err().code(),
        "access_token_needed"
    );
}
