use serde_json::{Value, json};

use crate::actors::{ISSUER, Server};
use crate::http::Request;

const TARGET: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn it_says_where_everything_is() {
    let server = Server::start().await;
    let answer = server.anonymous("GET", TARGET).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let told = answer.json();
    assert_eq!(told["issuer"], ISSUER);
    for (member, path) in [
        ("token_endpoint", "/oauth/token"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
        ("revocation_feed_uri", "/v1/revocations"),
    ] {
        assert_eq!(told[member], format!("{ISSUER}{path}"));
    }
    assert_eq!(
        told["grant_types_supported"],
        json!(["client_credentials", "refresh_token"])
    );
    assert_eq!(
        told["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    assert_eq!(told["scopes_supported"], json!(["revocations:read"]));
    assert!(
        told.as_object()
            .unwrap()
            .values()
            .all(|value| !value.is_null()),
        "{told}"
    );
    let uris = told.as_object().unwrap().iter();
    let uris = uris
        .filter_map(|(_, uri)| uri.as_str()?.strip_prefix(ISSUER))
        .filter(|path| !path.is_empty());
    let document: Value = serde_json::from_str(&keystile_server::openapi_document()).unwrap();
    for path in uris.filter(|path| *path != "/v1/revocations") {
        assert!(document["paths"].get(path).is_some(), "{path} is no route");
    }
}

#[tokio::test]
async fn whoever_has_it_is_told_so() {
    let server = Server::start().await;
    let first = server.anonymous("GET", TARGET).await.expect(200);
    let tag = first.header("etag").unwrap();
    for (given, status) in [
        (tag, 304),
        ("*", 304),
        ("\"x\"", 200),
        (&format!("\"x\", W/{tag}"), 304),
    ] {
        let again = server
            .send(Request::new("GET", TARGET).header("if-none-match", given))
            .await;
        assert_eq!(again.status, status, "{given}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(again.body.is_empty(), status == 304);
    }
}

/// Who was refused at a guarded route finds the issuer, and the document is about the server itself (RFC 9728).
#[tokio::test]
async fn a_refusal_leads_to_the_issuer() {
    let server = Server::start().await;
    let refused = server.anonymous("GET", "/v1/me").await.expect(401);
    let challenge = refused.header("www-authenticate").unwrap();
    let path = "/.well-known/oauth-protected-resource";
    assert!(
        challenge.contains(&format!("resource_metadata=\"{ISSUER}{path}\"")),
        "{challenge}"
    );
    let told = server.anonymous("GET", path).await.expect(200).json();
    let expected = json!({
        "resource": ISSUER,
        "resource_name": "Keystile",
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["revocations:read"],
    });
    assert_eq!(told, expected);

    let elsewhere = Server::start_as_issuer("https://id.example/tenant", &[]).await;
    let answer = elsewhere.anonymous("GET", path).await;
    assert_eq!(answer.problem(404), "resource_not_named");
    let refused = elsewhere.anonymous("GET", "/v1/me").await.expect(401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(!challenge.contains("resource_metadata"), "{challenge}");
}
