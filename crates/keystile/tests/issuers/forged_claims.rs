//! Claims as an issuer of the second rate, or an attacker who may choose a part of them, writes them.

use keystile::{
    Claims, Expected, ExpiryRule, Guard, IssueError, Reason, SigningKey, SubjectRule, TokenMarks,
    Trust, Trusted, Verifier, take_apart_unverified,
};
use serde_json::{Value, json};

use crate::common::{HEADER, NOW, SECRET, clock, hs256, hs256_keys, lax, refused};

/// What becomes of a payload: by the short way of reading it, and, since a name is escaped, by the long one.
fn both(verifier: &Verifier, members: &str) -> String {
    let read = |more: &str| {
        let payload = format!(r#"{{"exp":{},{members}{more}}}"#, NOW + 900);
        match verifier.verify(&hs256(HEADER, &payload)) {
            Ok(verified) => format!("ok {}", verified.claims().sub),
            Err(refusal) => refusal.code().to_owned(),
        }
    };
    let (short, long) = (read(""), read(r#","\u0061b":1"#));
    assert_eq!(short, long, "{members}");
    assert_eq!(short, read(r#", "spaced" : [ 1 ]"#), "{members}");
    short
}

/// A number is a subject where that is said, in the one way in which integers are written; it never becomes another one.
#[test]
fn an_integer_subject_is_the_integer_that_was_written() {
    let verifier = lax().subject(SubjectRule::Integer);
    let good = [
        (r#""sub":7"#, "7"),
        (r#""sub":0"#, "0"),
        (r#""sub":-7"#, "-7"),
        (r#""sub":999999999999999"#, "999999999999999"),
        (r#""sub":1000000000000000"#, "1000000000000000"),
        (r#""sub":9007199254740993"#, "9007199254740993"),
        (r#""sub":9223372036854775807"#, "9223372036854775807"),
        (r#""sub":-9223372036854775808"#, "-9223372036854775808"),
        (r#""sub":"007""#, "007"),
        (r#""sub":"7 ""#, "7 "),
        (r#""sub":"\u0037""#, "7"),
    ];
    for (members, sub) in good {
        assert_eq!(both(&verifier, members), format!("ok {sub}"), "{members}");
    }
    let odd = [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "99999999999999999999999999",
        "7.0",
        "7.5",
        "7e0",
        "70e-1",
        "1e999",
        "-0",
        "-0.0",
        "true",
        "null",
        "[7]",
        r#"["7"]"#,
        r#"{"id":7}"#,
    ];
    for value in odd {
        let found = both(&verifier, &format!(r#""sub":{value}"#));
        let malformed = found == "token_claim_malformed" || found == "token_malformed";
        assert!(malformed, "{value}: {found}");
    }
    for value in ["07", "+7", "0x7", "7_0", "\u{664}", "NaN", "-", "7."] {
        let found = both(&verifier, &format!(r#""sub":{value}"#));
        assert_eq!(found, "token_malformed", "{value}");
    }
    for twice in [r#""sub":7,"sub":8"#, r#""sub":7,"s\u0075b":7"#] {
        assert_eq!(both(&verifier, twice), "token_member_duplicate");
    }
    assert_eq!(both(&verifier, r#""Sub":7"#), "token_claim_missing");
    assert_eq!(both(&lax(), r#""sub":7"#), "token_claim_malformed");
}

/// Where tokens may be without an end, only the absence of `exp` says so.
#[test]
fn only_an_absent_expiry_is_none() {
    let verifier = lax().expiry(ExpiryRule::Optional);
    let verdict = |exp: &str| {
        let payload = format!(r#"{{"sub":"ada"{exp}}}"#);
        match verifier.verify(&hs256(HEADER, &payload)) {
            Ok(verified) if verified.claims().exp == Claims::NEVER => "never",
            Ok(_) => "ok",
            Err(refusal) => refusal.code(),
        }
    };
    let cases = [
        ("", "never"),
        (r#","Exp":0"#, "never"),
        (r#","x":{"exp":0}"#, "never"),
        (r#","exp":0"#, "token_expired"),
        (r#","exp":-1"#, "token_claim_malformed"),
        (r#","e\u0078p":0"#, "token_expired"),
        (r#","exp":1e3"#, "token_expired"),
        (r#","exp":null"#, "token_claim_malformed"),
        (r#","exp":"""#, "token_claim_malformed"),
        (r#","exp":"never""#, "token_claim_malformed"),
        (r#","exp":false"#, "token_claim_malformed"),
        (r#","exp":[]"#, "token_claim_malformed"),
        // The number by which our own `Claims` say it.
        (r#","exp":-9223372036854775808"#, "token_claim_malformed"),
        (
            r#","exp":-9.223372036854775808e18"#,
            "token_claim_malformed",
        ),
        (r#","exp":9223372036854775807"#, "token_claim_malformed"),
        (r#","exp":1e308"#, "token_claim_malformed"),
        (r#","exp":1e309"#, "token_malformed"),
        (r#","exp":0,"exp":4000000000"#, "token_member_duplicate"),
        (
            r#","exp":4000000000,"e\u0078p":0"#,
            "token_member_duplicate",
        ),
    ];
    for (exp, expected) in cases {
        assert_eq!(verdict(exp), expected, "{exp}");
    }
    // What was never to end is not yet valid, or issued in the future, all the same.
    assert_eq!(
        verdict(&format!(r#","nbf":{}"#, NOW + 61)),
        "token_not_yet_valid"
    );
    assert_eq!(
        verdict(&format!(r#","iat":{}"#, NOW + 61)),
        "token_issued_in_future"
    );
}

/// Nothing that an application writes of its own replaces what a registered claim says, however it is written.
#[test]
fn claims_of_ones_own_replace_nothing() {
    let key = SigningKey::hs256(SECRET).unwrap();
    let full = Claims {
        iss: Some("i".into()),
        aud: "a".into(),
        nbf: Some(NOW),
        iat: Some(NOW),
        jti: Some("j".into()),
        sid: Some("s".into()),
        generation: Some(1),
        scope: "read".into(),
        roles: ["user"].into(),
        auth_time: Some(NOW),
        amr: vec!["pwd".into()],
        preferred_username: Some("ada".into()),
        client_id: Some("c".into()),
        ..Claims::new("ada", NOW + 900)
    };
    let registered = serde_json::to_value(&full).unwrap();
    let registered = registered.as_object().unwrap();
    assert_eq!(registered.len(), 15);
    for (name, value) in registered {
        for value in [
            value.clone(),
            json!("admin"),
            json!(["admin"]),
            json!(7),
            Value::Null,
        ] {
            let extra = json!({ "shop": "north", name: value });
            let made = key.issue(&full.clone().with_extra(&extra));
            assert!(
                matches!(made, Err(IssueError::Refused(_))),
                "{extra}: {made:?}"
            );
            // One that is not written otherwise is the application's to write, of its type.
            if let Ok(token) = key.issue(&Claims::new("ada", NOW + 900).with_extra(&extra)) {
                assert!(!["sub", "exp"].contains(&name.as_str()), "{extra}");
                assert!(lax().verify(&token).is_ok(), "{extra}");
                let said = take_apart_unverified(&token).unwrap().claim(name);
                assert_eq!(said.as_ref(), extra.get(name));
            }
        }
    }
    // The same within the marks, and of the marks' own names.
    for name in ["type", "fresh", "csrf", "sub", "exp"] {
        let marks = TokenMarks::access()
            .fresh()
            .with_extra(json!({ name: "refresh" }));
        let marks = TokenMarks {
            csrf: Some("c".to_owned()),
            ..marks
        };
        let made = key.issue(&full.clone().with_extra(marks));
        let Err(IssueError::Refused(reason)) = made else {
            panic!("{name}: {made:?}");
        };
        assert_eq!(reason, Reason::TokenMemberDuplicate, "{name}");
    }
    // Names that only look the same are other names.
    let like = json!({ "Sub": "eve", "sub ": "eve", "su\u{feff}b": "eve", "ѕub": "eve" });
    let token = key.issue(&full.with_extra(like)).unwrap();
    assert_eq!(lax().verify(&token).unwrap().claims().sub, "ada");
}

/// A required claim is there once, and its value is just the one.
#[test]
fn a_required_claim_is_matched_by_nothing_like_it() {
    let verifier = lax().require_claim("type", "access");
    let verdict = |members: &str| both(&verifier, &format!(r#""sub":"ada",{members}"#));
    let cases = [
        (r#""type":"access""#, "ok ada"),
        (r#""type":"\u0061ccess""#, "ok ada"),
        (r#""type":"Access""#, "token_claim_wrong"),
        (r#""type":"access ""#, "token_claim_wrong"),
        (r#""type":["access"]"#, "token_claim_wrong"),
        (r#""type":{"access":true}"#, "token_claim_wrong"),
        (r#""type":true"#, "token_claim_wrong"),
        (r#""type":null"#, "token_claim_wrong"),
        (r#""type":"""#, "token_claim_wrong"),
        (r#""type":"refresh""#, "access_token_needed"),
        (r#""Type":"access""#, "token_claim_missing"),
        (r#""x":{"type":"access"}"#, "token_claim_missing"),
        (
            r#""type":"refresh","type":"access""#,
            "token_member_duplicate",
        ),
        (
            r#""type":"refresh","\u0074ype":"access""#,
            "token_member_duplicate",
        ),
    ];
    for (members, expected) in cases {
        assert_eq!(verdict(members), expected, "{members}");
    }
    let numbered = lax().require_claim("v", 1);
    for (value, expected) in [
        ("1", "ok ada"),
        ("1.0", "token_claim_wrong"),
        ("\"1\"", "token_claim_wrong"),
        ("true", "token_claim_wrong"),
    ] {
        assert_eq!(
            both(&numbered, &format!(r#""sub":"ada","v":{value}"#)),
            expected,
            "{value}"
        );
    }
}

/// `iss`, `aud` and `typ` that look like the ones that are trusted.
#[test]
fn what_only_looks_like_what_is_trusted_is_not() {
    let trusted = || {
        Trusted::from(Trust {
            issuer: "https://id.example".into(),
            audience: "https://cakes.example".into(),
            token_type: "at+jwt".into(),
            keys: hs256_keys(),
        })
    };
    let alone = Verifier::new(trusted()).clock(clock());
    let beside = Verifier::new(Trust {
        issuer: "https://other.example".into(),
        audience: Expected::Unchecked,
        token_type: Expected::Unchecked,
        keys: hs256_keys(),
    });
    let beside = beside.or_trust(trusted()).clock(clock());
    let token = |typ: &str, iss: &str, aud: &Value| {
        let header = json!({ "alg": "HS256", "typ": typ });
        let payload = json!({ "sub": "ada", "exp": NOW + 900, "iss": iss, "aud": aud });
        hs256(&header.to_string(), &payload.to_string())
    };
    let (iss, aud) = ("https://id.example", json!("https://cakes.example"));
    for verifier in [&alone, &beside] {
        assert!(verifier.verify(&token("at+jwt", iss, &aud)).is_ok());
        assert!(
            verifier
                .verify(&token("application/AT+JWT", iss, &aud))
                .is_ok()
        );
        for odd in [
            "https://id.example/",
            "https://ID.example",
            "http://id.example",
            " https://id.example",
            "https://id.example\0",
            "https://id.ехample",
            "https://id.example#",
            "",
            "https://id.example,https://other.example",
        ] {
            assert_eq!(
                refused(verifier, &token("at+jwt", odd, &aud)),
                "token_issuer_wrong",
                "{odd}"
            );
        }
        for odd in [
            json!("https://cakes.example/"),
            json!(["https://pies.example"]),
            json!("https://cakes.example https://pies.example"),
            json!("HTTPS://CAKES.EXAMPLE"),
            json!([""]),
            json!(""),
        ] {
            assert_eq!(
                refused(verifier, &token("at+jwt", iss, &odd)),
                "token_audience_wrong",
                "{odd}"
            );
        }
        for odd in [
            "jwt",
            "at+jwt ",
            "at jwt",
            "at+jwt;x",
            "application/application/at+jwt",
            "text/at+jwt",
            "+jwt",
            "",
        ] {
            assert_eq!(
                refused(verifier, &token(odd, iss, &aud)),
                "token_type_wrong",
                "{odd}"
            );
        }
    }
    // `Absent` is not the empty text.
    let absent = Verifier::new(Trust {
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: Expected::Unchecked,
        keys: hs256_keys(),
    });
    let absent = Guard::new(absent.clock(clock()));
    for (members, code) in [
        (r#""iss":"""#, "token_issuer_wrong"),
        (r#""aud":"""#, "token_audience_wrong"),
        (r#""aud":[]"#, "token_claim_malformed"),
        (r#""iss":null"#, "token_claim_malformed"),
    ] {
        let payload = format!(r#"{{"sub":"ada","exp":{},{members}}}"#, NOW + 900);
        let refusal = absent.verify(&hs256(HEADER, &payload)).unwrap_err();
        assert_eq!(refusal.code(), code, "{members}");
    }
}
