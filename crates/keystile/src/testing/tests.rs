//! What is promised of a test issuer that needs the inside of the crate to be seen.

use super::*;

#[test]
fn the_key_that_signs_is_published_and_so_is_the_next() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let issuer = TestIssuer::new().algorithm(algorithm);
        let next = |issuer: &TestIssuer| {
            let keys = issuer.keys();
            keys.iter().last().map(|key| key.key_id().clone())
        };
        let published = next(&issuer);
        issuer.rotate_now();
        assert_eq!(Some(issuer.signing().key_id().clone()), published);
        let signed = issuer.signing();
        issuer.withdraw_now();
        assert!(issuer.keys().get(signed.key_id().as_str()).is_none());
        assert_ne!(signed.key_id(), issuer.signing().key_id());
        assert_eq!(issuer.signing().algorithm(), algorithm);
    }
}

#[test]
fn keys_repeat_and_each_name_has_its_own() {
    let keys = |issuer: &TestIssuer| issuer.keys().to_jwks_json();
    assert_eq!(keys(&TestIssuer::new()), keys(&TestIssuer::new()));
    let other = TestIssuer::named("partner");
    let ours = TestIssuer::new();
    assert_eq!(other.iss(), "https://partner.test");
    for key in &other.keys() {
        let is_same = |ours: &&crate::VerifyingKey| ours.to_jwk().ok() == key.to_jwk().ok();
        assert!(!ours.keys().iter().any(|ours| is_same(&ours)));
    }
    assert_ne!(
        ours.with(|settings| settings.signing = Signing::Seeded(Algorithm::EdDsa))
            .signing()
            .key_id(),
        other.signing().key_id()
    );
}
