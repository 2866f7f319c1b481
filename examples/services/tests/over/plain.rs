//! The service on hyper.

use keystile::testing::TestIssuer;

use crate::{ask, serving};

#[tokio::test]
async fn a_service_on_hyper_alone() {
    let issuer = TestIssuer::new();
    let guard = issuer.guard();
    let address = serving(|listener| services::plain::serve(listener, guard)).await;
    let answer = ask(address, "GET /", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("www-authenticate: Bearer reason=\"token_missing\"\r\n"));
    assert!(answer.contains("content-type: application/problem+json\r\n"));

    let answer = ask(address, "GET /", "authorization: Bearer a.b.c\r\n", "").await;
    assert!(answer.contains("\"code\":\"token_malformed\""), "{answer}");

    let header = format!("authorization: Bearer {}\r\n", issuer.token("ada"));
    let answer = ask(address, "GET /", &header, "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nHello, ada"), "{answer}");

    let answer = ask(address, "OPTIONS /", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}
