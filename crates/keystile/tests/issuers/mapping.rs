//! Subject, roles and scope out of claims of other names.

use keystile::{ClaimPath, Guard, Reason, Requirement, SubjectRule, Timestamp, Trusted, Verifier};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{HEADER, NOW, clock, hs256, lax};

/// Subject, roles and scope, or the code and the claim.
fn read(verifier: &Verifier, more: &str) -> String {
    let mut claims = json!({ "sub": "ada", "exp": NOW + 900 });
    let more: Value = serde_json::from_str(more).unwrap();
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    match verifier.verify(&hs256(HEADER, &claims.to_string())) {
        Ok(verified) => {
            let claims = verified.claims();
            let roles: Vec<_> = claims.roles.iter().collect();
            let scope: Vec<_> = claims.scope.iter().collect();
            let (roles, scope) = (roles.join(","), scope.join(","));
            format!("{} roles={roles} scope={scope}", claims.sub)
        }
        Err(refusal) => format!("{} {}", refusal.code(), refusal.claim().unwrap_or("")),
    }
}

fn rule(name: &str) -> Verifier {
    let verifier = lax();
    match name {
        "nested" => verifier.roles_from(["realm_access", "roles"]),
        "colon" => verifier.roles_from("cognito:groups"),
        "both" => verifier.roles_from("a").roles_from(["b", "c.d", "e"]),
        "scp" => verifier.scope_from("scp"),
        "loose" => verifier.scope_from("scope").roles_from("roles"),
        "email" => verifier.subject_from("email"),
        "id" => verifier.subject_from("id").subject(SubjectRule::Integer),
        "any" => verifier.subject_from("id").subject(SubjectRule::Unchecked),
        "itself" => verifier.subject_from("sub").subject(SubjectRule::Integer),
        "nowhere" => verifier.roles_from([""; 0]),
        other => panic!("{other} is no rule"),
    }
}

/// The rule, the claims, what is read. Where another claim is named, the usual one counts no more.
const CASES: &str = r#"
nested | {"realm_access":{"roles":["a","b"]}} | ada roles=a,b scope=
nested | {"realm_access":{"roles":"one"}} | ada roles=one scope=
nested | {"realm_access":{"roles":[]}} | ada roles= scope=
nested | {"realm_access":{}} | ada roles= scope=
nested | {"realm_access":"roles"} | ada roles= scope=
nested | {"realm_access":["roles"]} | ada roles= scope=
nested | {"realm_access.roles":["a"]} | ada roles= scope=
nested | {"roles":["admin"]} | ada roles= scope=
nested | {"roles":"admin"} | ada roles= scope=
nested | {"realm_access":{"roles":[1]}} | token_claim_malformed realm_access
nested | {"realm_access":{"roles":null}} | token_claim_malformed realm_access
nested | {"realm_access":{"roles":true}} | token_claim_malformed realm_access
nested | {"realm_access":{"roles":{"a":1}}} | token_claim_malformed realm_access
nested | {"scope":["a"]} | token_claim_malformed scope
nested | {"roles":"admin","iss":1} | token_claim_malformed iss
colon | {"cognito:groups":["bakers"]} | ada roles=bakers scope=
both | {"a":["x","y"],"b":{"c.d":{"e":["y","z"]}}} | ada roles=x,y,z scope=
both | {"a":["x"],"b":{"c":{"d":{"e":["y"]}}}} | ada roles=x scope=
scp | {"scp":"read  write"} | ada roles= scope=read,write
scp | {"scp":["read","write"]} | ada roles= scope=read,write
scp | {"scp":["read write"]} | token_claim_malformed scp
scp | {"scp":["read",""]} | token_claim_malformed scp
scp | {"scp":["read\u0009admin"]} | token_claim_malformed scp
scp | {"scp":{"read":true}} | token_claim_malformed scp
scp | {"scope":"admin"} | ada roles= scope=
nested | {"realm_access":{"roles":["a b",""]}} | ada roles=a b, scope=
nested | {"realm_access":[{"roles":["admin"]}]} | ada roles= scope=
nested | {"realm_access":{"__proto__":{"roles":["admin"]}}} | ada roles= scope=
nested | {"REALM_ACCESS":{"roles":["admin"]}} | ada roles= scope=
scp | {"scp":7} | token_claim_malformed scp
loose | {"scope":["a","b"],"roles":"c"} | ada roles=c scope=a,b
email | {"email":"ada@example.org"} | ada@example.org roles= scope=
email | {} | token_claim_missing sub
email | {"email":""} | token_claim_missing sub
email | {"email":7} | token_claim_malformed sub
email | {"email":["a"]} | token_claim_malformed email
email | {"email":null} | token_claim_malformed email
email | {"sub":{"id":1},"email":"e"} | e roles= scope=
id | {"id":7} | 7 roles= scope=
id | {"id":-7} | -7 roles= scope=
id | {"id":7.5} | token_claim_malformed id
id | {"id":18446744073709551615} | token_claim_malformed id
any | {} |  roles= scope=
itself | {"sub":7} | 7 roles= scope=
nowhere | {"roles":["a"]} | ada roles= scope=
"#;

#[test]
fn claims_are_read_from_where_the_entry_says() {
    let mut seen = 0;
    for case in CASES.trim().lines() {
        let parts: Vec<&str> = case.split(" | ").collect();
        let [name, more, expected] = parts[..] else {
            panic!("{case}");
        };
        assert_eq!(read(&rule(name), more), expected, "{case}");
        seen += 1;
    }
    assert_eq!(seen, 45);
}

