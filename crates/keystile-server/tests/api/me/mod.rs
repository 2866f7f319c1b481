use serde_json::json;

use crate::actors::{PASSWORD, Person, Server};

mod sessions;

const NEXT: &str = "a quite different sentence";

#[tokio::test]
async fn names_change_with_the_current_password_only() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let without = ada
        .call_with("PATCH", "/v1/me", &json!({ "username": "lovelace" }))
        .await;
    without.problem(400);
    assert_eq!(without.text("/member"), "current_password");
    let wrong = json!({ "username": "lovelace", "current_password": "not the password at all" });
    assert_eq!(
        ada.call_with("PATCH", "/v1/me", &wrong).await.problem(403),
        "password_wrong"
    );
    let right =
        json!({ "username": "lovelace", "email": "a@example.com", "current_password": PASSWORD });
    let changed = ada.call_with("PATCH", "/v1/me", &right).await.expect(200);
    assert_eq!(
        (changed.text("/username"), changed.text("/email")),
        ("lovelace".into(), "a@example.com".into())
    );
    let gone = json!({ "email": null, "current_password": PASSWORD });
    let changed = ada.call_with("PATCH", "/v1/me", &gone).await.expect(200);
    assert!(changed.json()["email"].is_null());
    assert_eq!(changed.text("/username"), "lovelace");
    server.sign_in("lovelace").await;
}

/// What is somebody's own is kept by no cache on the way.
#[tokio::test]
async fn no_personal_answer_is_kept_by_a_cache() {
    let server = Server::start().await;
    let admin = server.administrator().await;
    for target in ["/v1/me", "/v1/me/sessions", "/v1/admin/accounts"] {
        let answer = admin.call("GET", target).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
}

#[tokio::test]
async fn a_taken_name_stays_taken() {
    let server = Server::start().await;
    server.person("ada").await;
    let eve = server.person("eve").await;
    let answer = eve
        .call_with(
            "PATCH",
            "/v1/me",
            &json!({ "username": "Ada", "current_password": PASSWORD }),
        )
        .await;
    assert_eq!(answer.problem(409), "username_taken");
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let server = Server::start().await;
    let here = server.person("ada").await;
    let there = server.sign_in("ada").await;
    let wrong = json!({ "current_password": "not the password at all", "new_password": NEXT });
    assert_eq!(
        here.call_with("POST", "/v1/me/password", &wrong)
            .await
            .problem(403),
        "password_wrong"
    );
    let weak = json!({ "current_password": PASSWORD, "new_password": "short" });
    here.call_with("POST", "/v1/me/password", &weak)
        .await
        .problem(400);
    let right = json!({ "current_password": PASSWORD, "new_password": NEXT });
    let answer = here
        .call_with("POST", "/v1/me/password", &right)
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let next = Person::from_answer(&server, &answer);
    next.call("GET", "/v1/me").await.expect(200);
    assert_eq!(here.refused().await, "token_revoked");
    assert_eq!(there.refused().await, "token_revoked");
    let old = server
        .post("/v1/refresh", &json!({ "refresh_token": there.refresh }))
        .await;
    assert_eq!(old.problem(401), "session_ended");
    next.refreshed().await;
    server
        .post("/v1/login", &json!({ "username": "ada", "password": NEXT }))
        .await
        .expect(200);
}

#[tokio::test]
async fn an_account_ends_with_its_password() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let wrong = ada
        .call_with(
            "DELETE",
            "/v1/me",
            &json!({ "password": "not the password at all" }),
        )
        .await;
    assert_eq!(wrong.problem(403), "password_wrong");
    ada.call_with("DELETE", "/v1/me", &json!({ "password": PASSWORD }))
        .await
        .expect(204);
    assert_eq!(ada.refused().await, "token_revoked");
    let login = server
        .post(
            "/v1/login",
            &json!({ "username": "ada", "password": PASSWORD }),
        )
        .await;
    assert_eq!(login.problem(401), "credentials_wrong");
    server.person("ada").await;
}
