//! Issuers of every kind in one guard: each with its own keys, audience and rules, and no use of another's.

use std::time::Duration;

use keystile::remote::{Introspection, KeyLookup};
use keystile::{
    Algorithm, Clock, Expected, Guard, Issuer, KeyFile, KeySet, LegacyKeys, LegacyTrust, Random,
    SigningKey, SubjectRule, Timestamp, Trust, Trusted, Verifier,
};
use serde_json::json;

use crate::common::{NOW, clock, key};
use crate::server::{Reply, Server};
use crate::{DEADLINE, at, verdict_async};

/// `iss` of each issuer of signed tokens; the last has none.
const ISSUERS: [&str; 6] = [
    "https://given.example",
    "https://file.example",
    "https://followed.example",
    "https://looked-up.example",
    "https://old.example",
    "",
];

/// Each has a key of its own, and all of them call it `k`.
fn keys() -> [SigningKey; 6] {
    [1, 2, 3, 4, 5, 6].map(|seed| {
        let algorithm = if seed == 6 {
            Algorithm::Hs256
        } else {
            Algorithm::Es256
        };
        key(algorithm, 40 + seed).with_key_id("k")
    })
}

/// By this key, in the name of one issuer, for the audience of another.
fn token(key: &SigningKey, issuer: usize, audience: usize) -> String {
    let mut claims = json!({
        "sub": "7", "aud": format!("audience {audience}"), "iat": NOW - 60, "exp": NOW + 600,
        "type": "access",
    });
    if !ISSUERS[issuer].is_empty() {
        claims["iss"] = ISSUERS[issuer].into();
    }
    key.sign_claims("JWT", &claims).unwrap()
}

/// What signed tokens of one issuer must say.
fn trust<K>(issuer: usize, keys: K) -> Trust<K> {
    Trust {
        issuer: ISSUERS[issuer].into(),
        audience: format!("audience {issuer}").into(),
        token_type: "JWT".into(),
        keys,
    }
}

fn legacy(issuer: usize, keys: LegacyKeys) -> Trusted {
    let whose = match ISSUERS[issuer] {
        "" => Expected::Absent,
        whose => whose.into(),
    };
    Trusted::try_from(LegacyTrust {
        keys,
        issuer: whose,
        audience: format!("audience {issuer}").into(),
        token_type: "JWT".into(),
        required_claims: vec![("type".into(), "access".into())],
        subject: SubjectRule::Required,
        issued_before: Timestamp::from_seconds(NOW),
        accept_until: Timestamp::from_seconds(NOW + 300),
        longest_life: Duration::from_secs(900),
    })
    .unwrap()
}

/// The keys of this address, which an attacker has put a secret among.
async fn follow(server: &Server, clock: &Clock) -> Issuer {
    let followed = Issuer::at(server.url()).audience("is said by the trust");
    let followed = followed.keys_at(format!("{}/jwks", server.url()));
    let followed = followed.clock(clock.clone()).random(Random::seeded(7));
    followed.timeout(DEADLINE).connect().await.unwrap()
}

fn publishes(server: &Server, key: &SigningKey) {
    let mut set = json!({ "keys": [{ "kty": "oct", "kid": "k", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }] });
    let public = key.verifying_key().to_jwk().unwrap();
    set["keys"].as_array_mut().unwrap().push(public);
    server.says(Reply::json(set));
}

