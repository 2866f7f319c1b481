use crate::actors::Server;
use crate::http::Request;

#[tokio::test]
async fn the_keys_are_public_and_cached() {
    let server = Server::start().await;
    let answer = server
        .anonymous("GET", "/.well-known/jwks.json")
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json = answer.json();
    assert_eq!(json["keys"][0]["alg"], "ES256");
    assert!(
        json["keys"][0].get("d").is_none(),
        "the private part is published"
    );

    let tag = answer.header("etag").unwrap().to_owned();
    for given in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let same = server
            .send(Request::new("GET", "/.well-known/jwks.json").header("if-none-match", &given))
            .await;
        assert_eq!(same.expect(304).body, b"");
    }
    let other = Request::new("GET", "/.well-known/jwks.json").header("if-none-match", "\"x\"");
    server.send(other).await.expect(200);
}
