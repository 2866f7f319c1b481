use crate::actors::Server;

#[tokio::test]
async fn it_lives_and_is_ready_until_it_is_about_to_end() {
    let server = Server::start().await;
    assert_eq!(
        server
            .anonymous("GET", "/healthz")
            .await
            .expect(200)
            .text("/status"),
        "ok"
    );
    assert_eq!(
        server
            .anonymous("GET", "/readyz")
            .await
            .expect(200)
            .text("/status"),
        "ok"
    );
    server.readiness.drain();
    let answer = server.anonymous("GET", "/readyz").await;
    assert_eq!(answer.problem(503), "draining");
    assert!(answer.header("retry-after").is_some());
    server.anonymous("GET", "/healthz").await.expect(200);
}

#[tokio::test]
async fn without_its_database_it_is_not_ready_and_says_so_everywhere() {
    let server = Server::start().await;
    server.accounts.close().await;
    assert_eq!(
        server.anonymous("GET", "/readyz").await.problem(503),
        "store_unavailable"
    );
    let body = serde_json::json!({ "username": "ada", "password": crate::actors::PASSWORD });
    assert_eq!(server.post("/v1/login", &body).await.status, 503);
    server.anonymous("GET", "/healthz").await.expect(200);
}
