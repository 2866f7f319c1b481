use serde_json::json;

use crate::actors::{PASSWORD, Server};

mod clients;
mod keys;
mod list;

/// Every administrative route, for somebody who is signed in but has not the role.
#[tokio::test]
async fn without_the_role_nothing() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let one = format!("/v1/admin/accounts/{}", ada.id);
    for (method, target) in [
        ("GET", "/v1/admin/accounts".to_owned()),
        ("POST", "/v1/admin/accounts".to_owned()),
        ("GET", one.clone()),
        ("PATCH", one.clone()),
        ("DELETE", one.clone()),
        ("PUT", format!("{one}/roles")),
        ("POST", format!("{one}/disable")),
        ("POST", format!("{one}/enable")),
        ("DELETE", format!("{one}/sessions")),
        ("GET", "/v1/admin/keys".to_owned()),
        ("POST", "/v1/admin/keys/rotate".to_owned()),
        ("POST", "/v1/admin/keys/some/withdraw".to_owned()),
    ] {
        let answer = ada.call_with(method, &target, &json!({})).await;
        assert_eq!(answer.problem(403), "role_missing", "{method} {target}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("insufficient_scope")
        );
    }
    ada.call("GET", "/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_account_is_made_shown_changed_and_deleted() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let body = json!({ "username": "ada", "password": PASSWORD, "roles": ["baker"] });
    let made = root
        .call_with("POST", "/v1/admin/accounts", &body)
        .await
        .expect(201);
    let place = made.header("location").unwrap().to_owned();
    assert_eq!(place, format!("/v1/admin/accounts/{}", made.text("/id")));
    assert_eq!(
        root.call("GET", &place).await.expect(200).json(),
        made.json()
    );

    let changed = root
        .call_with("PATCH", &place, &json!({ "email": "a@example.com" }))
        .await
        .expect(200);
    assert_eq!(changed.text("/email"), "a@example.com");
    let mixed = json!({ "username": "b", "password": "a quite different sentence" });
    assert_eq!(
        root.call_with("PATCH", &place, &mixed).await.problem(400),
        "change_ambiguous"
    );
    let ada = server.sign_in("ada").await;
    root.call_with(
        "PATCH",
        &place,
        &json!({ "password": "a quite different sentence" }),
    )
    .await
    .expect(200);
    assert_eq!(ada.refused().await, "token_revoked");

    root.call("DELETE", &place).await.expect(204);
    assert_eq!(
        root.call("GET", &place).await.problem(404),
        "account_unknown"
    );
    assert_eq!(
        root.call("DELETE", &place).await.problem(404),
        "account_unknown"
    );
}

#[tokio::test]
async fn roles_are_felt_at_once_and_sessions_go_on() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let ada = server.person("ada").await;
    let roles = format!("/v1/admin/accounts/{}/roles", ada.id);
    root.call_with("PUT", &roles, &json!({ "roles": ["admin"] }))
        .await
        .expect(200);
    assert_eq!(ada.refused().await, "token_revoked");
    let ada = ada.refreshed().await;
    ada.call("GET", "/v1/admin/accounts").await.expect(200);
    root.call_with("PUT", &roles, &json!({ "roles": [] }))
        .await
        .expect(200);
    assert_eq!(
        ada.call("GET", "/v1/admin/accounts").await.problem(401),
        "token_revoked"
    );
    assert_eq!(
        ada.refreshed()
            .await
            .call("GET", "/v1/admin/accounts")
            .await
            .problem(403),
        "role_missing"
    );
}

#[tokio::test]
async fn a_disabled_account_signs_nobody_in() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let ada = server.person("ada").await;
    let one = format!("/v1/admin/accounts/{}", ada.id);
    let disabled = root
        .call("POST", &format!("{one}/disable"))
        .await
        .expect(200);
    assert!(disabled.json()["disabled_at"].is_string());
    assert_eq!(ada.refused().await, "token_revoked");
    let login = server
        .post(
            "/v1/login",
            &json!({ "username": "ada", "password": PASSWORD }),
        )
        .await;
    assert_eq!(login.problem(401), "credentials_wrong");
    let enabled = root
        .call("POST", &format!("{one}/enable"))
        .await
        .expect(200);
    assert!(enabled.json()["disabled_at"].is_null());
    server.sign_in("ada").await;
}

#[tokio::test]
async fn sessions_are_ended_from_outside() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let ada = server.person("ada").await;
    root.call("DELETE", &format!("/v1/admin/accounts/{}/sessions", ada.id))
        .await
        .expect(204);
    assert_eq!(ada.refused().await, "token_revoked");
    let unknown = root
        .call("DELETE", "/v1/admin/accounts/nobody/sessions")
        .await;
    assert_eq!(unknown.problem(404), "account_unknown");
}
