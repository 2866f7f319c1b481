use keystile_accounts::GuessLimits;
use serde_json::json;

use crate::actors::{PASSWORD, Server};

#[tokio::test]
async fn anybody_may_where_it_is_open() {
    let server = Server::start().await;
    let answer = server
        .post(
            "/v1/signup",
            &json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await
        .expect(201);
    assert!(answer.json()["username"].is_null());
    assert_eq!(answer.json()["roles"], json!([]));
    assert!(answer.text("/created_at").ends_with('Z'));
}

#[tokio::test]
async fn nobody_may_where_it_is_closed() {
    let server = Server::start_with(GuessLimits::off(), false).await;
    let answer = server
        .post(
            "/v1/signup",
            &json!({ "username": "ada", "password": PASSWORD }),
        )
        .await;
    assert_eq!(answer.problem(403), "signup_closed");
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let server = Server::start().await;
    for (body, member) in [
        (
            json!({ "username": "ada", "password": "short" }),
            "password",
        ),
        (
            json!({ "username": "a@b", "password": PASSWORD }),
            "username",
        ),
        (
            json!({ "email": "nonsense", "password": PASSWORD }),
            "email",
        ),
        (json!({ "username": "ada" }), "password"),
        (json!({ "password": PASSWORD }), "username"),
        (json!({ "username": 7, "password": PASSWORD }), "username"),
        (
            json!({ "username": "ada", "password": PASSWORD, "roles": ["admin"] }),
            "roles",
        ),
    ] {
        let answer = server.post("/v1/signup", &body).await;
        answer.problem(400);
        assert_eq!(answer.text("/member"), member, "{body}");
    }
}

#[tokio::test]
async fn a_name_is_given_once() {
    let server = Server::start().await;
    server.person("ada").await;
    let again = server
        .post(
            "/v1/signup",
            &json!({ "username": "ADA", "password": PASSWORD }),
        )
        .await;
    assert_eq!(again.problem(409), "username_taken");
    assert_eq!(again.text("/member"), "username");
}
