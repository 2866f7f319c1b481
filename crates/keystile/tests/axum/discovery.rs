//! A client that knows nothing but the API's URL finds out who issues tokens for it: RFC 9728, over TCP.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use keystile::testing::TestIssuer;
use keystile::{
    Expected, Guard, LegacyKeys, LegacyTrust, Principal, ProtectedResource, SubjectRule, Timestamp,
    Trusted,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{NOW, SECRET};
use crate::{get_with, guard, me};

/// What a server says to a request of this method, at an absolute URL: its status, its head and its body.
async fn ask(method: &str, url: &str, more: &str) -> (u16, String, String) {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

/// The value of a parameter of the challenge.
fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head
        .lines()
        .find(|line| line.starts_with("www-authenticate: "))?;
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

#[tokio::test]
async fn a_client_finds_the_issuer_from_a_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cakes", listener.local_addr().unwrap());
    let issuer = TestIssuer::new().audience(&*url);
    let resource = ProtectedResource::at(&*url).unwrap();
    let resource = resource.name("Cakes").scopes(["cakes:read", "cakes:write"]);
    let guard = issuer.guard().resource(&resource);
    let guarded = Router::new()
        .route("/cakes", get(async |caller: Principal| caller.sub.clone()))
        .layer(guard.layer())
        .with_state(guard.clone());
    let app = guarded.route_service(resource.metadata_path(), resource.metadata(&guard));
    tokio::spawn(async { axum::serve(listener, app).await });

    let (status, head, _) = ask("GET", &url, "").await;
    assert_eq!(status, 401);
    let at = parameter(&head, "resource_metadata").expect("told where the metadata is");
    assert!(
        at.ends_with("/.well-known/oauth-protected-resource/cakes"),
        "{at}"
    );

    let (status, head, body) = ask("GET", &at, "").await;
    assert_eq!(status, 200);
    for line in [
        "content-type: application/json",
        "access-control-allow-origin: *",
    ] {
        assert!(head.contains(line), "{head}");
    }
    let told: Value = serde_json::from_str(&body).unwrap();
    let expected = json!({
        "resource": url,
        "resource_name": "Cakes",
        "authorization_servers": ["https://issuer.test"],
        "scopes_supported": ["cakes:read", "cakes:write"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(told, expected);

    // The client takes it only for the very URL that it asked (section 3.3), and gets its token there.
    assert_eq!(
        (
            told["resource"].as_str(),
            told["authorization_servers"][0].as_str()
        ),
        (Some(&*url), Some(issuer.iss()))
    );
    let bearer = format!("authorization: Bearer {}\r\n", issuer.token("ada").build());
    let (status, _, body) = ask("GET", &url, &bearer).await;
    assert_eq!((status, &*body), (200, "ada"));
}

#[tokio::test]
async fn metadata_is_had_by_get_and_head_and_by_no_other_method() {
    let resource = ProtectedResource::at("https://api.test").unwrap();
    let metadata = resource.metadata(&guard());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}{}",
        listener.local_addr().unwrap(),
        resource.metadata_path()
    );
    let app = Router::<()>::new().route_service(resource.metadata_path(), metadata.clone());
    tokio::spawn(async { axum::serve(listener, app).await });

    let (status, head, body) = ask("HEAD", &url, "").await;
    assert_eq!((status, &*body), (200, ""));
    assert!(
        head.contains(&format!("content-length: {}", metadata.as_json().len())),
        "{head}"
    );
    let (status, head, _) = ask("OPTIONS", &url, "origin: https://app.test\r\n").await;
    assert_eq!(status, 204);
    assert!(
        head.contains("access-control-allow-methods: GET, HEAD"),
        "{head}"
    );
    let (status, head, _) = ask("POST", &url, "").await;
    assert_eq!(status, 405);
    assert!(head.contains("allow: GET, HEAD, OPTIONS"), "{head}");
}

fn told(resource: &ProtectedResource, guard: &Guard) -> Value {
    serde_json::from_str(resource.metadata(guard).as_json()).unwrap()
}

#[test]
fn a_guard_tells_how_it_takes_tokens_as_far_as_the_standard_has_it() {
    use keystile::RequestHeader;
    let resource = ProtectedResource::at("https://api.test").unwrap();
    let methods = |guard: &Guard| told(&resource, guard)["bearer_methods_supported"].clone();
    let all = guard()
        .token_from_query("access_token")
        .token_from_form("access_token");
    assert_eq!(methods(&all), json!(["header", "query", "body"]));
    let named = RequestHeader::named("x-token".parse().unwrap());
    let own = guard()
        .token_from_header(named)
        .token_from_query("token")
        .token_from_form("token");
    assert_eq!(methods(&own.token_from_json("access_token")), json!([]));
    let narrowed = all.only_from([keystile::Place::Query]);
    assert_eq!(methods(&narrowed), json!(["query"]));
}

/// One whose tokens are taken for a while, and who issues no more of them.
fn older(issuer: &str) -> Trusted {
    let moved_at = Timestamp::from_seconds(NOW);
    let older = LegacyTrust {
        keys: LegacyKeys::secret(SECRET).unwrap(),
        issuer: issuer.into(),
        audience: Expected::Absent,
        token_type: "JWT".into(),
        required_claims: vec![("type".into(), "access".into())],
        subject: SubjectRule::Integer,
        issued_before: moved_at,
        accept_until: moved_at.saturating_add(Duration::from_secs(86_400)),
        longest_life: Duration::from_secs(3_600),
    };
    Trusted::try_from(older).unwrap()
}

/// Whom it trusts by a secret has no URL to be found at; what the application says stands.
#[test]
fn what_is_said_of_a_resource_outweighs_what_the_guard_tells() {
    let resource = ProtectedResource::at("https://api.test").unwrap();
    assert_eq!(
        told(&resource, &guard()),
        json!({
            "resource": "https://api.test", "bearer_methods_supported": ["header"],
        })
    );
    let (one, two) = (TestIssuer::new(), TestIssuer::named("other"));
    let both = keystile::Verifier::new(one.trust()).or_trust(two.trust());
    let both = Guard::new(both.or_trust(older("https://older.test")));
    let issuers =
        |resource: &ProtectedResource| told(resource, &both)["authorization_servers"].clone();
    assert_eq!(
        issuers(&resource),
        json!(["https://issuer.test", "https://other.test"])
    );
    let resource = resource
        .authorization_servers(["https://login.test"])
        .documentation("https://api.test/docs")
        .jwks_uri("https://api.test/jwks.json")
        .member("resource_name#de", "Kuchen")
        .member("bearer_methods_supported", json!([]))
        .member("resource", "https://other.test");
    assert_eq!(
        told(&resource, &both),
        json!({
            "resource": "https://api.test",
            "authorization_servers": ["https://login.test"],
            "bearer_methods_supported": [],
            "resource_documentation": "https://api.test/docs",
            "jwks_uri": "https://api.test/jwks.json",
            "resource_name#de": "Kuchen",
        })
    );
}

/// Each refusal that has a challenge names it, and a guard that was told of none names none.
#[tokio::test]
async fn every_challenge_names_the_metadata() {
    let resource = ProtectedResource::at("https://api.test/a").unwrap();
    let guard = guard().resource(&resource).realm("cakes");
    let app = Router::new()
        .route("/me", get(me))
        .with_state(guard.clone());
    for authorization in [&[][..], &["Bearer x"], &["Bearer"]] {
        let challenge = get_with(&app, "/me", authorization).await.challenge;
        let begin = r#"Bearer realm="cakes", resource_metadata="https://api.test/.well-known/oauth-protected-resource/a", "#;
        assert!(challenge.starts_with(begin), "{challenge}");
    }
    let challenge = guard.challenge_with("token_reused", "It was used.");
    assert!(
        challenge
            .to_str()
            .unwrap()
            .contains("resource_metadata=\"https://api.test/")
    );
}
