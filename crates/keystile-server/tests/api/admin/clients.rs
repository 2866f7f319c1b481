use serde_json::json;

use crate::actors::Server;
use crate::http::Request;
use crate::oauth::{basic, form_to};

#[tokio::test]
async fn an_administrator_makes_lists_and_deletes_them() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let body = json!({ "name": "microblog", "scopes": ["revocations:read"] });
    let made = root
        .call_with("POST", "/v1/admin/clients", &body)
        .await
        .expect(201);
    let (id, secret) = (made.text("/client_id"), made.text("/client_secret"));
    assert!(secret.starts_with("ksc_") && made.header("cache-control") == Some("no-store"));
    let expected = json!({
        "client_id": id, "client_secret": secret, "name": "microblog", "scopes": ["revocations:read"], "audiences": [],
        "created_at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(made.json(), expected);
    let token = form_to("/oauth/token", "grant_type=client_credentials")
        .header("authorization", &basic(&id, &secret));
    let token = server.send(token).await.expect(200);
    assert_eq!(token.text("/scope"), "revocations:read");

    for name in ["orders", "stock"] {
        let body = json!({ "name": name, "audiences": ["https://api.example"] });
        root.call_with("POST", "/v1/admin/clients", &body)
            .await
            .expect(201);
    }
    let page = root
        .call("GET", "/v1/admin/clients?limit=2")
        .await
        .expect(200);
    assert!(!String::from_utf8_lossy(&page.body).contains("secret"));
    assert_eq!(page.text("/data/0/client_id"), id);
    let target = format!(
        "/v1/admin/clients?limit=2&cursor={}",
        page.text("/next_cursor")
    );
    let page = root.call("GET", &target).await.expect(200).json();
    assert_eq!(
        (&page["data"][0]["name"], &page["next_cursor"]),
        (&json!("stock"), &json!(null))
    );
    assert_eq!(page["data"].as_array().unwrap().len(), 1);

    let target = format!("/v1/admin/clients/{id}");
    root.call("DELETE", &target).await.expect(204);
    assert_eq!(
        root.call("DELETE", &target).await.problem(404),
        "client_unknown"
    );
    let again = form_to("/oauth/token", "grant_type=client_credentials")
        .header("authorization", &basic(&id, &secret));
    assert_eq!(server.send(again).await.oauth(401), "invalid_client");
    let late = Request::new("GET", "/v1/admin/clients").bearer(&token.text("/access_token"));
    assert_eq!(server.send(late).await.problem(401), "token_revoked");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let create =
        async |body: serde_json::Value| root.call_with("POST", "/v1/admin/clients", &body).await;
    create(json!({ "name": "a" })).await.expect(201);
    assert_eq!(
        create(json!({ "name": "a" })).await.problem(409),
        "name_taken"
    );
    for (body, code) in [
        (json!({}), "member_missing"),
        (json!({ "name": "" }), "name_malformed"),
        (json!({ "name": "a\u{0}b" }), "name_malformed"),
        (json!({ "name": "b", "scopes": ["a b"] }), "scope_malformed"),
        (json!({ "name": "b", "scopes": "a" }), "member_invalid"),
        (
            json!({ "name": "b", "audiences": ["a#b"] }),
            "audience_malformed",
        ),
        (json!({ "name": "b", "secret": "mine" }), "member_unknown"),
    ] {
        assert_eq!(create(body.clone()).await.problem(400), code, "{body}");
    }
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x", "name=a"] {
        root.call("GET", &format!("/v1/admin/clients?{query}"))
            .await
            .problem(400);
    }
    for id in ["%00", "%27", "..%2f", "client:x"] {
        let target = format!("/v1/admin/clients/{id}");
        assert_eq!(
            root.call("DELETE", &target).await.problem(404),
            "client_unknown"
        );
    }
}

#[tokio::test]
async fn only_an_administrator_does() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let ada = server.person("ada").await;
    let body = json!({ "name": "evil", "scopes": ["revocations:read"] });
    for (method, target) in [
        ("GET", "/v1/admin/clients"),
        ("POST", "/v1/admin/clients"),
        ("DELETE", "/v1/admin/clients/x"),
    ] {
        assert_eq!(
            ada.call_with(method, target, &body).await.problem(403),
            "role_missing"
        );
        assert_eq!(
            server.anonymous(method, target).await.problem(401),
            "token_missing"
        );
    }
    let roles = format!("/v1/admin/accounts/{}/roles", root.id);
    root.call_with("PUT", &roles, &json!({ "roles": [] }))
        .await
        .expect(200);
    let late = root.call_with("POST", "/v1/admin/clients", &body).await;
    assert_eq!(late.problem(401), "token_revoked");
}
