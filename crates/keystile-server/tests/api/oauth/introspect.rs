use keystile_accounts::NewClient;
use serde_json::{Value, json};

use super::{API, Client};
use crate::actors::{ISSUER, Server};

async fn asked(client: &Client<'_>, token: &str) -> Value {
    let form = format!("token={token}");
    let answer = client.post("/oauth/introspect", &form).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

#[tokio::test]
async fn a_good_token_is_told_with_its_claims() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let ada = server.person("ada").await;
    let told = asked(&client, &ada.access).await;
    let members = [
        ("active", json!(true)),
        ("token_type", json!("Bearer")),
        ("username", json!("ada")),
        ("sub", json!(ada.id)),
        ("sid", json!(ada.session)),
        ("aud", json!(ISSUER)),
        ("iss", json!(ISSUER)),
        ("iat", json!(1_800_000_000)),
        ("exp", json!(1_800_000_900)),
    ];
    for (name, value) in members {
        assert_eq!(told[name], value, "{told}");
    }
    let own = client.token_with("&scope=posts:read").await;
    let told = asked(&client, &own).await;
    assert_eq!(told["sub"], json!(format!("client:{}", client.id)));
    assert_eq!(
        (&told["client_id"], &told["scope"]),
        (&json!(client.id), &json!("posts:read"))
    );

    let (_, refresh) = client.session_of("ada").await;
    let told = asked(&client, &refresh).await;
    assert_eq!(
        (&told["active"], &told["sub"], &told["client_id"]),
        (&json!(true), &json!(ada.id), &json!(client.id))
    );
    assert_eq!(
        (&told["username"], &told["token_type"]),
        (&json!("ada"), &json!(null))
    );
    // A hint is only a hint (RFC 7662, section 2.1).
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let form = format!("token={refresh}&token_type_hint={hint}");
        let answer = client.post("/oauth/introspect", &form).await.expect(200);
        assert_eq!(answer.json(), told);
    }
}

#[tokio::test]
async fn of_any_other_only_that_it_is_not_active() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let api = server
        .client_as(NewClient::named("api").audiences([API]))
        .await;
    let ada = server.person("ada").await;
    let (_, refresh) = client.session_of("ada").await;
    let for_api = client.token_with("&resource=https://api.example").await;
    let out = server.sign_in("ada").await;
    out.call("POST", "/v1/logout").await.expect(204);
    let changed = format!("{}A", ada.access);
    for (asks, token, active) in [
        (&api, ada.access.as_str(), false),
        (&api, &refresh, false),
        (&api, &for_api, true),
        (&client, &for_api, true),
        (&client, &ada.access, true),
        (&client, &ada.refresh, false),
        (&client, &out.access, false),
        (&client, &out.refresh, false),
        (&client, &changed, false),
        (&client, &client.secret, false),
        (&client, "%00", false),
        (&client, "a.b.c", false),
    ] {
        let told = asked(asks, token).await;
        if active {
            assert_eq!(told["active"], json!(true), "{token}");
        } else {
            assert_eq!(told, json!({ "active": false }), "{token}");
        }
    }
    server.advance(901);
    assert_eq!(
        asked(&client, &ada.access).await,
        json!({ "active": false }),
        "expired"
    );
}
