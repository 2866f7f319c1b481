//! What a token may be issued with.

mod common;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use keystile::{
    Algorithm, Claims, ExpiryRule, FreshMark, Freshness, Guard, IssueError, Random, Requirement,
    SigningKey, Timestamp, TokenHeader, TokenKind, TokenMarks, take_apart_unverified,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use common::{NOW, SECRET, clock, hs256, key};

fn claims() -> Claims {
    Claims::new("ada", NOW + 900)
}

/// Every name that decides something is refused, whatever its value; any other is written and passed over.
#[test]
fn a_header_says_what_is_the_applications_and_nothing_else() {
    let key = SigningKey::hs256(SECRET).unwrap();
    for name in [
        "alg", "typ", "kid", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c", "x5t",
        "x5t#S256", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "iss", "sub", "aud",
    ] {
        for value in [json!("none"), json!(["exp"]), json!({}), json!(null)] {
            let header = TokenHeader::new().member("tenant", 1).member(name, value);
            match key.issue_with(&header, &claims()) {
                Err(IssueError::ReservedHeader { name: named }) => assert_eq!(named, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    let header = TokenHeader::default()
        .member("tenant", "north")
        .member("tenant", json!({ "id": [1, 2] }));
    let token = key.issue_with(&header, &claims()).unwrap();
    let guard = Guard::hs256(SECRET).unwrap().clock(clock());
    assert!(guard.verify(&token).is_ok());
    let parts = take_apart_unverified(&token).unwrap();
    assert_eq!(parts.header_member("tenant"), Some(json!({ "id": [1, 2] })));
    assert_eq!(parts.header_member("alg"), Some(json!("HS256")));
    assert_eq!(parts.header_member("typ"), Some(json!("at+jwt")));
    assert_eq!(
        parts.header_member("kid"),
        Some(json!(key.key_id().as_str()))
    );
    assert_eq!(parts.header_member("none"), None);
    assert_eq!(parts.claim("sub"), Some(json!("ada")));
    assert_eq!(parts.claim("none"), None);

    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    let refused = key.issue_with(&TokenHeader::new().member("deep", deep), &claims());
    assert!(
        matches!(refused, Err(IssueError::Refused(_))),
        "{refused:?}"
    );
    let long = TokenHeader::new().member("long", "x".repeat(16 * 1024));
    assert!(key.issue_with(&long, &claims()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever an application writes into a header: either it is refused, or its own verifier takes the token, and the
    /// members that decide are as they were.
    #[test]
    fn what_is_issued_verifies(name in ".{0,6}", text in ".{0,12}", number in any::<i64>()) {
        let key = SigningKey::hs256(SECRET).unwrap();
        let header = TokenHeader::of_type("at+jwt")
            .member(format!("_{name}"), text.as_str())
            .member("n", number);
        let claims = claims().with_extra(json!({ "text": text }));
        let token = key.issue_with(&header, &claims).unwrap();
        let guard = Guard::hs256(SECRET).unwrap().clock(clock());
        let verified = guard.verify(&token).unwrap();
        prop_assert_eq!(&verified.extra::<Value>().unwrap()["text"], &json!(text));
        let parts = take_apart_unverified(&token).unwrap();
        prop_assert_eq!(parts.header_member("alg"), Some(json!("HS256")));
        prop_assert_eq!(parts.header_member("n"), Some(json!(number)));
    }
}

#[test]
fn never_expiring_is_said_in_full_and_taken_only_where_that_is_said_too() {
    let (clock, random) = (clock(), Random::seeded(1));
    let key = SigningKey::hs256(SECRET).unwrap();
    let claims = Claims::never_expiring("ada", &clock, &random);
    assert_eq!((claims.iat, claims.exp), (Some(NOW), Claims::NEVER));
    assert!(claims.jti.is_some());
    let token = key.issue(&claims).unwrap();
    assert_eq!(take_apart_unverified(&token).unwrap().claim("exp"), None);
    let guard = Guard::hs256(SECRET).unwrap().clock(clock);
    assert_eq!(
        guard.verify(&token).unwrap_err().code(),
        "token_claim_missing"
    );
    assert!(guard.expiry(ExpiryRule::Optional).verify(&token).is_ok());
    // A number is no way to say it, nor is an extra claim.
    for exp in [i64::MAX, i64::MIN + 1, (1 << 53) + 1] {
        assert!(key.issue(&Claims::new("ada", exp)).is_err());
    }
    let extra = claims.with_extra(json!({ "exp": NOW + 9 }));
    let verified = key.issue(&extra).unwrap();
    assert_eq!(
        take_apart_unverified(&verified).unwrap().claim("exp"),
        Some(json!(NOW + 9))
    );
}

/// An application's own claim.
#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug, Clone)]
struct Shop {
    shop: String,
}

#[test]
fn marks_are_written_and_read_back() {
    let clock = clock();
    let random = Random::seeded(3);
    let of = |marks: TokenMarks| serde_json::to_value(claims().with_extra(marks)).unwrap();
    let plain = of(TokenMarks::access());
    assert_eq!(
        plain,
        json!({ "sub": "ada", "exp": NOW + 900, "type": "access", "fresh": false })
    );
    let fresh = of(TokenMarks::access().fresh());
    assert_eq!(fresh["fresh"], json!(true));
    let until = of(TokenMarks::access().fresh_for(Duration::from_secs(300), &clock));
    assert_eq!(until["fresh"], json!(NOW + 300));
    assert_eq!(of(TokenMarks::refresh())["type"], json!("refresh"));
    let marks = TokenMarks::access().csrf(&random);
    assert!(marks.csrf.as_ref().is_some_and(|csrf| csrf.len() == 22));
    assert_ne!(marks.csrf, TokenMarks::access().csrf(&random).csrf);

    let shop = Shop {
        shop: "north".into(),
    };
    let marks = marks.with_extra(shop.clone());
    let token = SigningKey::hs256(SECRET)
        .unwrap()
        .issue(&claims().with_extra(marks.clone()));
    let guard = Guard::hs256(SECRET).unwrap().clock(clock);
    let verified = guard.verify(&token.unwrap()).unwrap();
    assert_eq!(verified.extra::<TokenMarks<Shop>>().unwrap(), marks);
    assert_eq!(
        verified.extra::<TokenMarks>().unwrap(),
        marks.clone().with_extra(())
    );
    assert_eq!(verified.csrf(), marks.csrf);
}

#[test]
fn odd_marks_are_not_fresh_and_have_no_csrf_value() {
    let guard = Guard::hs256(SECRET).unwrap().clock(clock());
    let cases = [
        (r#""fresh":true"#, Some(Freshness::Yes)),
        (r#""fresh":false"#, Some(Freshness::No)),
        (r#""a":1"#, Some(Freshness::No)),
        (
            r#""fresh":1800000300.5"#,
            Some(Freshness::Until(Timestamp::from_seconds(1_800_000_300))),
        ),
        (r#""fresh":1e300"#, None),
        (r#""fresh":"true""#, None),
        (r#""fresh":null"#, None),
        (r#""fresh":[true]"#, None),
    ];
    for (json, expected) in cases {
        for csrf in ["7", "null", "[\"a\"]", "{}"] {
            let payload = common::payload(&format!(r#","type":"access",{json},"csrf":{csrf}"#));
            let verified = guard.verify(&hs256(common::HEADER, &payload)).unwrap();
            assert_eq!(verified.csrf(), None);
        }
        let payload = common::payload(&format!(r#","type":"access",{json},"csrf":"\u0061b""#));
        let verified = guard.verify(&hs256(common::HEADER, &payload)).unwrap();
        let marks = verified.extra::<TokenMarks>().ok();
        assert_eq!(marks.map(|marks| marks.fresh), expected, "{json}");
        assert_eq!(verified.csrf().as_deref(), Some("ab"));
        let is_fresh = FreshMark::check(&verified, guard.now()).is_ok();
        let until = |at: Timestamp| at >= guard.now();
        let expected = match expected {
            Some(Freshness::Yes) => true,
            Some(Freshness::Until(at)) => until(at),
            Some(Freshness::No) => false,
            // Beyond every time.
            None => json.ends_with("1e300"),
        };
        assert_eq!(is_fresh, expected, "{json}");
    }
}

/// Beside the built tests, where `crates/keystile-server/tests/interop/setup` puts it.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let mut places = test
        .ancestors()
        .map(|place| place.join("interop/venv/bin/python"));
    places.find(|python| python.exists())
}

/// Tokens of ours in Flask-JWT-Extended, and its tokens here, of each kind.
#[test]
#[expect(clippy::disallowed_methods, reason = "reads CI")]
fn flask_jwt_extended_and_we_take_each_others_tokens() {
    let Some(python) = python() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "run crates/keystile-server/tests/interop/setup"
        );
        eprintln!("Flask-JWT-Extended is not here: nothing was held against it");
        return;
    };
    let secret = "a secret of thirty-two bytes, ok";
    let (clock, random) = (keystile::Clock::system(), Random::system());
    let key = SigningKey::hs256(secret).unwrap();
    let lasting = |seconds| {
        let claims = Claims::lasting("ada", Duration::from_secs(seconds), &clock, &random);
        Claims {
            nbf: claims.iat,
            aud: "cakes".into(),
            iss: Some("shop".into()),
            ..claims
        }
    };
    let mut ours = Vec::new();
    for marks in [
        TokenMarks::access().csrf(&random),
        TokenMarks::access().fresh().csrf(&random),
        TokenMarks::access()
            .fresh_for(Duration::from_secs(300), &clock)
            .csrf(&random),
        TokenMarks::refresh().csrf(&random),
    ] {
        let claims = lasting(900).with_extra(marks.clone());
        let token = key.issue_as("JWT", &claims).unwrap();
        ours.push(json!({ "token": token, "csrf": marks.csrf, "type": marks.kind }));
    }
    let said = Command::new(python)
        .args(["-c", FLASK, secret, &Value::from(ours).to_string()])
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let theirs: Vec<String> = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(theirs.len(), 5);
    let guard = Guard::hs256(secret).unwrap();
    let guard = guard.token_type("JWT").audience("cakes").issuer("shop");
    let guard = guard.expiry(ExpiryRule::Optional);
    let read = |at: usize| guard.verify(&theirs[at]).unwrap();
    let marks = |at: usize| read(at).extra::<TokenMarks>().unwrap();
    assert_eq!(
        (marks(0).kind, marks(0).fresh),
        (TokenKind::Access, Freshness::No)
    );
    assert_eq!(marks(1).fresh, Freshness::Yes);
    assert!(matches!(marks(2).fresh, Freshness::Until(at) if at > guard.now()));
    assert_eq!(marks(3).kind, TokenKind::Refresh);
    assert_eq!(read(4).claims().exp, Claims::NEVER);
    for (at, verified) in (0..5).map(|at| (at, read(at))) {
        let claims = verified.claims();
        assert!(verified.csrf().is_some_and(|csrf| csrf.len() == 36));
        assert!(claims.jti.is_some() && claims.iat.is_some() && claims.nbf == claims.iat);
        assert_eq!(verified.extra::<Value>().unwrap()["shop"], "north");
        assert_eq!(
            FreshMark::check(&verified, guard.now()).is_ok(),
            at == 1 || at == 2
        );
        let parts = take_apart_unverified(&theirs[at]).unwrap();
        assert_eq!(parts.header_member("tenant"), Some("north".into()));
    }
}

const FLASK: &str = r#"
import json, sys
from datetime import timedelta
from flask import Flask
from flask_jwt_extended import (JWTManager, create_access_token, create_refresh_token, decode_token,
    get_unverified_jwt_headers)

app = Flask(__name__)
app.config.update(JWT_SECRET_KEY=sys.argv[1], JWT_TOKEN_LOCATION=["cookies", "headers"], JWT_COOKIE_CSRF_PROTECT=True,
    JWT_ENCODE_AUDIENCE="cakes", JWT_DECODE_AUDIENCE="cakes", JWT_ENCODE_ISSUER="shop", JWT_DECODE_ISSUER="shop")
JWTManager(app)
with app.app_context():
    for one in json.loads(sys.argv[2]):
        claims = decode_token(one["token"], csrf_value=one["csrf"])
        assert claims["sub"] == "ada" and claims["type"] == one["type"] and "fresh" in claims, claims
        assert get_unverified_jwt_headers(one["token"])["typ"] == "JWT"
        try:
            decode_token(one["token"], csrf_value="other")
        except Exception as refused:
            assert type(refused).__name__ == "CSRFError", refused
        else:
            raise AssertionError("a wrong value passed")
    more = dict(additional_claims={"shop": "north"}, additional_headers={"tenant": "north"})
    print(json.dumps([
        create_access_token("ada", **more),
        create_access_token("ada", fresh=True, **more),
        create_access_token("ada", fresh=timedelta(minutes=5), **more),
        create_refresh_token("ada", **more),
        create_access_token("ada", expires_delta=False, **more),
    ]))
"#;

/// The header is the key's own for each algorithm.
#[test]
fn every_algorithm_signs_with_a_header_of_its_own() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let key = key(algorithm, 2);
        let token = key
            .issue_with(&TokenHeader::new().member("a", 1), &claims())
            .unwrap();
        let parts = take_apart_unverified(&token).unwrap();
        assert_eq!(parts.header_member("alg"), Some(json!(algorithm.as_str())));
        let keys = key.verifying_key().clone();
        let guard = Guard::new(keystile::Verifier::new(keystile::Trust {
            issuer: keystile::Expected::Absent,
            audience: keystile::Expected::Absent,
            token_type: "at+jwt".into(),
            keys,
        }));
        assert!(guard.clock(clock()).verify(&token).is_ok());
    }
}
