use serde_json::json;

use crate::actors::Server;
use crate::http::Request;

#[tokio::test]
async fn nobody_signs_nobody_out() {
    let server = Server::start().await;
    assert_eq!(
        server.anonymous("POST", "/v1/logout").await.problem(401),
        "token_missing"
    );
    let nonsense = Request::new("POST", "/v1/logout").bearer("nonsense");
    assert_eq!(server.send(nonsense).await.problem(401), "token_malformed");
}

#[tokio::test]
async fn this_session_only() {
    let server = Server::start().await;
    let here = server.person("ada").await;
    let there = server.sign_in("ada").await;
    here.call("POST", "/v1/logout").await.expect(204);
    assert_eq!(here.refused().await, "token_revoked");
    there.call("GET", "/v1/me").await.expect(200);
    there.refreshed().await;
}

#[tokio::test]
async fn the_others() {
    let server = Server::start().await;
    let here = server.person("ada").await;
    let there = server.sign_in("ada").await;
    here.call_with("POST", "/v1/logout", &json!({ "sessions": "others" }))
        .await
        .expect(204);
    here.call("GET", "/v1/me").await.expect(200);
    assert_eq!(there.refused().await, "token_revoked");
}

#[tokio::test]
async fn all_of_them() {
    let server = Server::start().await;
    let here = server.person("ada").await;
    let there = server.sign_in("ada").await;
    here.call_with("POST", "/v1/logout", &json!({ "sessions": "all" }))
        .await
        .expect(204);
    assert_eq!(here.refused().await, "token_revoked");
    assert_eq!(there.refused().await, "token_revoked");
    let refresh = server
        .post("/v1/refresh", &json!({ "refresh_token": there.refresh }))
        .await;
    assert_eq!(refresh.problem(401), "session_ended");
}

#[tokio::test]
async fn by_refresh_token() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    server
        .post("/v1/logout", &json!({ "refresh_token": ada.refresh }))
        .await
        .expect(204);
    assert_eq!(ada.refused().await, "token_revoked");

    let (here, there) = (server.sign_in("ada").await, server.sign_in("ada").await);
    let others = json!({ "refresh_token": here.refresh, "sessions": "others" });
    assert_eq!(
        server.post("/v1/logout", &others).await.problem(401),
        "access_token_needed"
    );
    server
        .post(
            "/v1/logout",
            &json!({ "refresh_token": here.refresh, "sessions": "all" }),
        )
        .await
        .expect(204);
    assert_eq!(here.refused().await, "token_revoked");
    assert_eq!(there.refused().await, "token_revoked");
}

#[tokio::test]
async fn one_proof_is_enough_and_two_are_too_many() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let both = ada
        .call_with(
            "POST",
            "/v1/logout",
            &json!({ "refresh_token": ada.refresh }),
        )
        .await;
    assert_eq!(both.problem(400), "credentials_ambiguous");
    let unknown = ada
        .call_with("POST", "/v1/logout", &json!({ "sessions": "some" }))
        .await;
    assert_eq!(unknown.problem(400), "member_invalid");
    ada.call("GET", "/v1/me").await.expect(200);
}