keystile::role!(Baker = "baker");

/// A route asks of the mapped roles; the guard says the same as the verifier.
#[test]
fn what_a_route_asks_is_asked_of_the_mapped_claims() {
    let guard = Guard::new(lax()).roles_from("groups").subject_from("email");
    let json = format!(
        r#"{{"sub":"7","exp":{},"email":"ada@example.org","groups":["baker"]}}"#,
        NOW + 900
    );
    let verified = guard.verify(&hs256(HEADER, &json)).unwrap();
    assert!(Baker::check(&verified, guard.now()).is_ok());
    assert_eq!(verified.claims().sub, "ada@example.org");
}

/// An issuer knows its caller by `sub`, the application by another claim: a revocation by either ends the token.
#[test]
fn a_revocation_by_the_issuers_own_subject_still_counts() {
    let json = format!(
        r#"{{"sub":"7","exp":{},"iat":{NOW},"email":"ada@example.org"}}"#,
        NOW + 900
    );
    let token = hs256(HEADER, &json);
    for (sub, ends) in [("7", true), ("ada@example.org", true), ("8", false)] {
        let guard = Guard::new(lax()).clock(clock()).subject_from("email");
        assert!(guard.verify(&token).is_ok());
        let until = Timestamp::from_seconds(NOW + 900);
        guard
            .revoked()
            .revoke_issued_up_to(sub, Timestamp::from_seconds(NOW), until);
        for _ in 0..2 {
            let refusal = guard.verify(&token).err();
            let expected = ends.then_some(Reason::TokenRevoked);
            assert_eq!(refusal.map(|refusal| refusal.reason()), expected, "{sub}");
        }
    }
}

/// That much is known, whatever else is not: who is asked instead of the list knows the issuer's subject alone.
#[test]
fn a_revocation_by_either_subject_outweighs_that_the_list_is_stale() {
    let json = format!(
        r#"{{"sub":"7","exp":{},"iat":{NOW},"email":"ada@example.org"}}"#,
        NOW + 900
    );
    let token = hs256(HEADER, &json);
    let expectations = [
        ("7", Reason::TokenRevoked),
        ("ada@example.org", Reason::TokenRevoked),
        ("8", Reason::RevocationUnknown),
    ];
    for (sub, expected) in expectations {
        let guard = Guard::new(lax()).clock(clock()).subject_from("email");
        guard.revoked().require_known(|| false);
        let until = Timestamp::from_seconds(NOW + 900);
        guard
            .revoked()
            .revoke_issued_up_to(sub, Timestamp::from_seconds(NOW), until);
        let refusal = guard.verify(&token).unwrap_err();
        assert_eq!(refusal.reason(), expected, "{sub}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands there, what is read are the strings that stand at the place and nothing else; or the token is refused.
    #[test]
    fn no_role_comes_from_elsewhere(a in value(), roles in value(), path in prop::collection::vec("[ab]", 1..3)) {
        let claims = json!({ "sub": "ada", "exp": NOW + 900, "a": a, "roles": roles });
        let at: ClaimPath = match &path[..] {
            [one] => one.clone().into(),
            [one, two, ..] => [one, two].into(),
            [] => unreachable!("at least one"),
        };
        let mut place = Some(&claims);
        for name in &path {
            place = place.and_then(|value| value.as_object()).and_then(|members| members.get(name));
        }
        let expected: Option<Vec<&str>> = match place {
            None => Some(Vec::new()),
            Some(Value::String(one)) => Some(vec![one]),
            Some(Value::Array(some)) => some.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        let verifier = lax().roles_from(at);
        match verifier.verify(&hs256(HEADER, &claims.to_string())) {
            Ok(verified) => {
                let mut expected = expected.expect("it was to be refused");
                let mut seen = std::collections::HashSet::new();
                expected.retain(|role| seen.insert(*role));
                prop_assert_eq!(verified.claims().roles.iter().collect::<Vec<_>>(), expected);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal.reason(), Reason::TokenClaimMalformed);
                prop_assert!(expected.is_none());
            }
        }
    }
}

/// The words are the same wherever they are said.
#[test]
fn a_trusted_issuer_a_verifier_and_a_guard_say_it_by_the_same_words() {
    let trust = || keystile::Trust {
        issuer: keystile::Expected::Unchecked,
        audience: keystile::Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: crate::common::hs256_keys(),
    };
    let said = Trusted::from(trust())
        .require_claim("type", "access")
        .roles_from("g");
    let json = format!(
        r#"{{"sub":"a","exp":{},"type":"access","g":"x"}}"#,
        NOW + 900
    );
    let token = hs256(HEADER, &json);
    let verifiers = [
        Verifier::new(said),
        Verifier::new(trust())
            .require_claim("type", "access")
            .roles_from("g"),
    ];
    for verifier in verifiers {
        let verified = verifier.clock(clock()).verify(&token).unwrap();
        assert!(verified.claims().roles.contains("x"));
    }
    let guard = Guard::new(Verifier::new(trust()).clock(clock()));
    let guard = guard.require_claim("type", "access").roles_from("g");
    assert!(guard.verify(&token).unwrap().claims().roles.contains("x"));
    let other = hs256(HEADER, &json.replace("access", "other"));
    assert_eq!(
        guard.verify(&other).unwrap_err().code(),
        "token_claim_wrong"
    );
}
