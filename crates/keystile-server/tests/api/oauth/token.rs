use serde_json::json;

use super::{API, claims};
use crate::actors::{ISSUER, Server};

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let answer = client
        .post(
            "/oauth/token",
            "grant_type=client_credentials&unknown=ignored",
        )
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let token = answer.text("/access_token");
    assert_eq!(
        answer.json(),
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": 900, "scope": "posts:read revocations:read" })
    );
    let mut claims = claims(&token);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 16);
    // RFC 9068, section 2.2; no session, no roles.
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": format!("client:{}", client.id), "client_id": client.id, "aud": ISSUER,
            "iat": 1_800_000_000, "exp": 1_800_000_900, "gen": 0, "scope": "posts:read revocations:read",
        })
    );
}

#[tokio::test]
async fn it_gets_what_it_was_given_and_no_more() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let api = "&resource=https%3A%2F%2Fapi.example";
    let token = client
        .token_with(&format!("&scope=posts%3Aread{api}"))
        .await;
    let told = claims(&token);
    assert_eq!(
        (&told["aud"], &told["scope"]),
        (&json!(API), &json!("posts:read"))
    );
    for (more, error) in [
        ("&scope=admin", "invalid_scope"),
        ("&scope=posts:read+admin", "invalid_scope"),
        ("&scope=posts:read++revocations:read", "invalid_scope"),
        ("&scope=posts:read%0Arevocations:read", "invalid_scope"),
        ("&scope=%00", "invalid_scope"),
        ("&resource=https://other.example", "invalid_target"),
        ("&resource=https://api.example/", "invalid_target"),
        ("&resource=HTTPS://API.EXAMPLE", "invalid_target"),
        (
            "&resource=https://api.example&resource=http://127.0.0.1:8080",
            "invalid_target",
        ),
        ("&resource=%00", "invalid_target"),
    ] {
        let form = format!("grant_type=client_credentials{more}");
        let answer = client.post("/oauth/token", &form).await;
        assert_eq!(answer.oauth(400), error, "{more}");
    }
    for grant in [
        "password",
        "authorization_code",
        "implicit",
        "Client_Credentials",
        "urn:x",
    ] {
        let form = format!("grant_type={grant}&username=root&password=x&code=1");
        let answer = client.post("/oauth/token", &form).await;
        assert_eq!(answer.oauth(400), "unsupported_grant_type", "{grant}");
    }
    let answer = client.post("/oauth/token", "scope=posts:read").await;
    assert_eq!(answer.oauth(400), "invalid_request");
}

#[tokio::test]
async fn a_refresh_token_is_refreshed_by_its_client_alone() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let (mine, other) = (server.client("mine").await, server.client("other").await);
    let (access, refresh) = mine.session_of("ada").await;
    assert_eq!(claims(&access)["client_id"], json!(mine.id));
    let form = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    for (client, token) in [
        (&other, &refresh),
        (&mine, &ada.refresh),
        (&other, &ada.refresh),
        (&mine, &ada.access),
    ] {
        let answer = client.post("/oauth/token", &form(token)).await;
        assert_eq!(answer.oauth(400), "invalid_grant");
    }
    let elsewhere = server
        .post("/v1/refresh", &json!({ "refresh_token": refresh }))
        .await;
    assert_eq!(
        elsewhere.problem(401),
        "refresh_token_unknown",
        "without its client it is nothing"
    );
    for (more, error) in [
        ("&scope=admin", "invalid_scope"),
        ("&resource=https://x", "invalid_target"),
    ] {
        let answer = mine
            .post("/oauth/token", &format!("{}{more}", form(&refresh)))
            .await;
        assert_eq!(answer.oauth(400), error);
    }
    let answer = mine.post("/oauth/token", "grant_type=refresh_token").await;
    assert_eq!(answer.oauth(400), "invalid_request");

    let first = mine.post("/oauth/token", &form(&refresh)).await.expect(200);
    let next = first.text("/refresh_token");
    assert_eq!(
        (first.json()["token_type"].as_str(), first.header("pragma")),
        (Some("Bearer"), Some("no-cache"))
    );
    let me = async |token: String| {
        server
            .send(crate::http::Request::new("GET", "/v1/me").bearer(&token))
            .await
    };
    me(first.text("/access_token")).await.expect(200);
    let again = mine.post("/oauth/token", &form(&refresh)).await.expect(200);
    assert_eq!(
        again.text("/refresh_token"),
        next,
        "within the grace, the same"
    );
    let for_api = mine
        .post("/oauth/token", &format!("{}&resource={API}", form(&next)))
        .await
        .expect(200);
    let token = for_api.text("/access_token");
    assert_eq!(claims(&token)["aud"], json!(API));
    assert_eq!(me(token).await.problem(401), "token_audience_wrong");
    // Replayed: over another client it is unknown and ends nothing, by its own it ends the session.
    let answer = other.post("/oauth/token", &form(&refresh)).await;
    assert_eq!(answer.oauth(400), "invalid_grant");
    me(first.text("/access_token")).await.expect(200);
    assert_eq!(
        mine.post("/oauth/token", &form(&refresh)).await.oauth(400),
        "invalid_grant"
    );
    assert_eq!(
        me(first.text("/access_token")).await.problem(401),
        "token_revoked"
    );
}

/// The confused deputy: a client is nobody with an account.
#[tokio::test]
async fn a_clients_token_opens_nothing_of_peoples() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let root = server.administrator().await;
    let token = client.token().await;
    let send = |method: &str, target: &str| {
        server.send(crate::http::Request::new(method, target).bearer(&token))
    };
    assert_eq!(
        send("GET", "/v1/me").await.problem(401),
        "token_claim_missing"
    );
    assert_eq!(
        send("DELETE", "/v1/me/sessions/x").await.problem(401),
        "token_claim_missing"
    );
    assert_eq!(
        send("GET", "/v1/admin/clients").await.problem(403),
        "role_missing"
    );
    // Not even where its id is taken for an account's.
    let target = format!("/v1/admin/accounts/client:{}", client.id);
    assert_eq!(
        root.call("GET", &target).await.problem(404),
        "account_unknown"
    );
    let disguised =
        keystile_accounts::NewAccount::username("eve").id(format!("client:{}", client.id));
    let refused = server
        .accounts
        .create_account(None, disguised)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "id_malformed");
}
