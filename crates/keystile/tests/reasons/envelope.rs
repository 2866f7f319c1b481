//! Form, header and order: what is refused before any claim is looked at.

use keystile::{Clock, Timestamp, take_apart_unverified};

use crate::common::{HEADER, NOW, encode, hs256, hs256_parts, lax, payload, refused};

#[test]
fn what_is_well_made_passes() {
    let token = hs256(HEADER, &payload(r#","x":{"y":[1,2.5,null,true]}"#));
    assert_eq!(lax().verify(&token).unwrap().claims().sub, "ada");
}

#[test]
fn structure_comes_first() {
    let good = hs256(HEADER, &payload(""));
    let (header, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let malformed = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "....".into(),
        header.into(),
        format!("{header}.{body}"),
        format!("{good}."),
        format!("{good}.AA.AA"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}=.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{header}.{body}.{}", signature.replace(['-', '_'], "+")) + "+",
        format!("{header}.{body}\u{e9}.{signature}"),
        format!("{header}.{body}.{}", "A".repeat(4000)),
        hs256("", &payload("")),
        hs256("[]", &payload("")),
        hs256("null", &payload("")),
        hs256(HEADER, ""),
        hs256(HEADER, "[]"),
        hs256(HEADER, "\"sub\""),
        hs256(HEADER, "{"),
        hs256(HEADER, &(payload("") + "{}")),
        hs256(
            HEADER,
            &payload(&format!(r#","a":{}{}"#, "[".repeat(32), "]".repeat(32))),
        ),
        hs256(HEADER, &payload(r#","a":1e999"#)),
        hs256(HEADER, &payload(r#","a":"\ud800""#)),
        hs256_parts(
            &encode(HEADER),
            &encode([b"{\"a\":\"".as_slice(), &[0xFF], b"\"}"].concat()),
        ),
    ];
    for token in malformed {
        assert_eq!(refused(&lax(), &token), "token_malformed", "{token}");
    }
}

#[test]
fn a_last_symbol_with_loose_bits_is_malformed() {
    let token = hs256(HEADER, &payload(""));
    let mut loose = token.clone();
    // 43 symbols carry 258 bits: of the last one two bits must be zero.
    let last = loose.pop().unwrap();
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = symbols.find(last).unwrap();
    assert_eq!(place % 4, 0);
    for step in 1..4 {
        let symbol = symbols.as_bytes()[place + step] as char;
        assert_eq!(
            refused(&lax(), &format!("{loose}{symbol}")),
            "token_malformed"
        );
    }
}

#[test]
fn length_comes_before_everything() {
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(refused(&lax(), &long), "token_too_large");
    assert_eq!(refused(&lax(), &long[1..]), "token_malformed");
    let filled = payload(&format!(r#","x":"{}""#, "y".repeat(11_900)));
    assert!(lax().verify(&hs256(HEADER, &filled)).is_ok());
}

#[test]
fn duplicate_members_are_refused_in_header_and_payload() {
    for token in [
        hs256(
            r#"{"alg":"HS256","typ":"at+jwt","alg":"HS256"}"#,
            &payload(""),
        ),
        hs256(
            r#"{"alg":"HS256","typ":"at+jwt","x":{"a":1,"a":1}}"#,
            &payload(""),
        ),
        hs256(HEADER, &payload(r#","sub":"eve""#)),
        hs256(HEADER, &payload(r#","\u0073ub":"eve""#)),
        hs256(HEADER, &payload(r#","x":[{"y":1,"y":2}]"#)),
    ] {
        assert_eq!(refused(&lax(), &token), "token_member_duplicate");
    }
}

#[test]
fn critical_extensions_are_refused_and_embedded_keys_ignored() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"at+jwt",{member}}}"#);
        assert_eq!(
            refused(&lax(), &hs256(&header, &payload(""))),
            "token_critical_refused"
        );
    }
    let header = r#"{"alg":"HS256","typ":"at+jwt","jku":"http://evil.example/","jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"]}"#;
    assert!(lax().verify(&hs256(header, &payload(""))).is_ok());
}

#[test]
fn nothing_is_said_about_claims_before_the_signature_holds() {
    let good = hs256(HEADER, &payload(""));
    let signature = good.rsplit('.').next().unwrap();
    for forged in [
        format!(r#"{{"sub":"ada","exp":{}}}"#, NOW - 1),
        r#"{"sub":1,"exp":"never"}"#.to_owned(),
        r#"{"iss":7}"#.to_owned(),
        payload(r#","nbf":99999999999"#),
        r#"{"a":1,"a":2}"#.to_owned(),
        "{}".to_owned(),
    ] {
        let token = format!("{}.{}.{signature}", encode(HEADER), encode(&forged));
        assert_eq!(
            refused(&lax(), &token),
            "token_signature_invalid",
            "{forged}"
        );
    }
    for at in 0..43 {
        let mut bytes = good.clone().into_bytes();
        let place = bytes.len() - 43 + at;
        bytes[place] = if bytes[place] == b'E' { b'I' } else { b'E' };
        let altered = String::from_utf8(bytes).unwrap();
        assert_eq!(refused(&lax(), &altered), "token_signature_invalid");
    }
}

#[test]
fn a_token_taken_apart_is_shown_and_not_trusted() {
    let forged = format!("{}.{}.AAAA", encode(HEADER), encode(payload("")));
    let parts = take_apart_unverified(&forged).unwrap();
    assert_eq!(
        (parts.header.as_str(), parts.signature),
        (HEADER, vec![0; 3])
    );
    assert_eq!(parts.payload, payload(""));
    assert_eq!(
        take_apart_unverified("a.b").unwrap_err().code(),
        "token_malformed"
    );
}

/// Reasons that only a request can have are shown in the axum tests.
#[test]
fn a_refusal_never_holds_the_token() {
    let verifier = lax().clock(Clock::manual(Timestamp::from_seconds(NOW * 2)));
    let token = hs256(HEADER, &payload(r#","jti":"hunter2""#));
    let refusal = verifier.verify(&token).unwrap_err();
    let shown = format!("{refusal} {refusal:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(&token[..20]));
}
