//! The OpenAPI document, and a client that knows nothing else.

use std::net::SocketAddr;

use keystile::testing::TestIssuer;
use keystile::{Csrf, Guard, TokenCookie};
use serde_json::Value;
use services::described::router;

use crate::{ask, serving};

const KEY: [u8; 32] = [9; 32];

async fn served(guard: Guard) -> SocketAddr {
    let app = router(guard);
    serving(|listener| async move { Ok(axum::serve(listener, app).await?) }).await
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| body.into())
}

/// Calls operations as the document says, with a token and what a page knows besides.
struct Client {
    address: SocketAddr,
    document: Value,
    token: String,
    csrf: String,
}

impl Client {
    async fn new(address: SocketAddr, token: String, csrf: String) -> Self {
        let document = body(&ask(address, "GET /openapi.json", "", "").await);
        Self {
            address,
            document,
            token,
            csrf,
        }
    }

    fn operation(&self, id: &str) -> (String, &str, &Value) {
        let paths = self.document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        });
        let mut named = operations.filter(|(_, _, operation)| operation["operationId"] == id);
        named.next().expect(id)
    }

    /// In as many ways as the document knows.
    async fn call(&self, id: &str, sent: &str) -> Vec<String> {
        let (method, path, operation) = self.operation(id);
        let mut answers = Vec::new();
        for way in operation["security"].as_array().unwrap() {
            let (mut path, mut headers) = (path.to_owned(), String::new());
            for name in way.as_object().unwrap().keys() {
                let (query, header) = self.credentials(name);
                path += &query;
                headers += &header;
            }
            if operation["requestBody"].is_object() {
                headers += "content-type: application/json\r\n";
            }
            let request = format!("{method} {path}");
            answers.push(ask(self.address, &request, &headers, sent).await);
        }
        answers
    }

    /// What a scheme adds to the path, and to the headers.
    fn credentials(&self, name: &str) -> (String, String) {
        let scheme = &self.document["components"]["securitySchemes"][name];
        let text = |member: &str| scheme[member].as_str().unwrap_or_default();
        let token = &self.token;
        let of_page = name.ends_with("csrf");
        let secret = if of_page { &self.csrf } else { token };
        let key = text("name");
        match (text("type"), text("in")) {
            ("http", _) => (
                String::new(),
                format!("authorization: {} {token}\r\n", text("scheme")),
            ),
            ("apiKey", "cookie") => (String::new(), format!("cookie: {key}={secret}\r\n")),
            ("apiKey", "header") => (String::new(), format!("{key}: {secret}\r\n")),
            ("apiKey", "query") => (format!("?{key}={secret}"), String::new()),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_the_document_gets_in_by_every_way_that_it_names() {
    let issuer = TestIssuer::new();
    let csrf = Csrf::new(KEY, ["https://app.example"]);
    let guard = issuer
        .guard()
        .token_from_cookie(TokenCookie::host("access"), csrf.clone())
        .token_from_query("token");
    let address = served(guard).await;
    let token = issuer.token("ada").scope("cakes:bake").build();
    let client = Client::new(address, token, csrf.token("ada-session")).await;

    let greeted = client.call("hello", "").await;
    let greetings: Vec<Value> = greeted.iter().map(|answer| body(answer)).collect();
    // Without a token, by header, by cookie, by query.
    assert_eq!(
        greetings,
        ["Hello, you", "Hello, ada", "Hello, ada", "Hello, ada"]
    );
    let listed = client.call("cakes", "").await;
    assert_eq!(listed.len(), 3);
    for answer in listed {
        assert_eq!(body(&answer)[1]["flavour"], "plum", "{answer}");
    }
    let baked = client.call("bake", r#"{"flavour":"quince"}"#).await;
    assert_eq!(baked.len(), 2, "no query on POST");
    for answer in baked {
        assert_eq!(body(&answer)["baker"], "ada", "{answer}");
    }
}

#[tokio::test]
async fn each_refusal_is_among_those_that_the_document_tells() {
    let issuer = TestIssuer::new();
    let address = served(issuer.guard()).await;
    for (reason, token) in issuer.bad_tokens() {
        let client = Client::new(address, token, String::new()).await;
        let answers = client.call("bake", r#"{"flavour":"quince"}"#).await;
        let (_, _, operation) = client.operation("bake");
        for answer in answers {
            let refused = body(&answer);
            if refused["code"].is_null() {
                // Good in the eyes of this route.
                assert!(answer.starts_with("HTTP/1.1 200"), "{reason}: {answer}");
                continue;
            }
            let told = &operation["responses"][refused["status"].to_string()];
            let told = told["$ref"].as_str().expect("a reference");
            let told = client.document.pointer(&told[1..]).unwrap();
            let schema = &told["content"]["application/problem+json"]["schema"];
            let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
            assert!(codes.contains(&refused["code"]), "{reason}: {answer}");
            for required in schema["required"].as_array().unwrap() {
                let member = &refused[required.as_str().unwrap()];
                assert!(!member.is_null(), "{reason}: no {required}");
            }
        }
    }
}
