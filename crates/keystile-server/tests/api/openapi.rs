use serde_json::Value;

use crate::actors::Server;
use crate::http::Request;
use crate::oauth::form_to;

/// What anybody may ask; every other route refuses whoever has no token.
const OPEN: &[&str] = &[
    "POST /v1/signup",
    "POST /v1/login",
    "POST /v1/refresh",
    "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/oauth-protected-resource",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
];

/// What a client proves itself for, by its secret; by OAuth's own errors.
const OF_CLIENTS: &[&str] = &[
    "POST /oauth/token",
    "POST /oauth/introspect",
    "POST /oauth/revoke",
];

#[tokio::test]
async fn every_route_is_closed_to_strangers_but_those_named_here() {
    let server = Server::start().await;
    let document = server
        .anonymous("GET", "/openapi.json")
        .await
        .expect(200)
        .json();
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method = method.to_uppercase();
            tried += 1;
            if OF_CLIENTS.contains(&format!("{method} {path}").as_str()) {
                let answer = server.send(form_to(path, "token=x")).await;
                assert_eq!(answer.oauth(401), "invalid_client", "{method} {path}");
                assert_eq!(operation["security"], serde_json::json!([{ "client": [] }]));
                continue;
            }
            let target = path.replace("{id}", "1").replace("{kid}", "1");
            let answer = server
                .send(Request::new(&method, &target).json(&serde_json::json!({})))
                .await;
            if OPEN.contains(&format!("{method} {path}").as_str()) {
                assert_ne!(answer.status, 401, "{method} {path}");
            } else {
                assert_eq!(answer.problem(401), "token_missing", "{method} {path}");
                let names: Vec<&Value> = operation["security"].as_array().unwrap().iter().collect();
                assert!(
                    names.iter().any(|one| one.get("bearer").is_some()),
                    "{method} {path} says no bearer"
                );
            }
        }
    }
    assert_eq!(
        tried,
        OPEN.len() + OF_CLIENTS.len() + 23,
        "a route was added or lost: look at it here"
    );
}

#[test]
fn the_document_is_the_one_that_was_agreed() {
    insta::assert_snapshot!("openapi", keystile_server::openapi_document());
}
