use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keystile_accounts::GuessLimits;
use serde_json::json;

use crate::actors::{PASSWORD, Server};
use crate::http::{Answer, Request};

async fn basic(server: &Server, pair: &str) -> Answer {
    let value = format!("Basic {}", STANDARD.encode(pair));
    server
        .send(Request::new("POST", "/v1/login").header("authorization", &value))
        .await
}

#[tokio::test]
async fn by_json_and_by_basic() {
    let server = Server::start().await;
    let account = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    server.post("/v1/signup", &account).await.expect(201);
    for credentials in [
        json!({ "username": "Ada", "password": PASSWORD }),
        json!({ "email": "ADA@example.com", "password": PASSWORD }),
    ] {
        let answer = server.post("/v1/login", &credentials).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.text("/token_type"), "Bearer");
        assert_eq!(answer.json()["expires_in"], 900);
        assert!(answer.text("/refresh_token").starts_with("ksr_"));
    }
    for name in ["ada", "ada@example.com"] {
        basic(&server, &format!("{name}:{PASSWORD}"))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn an_unknown_name_answers_like_a_wrong_password() {
    let server = Server::start().await;
    server.person("ada").await;
    let known = server
        .post(
            "/v1/login",
            &json!({ "username": "ada", "password": "wrong password here" }),
        )
        .await;
    let unknown = server
        .post(
            "/v1/login",
            &json!({ "username": "eve", "password": "wrong password here" }),
        )
        .await;
    assert_eq!(known.problem(401), "credentials_wrong");
    assert_eq!(unknown.problem(401), "credentials_wrong");
    let plain = |answer: &Answer| {
        let mut json = answer.json();
        json["request_id"] = json!(null);
        let names: Vec<String> = answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        (json, names, answer.body.len())
    };
    assert_eq!(plain(&known), plain(&unknown));
}

#[tokio::test]
async fn the_challenge_fits_the_way_of_asking() {
    let server = Server::start().await;
    let by_basic = basic(&server, "eve:wrong password here").await;
    assert_eq!(by_basic.problem(401), "credentials_wrong");
    assert!(
        by_basic
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
    let by_json = server
        .post("/v1/login", &json!({ "username": "eve", "password": "x" }))
        .await;
    assert!(
        by_json
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer "),
        "a browser would ask by itself"
    );
}

#[tokio::test]
async fn credentials_come_once_and_whole() {
    let server = Server::start().await;
    let nothing = server.anonymous("POST", "/v1/login").await;
    assert_eq!(nothing.problem(400), "member_missing");
    let both = json!({ "username": "ada", "email": "a@b.c", "password": PASSWORD });
    assert_eq!(
        server.post("/v1/login", &both).await.problem(400),
        "credentials_ambiguous"
    );
    let twice = Request::new("POST", "/v1/login")
        .header("authorization", "Basic YTpi")
        .json(&json!({ "username": "a", "password": "b" }));
    assert_eq!(
        server.send(twice).await.problem(400),
        "credentials_ambiguous"
    );
    for odd in ["Basic", "Basic !!", "Bearer abc", "Digest x", "Basic YQ=="] {
        let answer = server
            .send(Request::new("POST", "/v1/login").header("authorization", odd))
            .await;
        assert_eq!(answer.problem(400), "authorization_malformed", "{odd}");
    }
}

#[tokio::test]
async fn guessing_is_limited_alike_for_known_and_unknown() {
    let limits = GuessLimits::default().per_address(3, std::time::Duration::from_secs(60));
    let server = Server::start_with(limits, true).await;
    server.person("ada").await;
    for name in ["ada", "eve"] {
        let mut last = None;
        for _ in 0..5 {
            let guess = json!({ "username": name, "password": "wrong password here" });
            last = Some(server.post("/v1/login", &guess).await);
        }
        let last = last.unwrap();
        assert_eq!(last.problem(429), "limited", "{name}");
        assert!(last.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    }
}
