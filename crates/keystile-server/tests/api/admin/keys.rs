use keystile_accounts::Begin;
use serde_json::{Value, json};

use crate::actors::Server;

fn kids(list: &Value, state: &str) -> Vec<String> {
    let keys = list["data"].as_array().unwrap().iter();
    keys.filter(|key| key["state"] == state)
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_rotation_is_published_first_and_answered_twice_the_same() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let body = json!({ "algorithm": "EdDSA" });
    let next = root
        .call_with("POST", "/v1/admin/keys/rotate", &body)
        .await
        .expect(200);
    assert_eq!(
        (
            next.text("/alg"),
            next.text("/state"),
            next.text("/next/step")
        ),
        ("EdDSA".into(), "published".into(), "signs".into())
    );
    let again = root.call("POST", "/v1/admin/keys/rotate").await.expect(200);
    assert_eq!(again.json(), next.json());
    let set = server.anonymous("GET", "/.well-known/jwks.json").await;
    assert_eq!(set.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(set.json()["keys"].as_array().unwrap().len(), 2);
    let list = root.call("GET", "/v1/admin/keys").await.expect(200).json();
    assert_eq!(kids(&list, "signing").len(), 1);
    assert_eq!(kids(&list, "published"), [next.text("/kid")]);
    let now = root
        .call_with("POST", "/v1/admin/keys/rotate", &json!({ "now": true }))
        .await
        .expect(200);
    assert_eq!(
        (now.text("/kid"), now.text("/state")),
        (next.text("/kid"), "signing".to_owned())
    );
    for (body, code) in [
        (json!({ "algorithm": "none" }), "algorithm_unknown"),
        (json!({ "algorithm": "HS256" }), "algorithm_contradicts"),
        (json!({ "when": "now" }), "member_unknown"),
    ] {
        let answer = root.call_with("POST", "/v1/admin/keys/rotate", &body).await;
        assert_eq!(answer.problem(400), code, "{body}");
    }
}

#[tokio::test]
async fn a_withdrawn_key_signs_nobody_in_any_more_and_sessions_go_on() {
    let server = Server::start().await;
    let root = server.administrator().await;
    let ada = server.person("ada").await;
    let list = root.call("GET", "/v1/admin/keys").await.expect(200).json();
    let first = kids(&list, "signing").remove(0);
    let target = format!("/v1/admin/keys/{first}/withdraw");
    let done = root.call("POST", &target).await.expect(200).json();
    assert_eq!(
        (&done["sessions"], &done["accounts"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(done["key"]["state"], "withdrawn");
    assert_ne!(done["signing"]["kid"], json!(first));
    assert_eq!(ada.refused().await, "token_key_unknown");
    let ada = ada.refreshed().await;
    ada.call("GET", "/v1/me").await.expect(200);
    let root = root.refreshed().await;
    let again = root.call("POST", &target).await.expect(200).json();
    assert_eq!(again["signing"], done["signing"]);
    let unknown = root.call("POST", "/v1/admin/keys/nobodys/withdraw").await;
    assert_eq!(unknown.problem(404), "key_unknown");
}

#[tokio::test]
async fn an_administrator_who_lost_the_role_turns_no_key() {
    let server = Server::start().await;
    let root = server.administrator().await;
    server
        .accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let roles = format!("/v1/admin/accounts/{}/roles", root.id);
    root.call_with("PUT", &roles, &json!({ "roles": [] }))
        .await
        .expect(200);
    for target in ["/v1/admin/keys/rotate", "/v1/admin/keys/some/withdraw"] {
        assert_eq!(
            root.call("POST", target).await.problem(401),
            "token_revoked"
        );
    }
}
