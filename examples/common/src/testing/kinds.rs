//! The five examples' tokens: none takes another's, though the secret be the same.

use keystile::{Claims, SigningKey, Timestamp};
use serde_json::{Value, json};

use super::decoded;

const HOUR: i64 = 60 * 60;

/// What an example's tokens look like.
struct Kind {
    example: &'static str,
    typ: &'static str,
    /// All but `sub`, `iat` and `exp`.
    claims: Value,
}

fn kinds() -> [Kind; 5] {
    let (jti, sid) = ("5e1b7c2e-1f0a", "0190c8a0-0000-7000-8000-0123456789ab");
    let kind = |example, typ, claims| Kind {
        example,
        typ,
        claims,
    };
    [
        kind("quickstart", "at+jwt", json!({ "jti": jti, "user": "1" })),
        kind(
            "cupcakes",
            "JWT",
            json!({ "jti": jti, "sid": sid, "gen": 0, "email": "test@user.com" }),
        ),
        kind(
            "microblog",
            "JWT",
            json!({ "jti": jti, "sid": sid, "gen": 0, "username": "ada" }),
        ),
        kind(
            "drink-ratings",
            "JWT",
            json!({
                "jti": jti, "sid": sid, "gen": 0, "nbf": 0, "fresh": true, "type": "access",
                "identity": { "username": "caleb", "role": "user" },
            }),
        ),
        kind(
            "customers",
            "JWT",
            json!({ "jti": jti, "sid": sid, "gen": 0, "admin": true }),
        ),
    ]
}

/// A token of each other example, signed under this secret for the subject 1: whose it is, and the token.
pub fn tokens_of_the_others(
    example: &str,
    secret: &str,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let key = SigningKey::hs256(secret).expect("a long secret");
    let others = kinds().into_iter().filter(|kind| kind.example != example);
    others
        .map(|kind| {
            let claims = Claims {
                iat: Some(now.as_seconds()),
                ..Claims::new("1", now.as_seconds() + HOUR)
            };
            let token = key.issue_as(kind.typ, &claims.with_extra(kind.claims));
            (kind.example, token.expect("a token"))
        })
        .collect()
}

/// The token is what the other examples' tests take this example's tokens to be.
pub fn assert_kind(example: &str, token: &str) {
    let kind = kinds().into_iter().find(|kind| kind.example == example);
    let kind = kind.unwrap_or_else(|| panic!("{example} is none of the five"));
    let (header, claims) = (decoded(token, 0), decoded(token, 1));
    assert_eq!(header["typ"], kind.typ);
    let names = |claims: &Value| -> Vec<String> {
        let members = claims.as_object().expect("an object").keys().cloned();
        let mut names: Vec<String> = members
            .filter(|name| !["sub", "iat", "exp"].contains(&name.as_str()))
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&claims), names(&kind.claims), "{claims}");
    for required in ["sub", "iat", "exp"] {
        assert!(claims.get(required).is_some(), "{required} in {claims}");
    }
}
