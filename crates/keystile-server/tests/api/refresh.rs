use serde_json::json;

use crate::actors::Server;

#[tokio::test]
async fn what_is_no_refresh_token_is_told_apart() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let unknown = format!("ksr_{}", "A".repeat(43));
    for (token, code) in [
        ("", "refresh_token_malformed"),
        ("ksr_", "refresh_token_malformed"),
        (ada.access.as_str(), "refresh_token_malformed"),
        (unknown.as_str(), "refresh_token_unknown"),
    ] {
        let answer = server
            .post("/v1/refresh", &json!({ "refresh_token": token }))
            .await;
        assert_eq!(answer.problem(401), code, "{token}");
    }
}

#[tokio::test]
async fn within_the_grace_the_successor_is_the_same() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let first = ada.refreshed().await;
    let again = ada.refreshed().await;
    assert_eq!(first.refresh, again.refresh);
    assert_eq!(first.session, again.session);
}

#[tokio::test]
async fn a_replay_after_the_successor_was_used_ends_the_session() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let next = ada.refreshed().await.refreshed().await;
    let replay = server
        .post("/v1/refresh", &json!({ "refresh_token": ada.refresh }))
        .await;
    assert_eq!(replay.problem(401), "refresh_token_reused");
    let living = server
        .post("/v1/refresh", &json!({ "refresh_token": next.refresh }))
        .await;
    assert_eq!(living.problem(401), "session_ended");
    assert_eq!(next.refused().await, "token_revoked");
}

#[tokio::test]
async fn an_old_one_has_expired() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    server.advance(31 * 86_400);
    let answer = server
        .post("/v1/refresh", &json!({ "refresh_token": ada.refresh }))
        .await;
    assert_eq!(answer.problem(401), "refresh_token_expired");
}