/// All of them, in this order or the reverse; and the servers that two of them are followed at.
async fn guard(reversed: bool, clock: &Clock) -> (Guard, [Server; 3]) {
    let keys = keys();
    let servers = [
        Server::start().await,
        Server::start().await,
        Server::start().await,
    ];
    publishes(&servers[0], &keys[2]);
    publishes(&servers[1], &keys[4]);
    let answer = json!({ "active": true, "sub": "7", "aud": "audience 6", "exp": NOW + 600 });
    servers[2].replies(move |_| Reply::json(&answer));

    let name = format!("keystile-mixed-{reversed}-{}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    // PEM names no key, a JWK does.
    let jwk = keys[1].verifying_key().to_jwk().unwrap().to_string();
    std::fs::write(&path, jwk).unwrap();
    let file = KeyFile::open(&path).unwrap().look_every(Duration::MAX);
    std::fs::remove_file(&path).unwrap();
    let known = keys[3].verifying_key().clone();
    let lookup = KeyLookup::by_key_id(move |_| {
        let known = known.clone();
        async { Ok::<_, ()>(Some(known)) }
    });
    let asked = Introspection::at(servers[2].url(), "cakes-api", "a secret").unwrap();
    let mut entries: Vec<Trusted> = vec![
        trust(0, KeySet::from(keys[0].verifying_key().clone())).into(),
        trust(1, file).into(),
        trust(2, &follow(&servers[0], clock).await).into(),
        trust(3, lookup.timeout(DEADLINE)).into(),
        legacy(4, LegacyKeys::from(&follow(&servers[1], clock).await)),
        legacy(5, keys[5].verifying_key().clone().into()),
        Trust {
            issuer: Expected::Absent,
            audience: "audience 6".into(),
            token_type: Expected::Absent,
            keys: asked.timeout(DEADLINE),
        }
        .into(),
    ];
    if reversed {
        entries[..6].reverse();
    }
    let mut entries = entries.into_iter();
    let first = Verifier::new(entries.next().unwrap());
    let verifier = entries.fold(first, Verifier::or_trust);
    (Guard::new(verifier.clock(clock.clone())), servers)
}

/// Each key in each issuer's name, for each audience: of 216 tokens one passes for each issuer.
#[tokio::test]
async fn each_issuers_key_signs_for_its_own_name_and_audience_alone() {
    for reversed in [false, true] {
        let clock = clock();
        let (guard, servers) = guard(reversed, &clock).await;
        let keys = keys();
        let mut passed = 0;
        for (whose, key) in keys.iter().enumerate() {
            for issuer in 0..6 {
                for audience in 0..6 {
                    let found = verdict_async(&guard, &token(key, issuer, audience)).await;
                    let expected = match (whose == issuer, issuer == audience) {
                        (true, true) => "ok",
                        (true, false) => "token_audience_wrong",
                        // The one secret among public keys, or a public key in the secret's place.
                        (false, _) if (whose == 5) != (issuer == 5) => "token_algorithm_refused",
                        (false, _) => "token_signature_invalid",
                    };
                    assert_eq!(found, expected, "key {whose} for {issuer}, {audience}");
                    passed += usize::from(found == "ok");
                }
            }
        }
        assert_eq!(passed, 6);
        assert_eq!(verdict_async(&guard, "opaque").await, "ok");
        assert_eq!(servers[2].asked_at_all(), 1, "no JWT was shown to it");
        // The secret that stands in both published sets is nobody's.
        let published = SigningKey::hs256("secret".repeat(6)).unwrap();
        for issuer in 0..6 {
            let forged = token(&published.with_key_id("k"), issuer, issuer);
            let found = verdict_async(&guard, &forged).await;
            assert!(found.starts_with("token_"), "{issuer}: {found}");
        }
    }
}

/// Those of the past are told as such, and end at their time, before their tokens do.
#[tokio::test]
async fn older_issuers_beside_those_of_today_are_told_and_end() {
    let clock = clock();
    let (guard, _servers) = guard(false, &clock).await;
    let keys = keys();
    for (issuer, key) in keys.iter().enumerate() {
        let verified = guard.verify_async(&token(key, issuer, issuer)).await;
        assert_eq!(verified.unwrap().is_legacy(), issuer >= 4, "{issuer}");
    }
    for (later, code) in [(299, "ok"), (300, "token_expired"), (599, "token_expired")] {
        clock.set(at(later));
        for issuer in [4, 5] {
            let token = token(&keys[issuer], issuer, issuer);
            assert_eq!(
                verdict_async(&guard, &token).await,
                code,
                "{later} {issuer}"
            );
        }
    }
}
