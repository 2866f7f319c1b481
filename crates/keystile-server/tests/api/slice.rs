//! The main job, end to end.

use serde_json::json;

use crate::actors::{PASSWORD, Server};
use crate::http::Request;

#[tokio::test]
async fn sign_up_sign_in_guarded_get_refresh_sign_out() {
    let server = Server::start().await;
    let account = json!({ "username": "ada", "email": "Ada@example.com", "password": PASSWORD });
    let made = server.post("/v1/signup", &account).await.expect(201);
    assert_eq!(made.text("/username"), "ada");
    assert!(made.json().get("password").is_none());

    let signed_in = server.sign_in("ada").await;
    let me = signed_in.call("GET", "/v1/me").await.expect(200);
    assert_eq!(me.text("/id"), made.text("/id"));
    assert_eq!(me.text("/email"), "Ada@example.com");

    let next = signed_in.refreshed().await;
    assert_ne!(next.refresh, signed_in.refresh);
    assert_eq!(next.session, signed_in.session);
    next.call("GET", "/v1/me").await.expect(200);

    next.call("POST", "/v1/logout").await.expect(204);
    assert_eq!(next.refused().await, "token_revoked");
    assert_eq!(signed_in.refused().await, "token_revoked");
}

#[tokio::test]
async fn each_refusal_of_a_token_says_why() {
    let server = Server::start().await;
    let missing = server.anonymous("GET", "/v1/me").await;
    assert_eq!(missing.problem(401), "token_missing");
    assert!(
        !missing
            .header("www-authenticate")
            .unwrap()
            .contains("error=")
    );

    let ada = server.person("ada").await;
    let (rest, last) = ada.access.split_at(ada.access.len() - 10);
    let changed = format!(
        "{rest}{}",
        if last.starts_with('A') {
            last.replacen('A', "B", 1)
        } else {
            format!("A{}", &last[1..])
        }
    );
    let answer = server
        .send(Request::new("GET", "/v1/me").bearer(&changed))
        .await;
    assert_eq!(answer.problem(401), "token_signature_invalid");
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .contains("error=\"invalid_token\"")
    );

    let refresh = server
        .send(Request::new("GET", "/v1/me").bearer(&ada.refresh))
        .await;
    assert_eq!(refresh.problem(401), "access_token_needed");

    server.advance(901);
    assert_eq!(ada.refused().await, "token_expired");
    let forged = server
        .send(Request::new("GET", "/v1/me").bearer(&changed))
        .await;
    assert_eq!(
        forged.problem(401),
        "token_signature_invalid",
        "nothing is said about a forger's times"
    );
    ada.refreshed()
        .await
        .call("GET", "/v1/me")
        .await
        .expect(200);
}
