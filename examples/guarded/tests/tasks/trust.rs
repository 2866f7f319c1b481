//! Whose tokens are good.

use std::time::Duration;

use guarded::{elsewhere, issuers};
use keystile::testing::TestIssuer;
use keystile::{Claims, Expected, LegacyKeys, LegacyTrust, SigningKey, SubjectRule, Timestamp};

use crate::all;

const OLD: &str = "the secret of the program that was there before";

#[tokio::test]
async fn several_issuers_each_by_its_own_rules_and_an_older_systems_tokens_for_a_while() {
    let ours = TestIssuer::new().audience("cakes");
    let partner = TestIssuer::named("partner")
        .audience("cakes")
        .with_clock(ours.clock().clone());
    let moved_at = ours.clock().now();
    let accept_until = moved_at.saturating_add(Duration::from_secs(86_400));
    let older = LegacyTrust {
        keys: LegacyKeys::secret(OLD).unwrap(),
        issuer: Expected::Absent,
        audience: Expected::Absent,
        token_type: "JWT".into(),
        required_claims: vec![("type".into(), "access".into())],
        subject: SubjectRule::Required,
        issued_before: moved_at,
        accept_until,
        longest_life: Duration::from_secs(86_400),
    };
    let guard = issuers::guard(ours.trust(), partner.trust(), older).unwrap();
    let app = issuers::router(guard.clock(ours.clock().clone()));

    let ada = ours.token("ada").role("baker").bearer();
    let roles = serde_json::json!({ "roles": ["buyer"] });
    let bob = partner.token("bob").claim("realm_access", roles).bearer();
    let forged = partner.token("ada").claim("iss", ours.iss()).bearer();
    let old = |issued: Timestamp| {
        let claims = Claims {
            iat: Some(issued.as_seconds()),
            ..Claims::new("eve", issued.as_seconds() + 3_600)
        };
        let claims = claims.with_extra(serde_json::json!({ "type": "access" }));
        let token = SigningKey::hs256(OLD).unwrap().issue_as("JWT", &claims);
        format!("Bearer {}", token.unwrap())
    };
    let before = old(Timestamp::from_seconds(moved_at.as_seconds() - 60));
    let after = old(moved_at);
    all(
        &app,
        &[
            ("GET /me", &ada, 200, "ada, {\"baker\"}"),
            ("GET /me", &bob, 200, "bob, {\"buyer\"}"),
            ("GET /me", &before, 200, "eve, {}"),
            ("POST /me", &ada, 200, "changed"),
            ("POST /me", &before, 403, "please sign in again"),
        ],
    )
    .await;
    for (bearer, what) in [
        (forged, "a partner in our name"),
        (after, "made since the move"),
    ] {
        let answer = crate::ask(&app, "GET /me", &bearer).await;
        assert_eq!(answer.status, 401, "{what}: {:?}", answer.told());
    }
}

#[tokio::test]
async fn an_issuer_elsewhere_is_followed_or_asked() {
    let issuer = TestIssuer::new().audience("cakes").serve();
    let (id, secret) = (TestIssuer::CLIENT_ID, TestIssuer::CLIENT_SECRET);
    let following = elsewhere::following(issuer.url(), "cakes").await.unwrap();
    let asking = elsewhere::asking(issuer.url(), "cakes", (id, secret)).unwrap();
    for guard in [following, asking] {
        let app = elsewhere::router(guard);
        let ada = issuer.token("ada").bearer();
        all(&app, &[("GET /me", &ada, 200, "ada")]).await;
        let other = issuer.token("ada").audience("elsewhere").bearer();
        all(&app, &[("GET /me", &other, 401, "token_audience_wrong")]).await;
    }
    assert!(
        elsewhere::following("http://127.0.0.1:1", "cakes")
            .await
            .is_err()
    );
}
