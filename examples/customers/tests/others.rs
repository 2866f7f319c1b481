//! Under one secret, the examples refuse each other's tokens.

mod support;

use examples_common::testing::{assert_kind, challenge, tokens_of_the_others};
use support::{NOW, SECRET, Shop, folder, sign_in, token};

#[test]
fn the_other_examples_tokens_are_refused() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    assert_kind("customers", &token(&sign_in(shop.address, "ada")));
    for (example, token) in tokens_of_the_others("customers", SECRET, NOW) {
        let code = match example {
            "quickstart" => "token_type_wrong",
            _ => "token_claim_malformed",
        };
        let answer = shop.get("/customers/", Some(&format!("Bearer {token}")));
        let expected = (401, r#"{"message":"Invalid Token"}"#, Some(challenge(code)));
        let (status, body, asked) = answer.cell();
        assert_eq!(
            (status, body, asked.map(str::to_owned)),
            expected,
            "{example}"
        );
    }
}
