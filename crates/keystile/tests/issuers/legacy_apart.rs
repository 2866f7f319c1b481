//! Issuers of the past are kept apart from those of today.

use keystile::{
    Algorithm, Claims, Expected, Fresh, Guard, KeyFile, LegacyKeys, LegacyTrust, Requirement,
    Timestamp, Trusted, Verifier,
};
use serde_json::json;

use crate::common::{NOW, SECRET, clock, encode, hs256, key, refused};
use crate::legacy::{beside, legacy, ours, token};

keystile::role!(Admin = "admin");
keystile::scope!(Write = "write");

/// Whoever has the older secret signs whatever they like, and is nobody's administrator.
#[test]
fn an_older_token_gives_no_role_and_no_scope_unless_that_is_said() {
    let rich = token(&json!({ "roles": ["admin"], "scope": "write", "groups": ["admin"] }));
    let asked = |trusted: Trusted| {
        let guard = Guard::new(Verifier::new(ours()).or_trust(trusted).clock(clock()));
        // Also once it is remembered.
        assert!(guard.verify(&rich).is_ok());
        let verified = guard.verify(&rich).unwrap();
        let role = Admin::check(&verified, guard.now()).is_ok();
        (role, Write::check(&verified, guard.now()).is_ok())
    };
    let trusted = || Trusted::try_from(legacy()).unwrap();
    assert_eq!(asked(trusted()), (false, false));
    assert_eq!(asked(trusted().subject_from("type")), (false, false));
    assert_eq!(asked(trusted().roles_from("groups")), (true, false));
    assert_eq!(asked(trusted().roles_from("roles")), (true, false));
    assert_eq!(asked(trusted().roles_from("none")), (false, false));
    assert_eq!(asked(trusted().scope_from("scope")), (false, true));
    // What is of the wrong type is refused all the same.
    let verifier = beside(legacy(), &clock());
    let odd = token(&json!({ "roles": "admin" }));
    assert_eq!(refused(&verifier, &odd), "token_claim_malformed");
}

/// What is ours to say, said by whoever has the older secret: that all of somebody's older tokens are revoked stays so, and nobody
/// is fresh for a sign-in after the token was issued.
#[test]
fn a_generation_or_a_later_sign_in_in_an_older_token_gains_nothing() {
    let later = Timestamp::from_seconds(NOW + 900);
    let issued = Timestamp::from_seconds(NOW - 60);
    for generation in [json!(null), json!(0), json!(i64::MAX)] {
        for mapped in [false, true] {
            let trusted = Trusted::try_from(legacy()).unwrap();
            let trusted = if mapped {
                trusted.subject_from("sub")
            } else {
                trusted
            };
            let guard = Guard::new(Verifier::new(ours()).clock(clock())).or_trust(trusted);
            let token = token(&json!({ "gen": generation }));
            let verified = guard.verify(&token).unwrap();
            assert_eq!(verified.claims().generation, None);
            guard.revoked().revoke_issued_up_to("7", issued, later);
            for _ in 0..2 {
                let refusal = guard.verify(&token).unwrap_err();
                assert_eq!(refusal.code(), "token_revoked", "{generation} {mapped}");
            }
        }
    }
    let guard = Guard::new(beside(legacy(), &clock()));
    let then = |at: i64| guard.verify(&token(&json!({ "auth_time": at })));
    for at in [NOW, NOW - 59, NOW + 10_000] {
        let refusal = then(at).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.claim()),
            ("token_claim_wrong", Some("auth_time"))
        );
    }
    assert!(Fresh::<300>::check(&then(NOW - 60).unwrap(), guard.now()).is_ok());
    assert!(Fresh::<300>::check(&then(NOW - 3_600).unwrap(), guard.now()).is_err());
}

/// What a guard says of all its issuers is about those of today: the older one has said all of it itself.
#[test]
fn what_a_guard_says_of_all_is_not_said_of_an_older_issuer() {
    let old = token(&json!({}));
    let guard = || Guard::new(beside(legacy(), &clock()));
    let others = [
        guard().audience("cakes"),
        guard().audience(Expected::Unchecked),
        guard().issuer("https://other.example"),
        guard().issuer(Expected::Unchecked),
        guard().token_type("at+jwt"),
        guard().token_type(Expected::Unchecked),
    ];
    let odd = [
        token(&json!({ "aud": "cakes" })),
        hs256(
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            &format!(
                r#"{{"sub":7,"type":"access","iat":{},"exp":{}}}"#,
                NOW - 60,
                NOW + 840
            ),
        ),
        token(&json!({ "iss": "https://old.example" })),
    ];
    for guard in others {
        assert!(guard.verify(&old).is_ok());
        for odd in &odd {
            assert!(guard.verify(odd).is_err(), "{odd}");
        }
    }
}

/// Its keys may be in a file; a secret is never read from one.
#[test]
fn an_older_issuers_keys_may_be_in_a_file() {
    let old = key(Algorithm::Es256, 9);
    let name = format!("keystile-legacy-{}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let public = old.verifying_key().to_jwk().unwrap();
    let secret = json!({ "kty": "oct", "k": encode(SECRET), "kid": "s" });
    std::fs::write(&path, json!({ "keys": [secret, public] }).to_string()).unwrap();
    let keys = LegacyKeys::from(KeyFile::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    let trust = LegacyTrust { keys, ..legacy() };
    let verifier = beside(trust, &clock());
    let claims = Claims {
        iat: Some(NOW - 60),
        ..Claims::new("7", NOW + 840)
    };
    let claims = claims.with_extra(json!({ "type": "access" }));
    let signed = old.issue_as("JWT", &claims).unwrap();
    assert!(verifier.verify(&signed).unwrap().is_legacy());
    assert_eq!(
        refused(&verifier, &token(&json!({}))),
        "token_algorithm_refused"
    );
}
