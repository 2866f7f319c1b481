//! After an end-to-end run no secret is in the database's files. The log is looked at in `tests/cli`.

use serde_json::json;

use crate::actors::{PASSWORD, Server};

#[tokio::test]
async fn no_secret_is_in_the_database() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let next = ada.refreshed().await;
    let wrong = "a wrong password that is long";
    server
        .post(
            "/v1/login",
            &json!({ "username": "ada", "password": wrong }),
        )
        .await
        .problem(401);
    next.call("POST", "/v1/logout").await.expect(204);

    let secrets = [
        PASSWORD,
        wrong,
        &ada.access,
        &ada.refresh,
        &next.access,
        &next.refresh,
        &next.refresh[4..],
    ];
    let mut looked_at = 0;
    for entry in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        looked_at += bytes.len();
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in the database");
        }
    }
    assert!(looked_at > 10_000, "the database was not there");
}
