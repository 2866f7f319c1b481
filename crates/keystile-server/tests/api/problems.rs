//! Whatever is sent, the answer is a problem with a code, and never a 5xx.

use serde_json::json;

use crate::actors::{PASSWORD, Server};
use crate::http::{Request, send_bytes};

#[tokio::test]
async fn unknown_paths_and_methods() {
    let server = Server::start().await;
    assert_eq!(
        server.anonymous("GET", "/nothing").await.problem(404),
        "route_unknown"
    );
    assert_eq!(
        server.anonymous("GET", "/v1/me/").await.problem(404),
        "route_unknown"
    );
    let wrong = server.anonymous("DELETE", "/v1/login").await;
    assert_eq!(wrong.problem(405), "method_not_allowed");
    assert_eq!(wrong.header("allow"), Some("POST"));
    server.anonymous("TRACE", "/v1/me").await.problem(405);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let server = Server::start().await;
    let login =
        |kind: &str, body: &[u8]| server.send(Request::new("POST", "/v1/login").raw(kind, body));
    assert_eq!(
        login("text/plain", b"{}").await.problem(415),
        "content_type_unsupported"
    );
    assert_eq!(
        login("application/x-www-form-urlencoded", b"a=b")
            .await
            .problem(415),
        "content_type_unsupported"
    );
    assert_eq!(
        login("application/json; charset=latin1", b"{}")
            .await
            .problem(415),
        "content_type_unsupported"
    );
    let packed = Request::new("POST", "/v1/login")
        .header("content-encoding", "gzip")
        .raw("application/json", b"x");
    assert_eq!(
        server.send(packed).await.problem(415),
        "content_type_unsupported"
    );
    for (body, code) in [
        (&b"{"[..], "json_malformed"),
        (b"\xff\xfe", "json_malformed"),
        (b"nul", "json_malformed"),
        (b"[]", "json_not_object"),
        (
            b"{\"username\":\"a\",\"username\":\"b\"}",
            "json_member_duplicate",
        ),
        (b"{\"username\":{\"a\":1}}", "member_invalid"),
        (b"{\"user\":\"a\"}", "member_unknown"),
    ] {
        assert_eq!(
            login("application/json", body).await.problem(400),
            code,
            "{body:?}"
        );
    }
    assert_eq!(
        login("application/json;charset=utf-8", b"{")
            .await
            .problem(400),
        "json_malformed"
    );
}

#[tokio::test]
async fn a_wrong_value_is_not_repeated() {
    let server = Server::start().await;
    let body = json!({ "username": "ada", "password": ["hunter2hunter2"] });
    let answer = server.post("/v1/login", &body).await;
    assert_eq!(answer.problem(400), "member_invalid");
    assert_eq!(answer.text("/member"), "password");
    assert!(!String::from_utf8_lossy(&answer.body).contains("hunter2"));
}

#[tokio::test]
async fn the_client_s_request_id_is_kept_where_it_is_sane() {
    let server = Server::start().await;
    let sane = server
        .send(Request::new("GET", "/nothing").header("x-request-id", "abc-1.2_3"))
        .await;
    sane.problem(404);
    assert_eq!(sane.header("x-request-id"), Some("abc-1.2_3"));
    let odd = server
        .send(Request::new("GET", "/nothing").header("x-request-id", "a b<script>"))
        .await;
    odd.problem(404);
    assert_ne!(odd.header("x-request-id"), Some("a b<script>"));
}

#[tokio::test]
async fn hostile_bytes_get_a_problem_and_the_server_goes_on() {
    let server = Server::start().await;
    for wire in [
        &b"nonsense\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"G\0T / HTTP/1.1\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ] {
        let answer = send_bytes(server.address, wire).await;
        assert_eq!(
            answer.problem(400),
            "request_malformed",
            "{}",
            String::from_utf8_lossy(wire)
        );
    }
    server.anonymous("GET", "/healthz").await.expect(200);
}

#[tokio::test]
async fn odd_authorization_headers_never_break_it() {
    let server = Server::start().await;
    let long = format!("Bearer {}", "a".repeat(17 * 1024));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "bearer  x",
        "Bearer a b",
        "Bearer ..",
        "Basic YTpi",
        "\u{e9}",
        "Bearer \u{1f511}",
        &long,
    ] {
        let answer = server
            .send(Request::new("GET", "/v1/me").header("authorization", value))
            .await;
        assert!(
            matches!(answer.status, 400 | 401),
            "{value:?}: {}",
            answer.status
        );
        answer.problem(answer.status);
    }
    let twice = Request::new("GET", "/v1/me").bearer("a").bearer("b");
    assert_eq!(
        server.send(twice).await.problem(400),
        "credentials_ambiguous"
    );
}

#[tokio::test]
async fn odd_texts_are_answered_like_any_other() {
    let server = Server::start().await;
    let root = server.administrator().await;
    for text in [
        "",
        "\0",
        "a\0b",
        "' OR 1=1 --",
        "\u{202e}",
        "😀",
        "\u{fffd}",
        &"x".repeat(5000),
        "%00",
        "../..",
    ] {
        for body in [
            json!({ "username": text, "password": PASSWORD }),
            json!({ "email": text, "password": text }),
        ] {
            let signup = server.post("/v1/signup", &body).await;
            assert!(
                matches!(signup.status, 201 | 400 | 409),
                "{body}: {}",
                signup.status
            );
            let login = server.post("/v1/login", &body).await;
            assert!(
                matches!(login.status, 200 | 401),
                "{body}: {}",
                login.status
            );
        }
        let roles = json!({ "roles": [text] });
        let answer = root
            .call_with(
                "PUT",
                &format!("/v1/admin/accounts/{}/roles", root.id),
                &roles,
            )
            .await;
        assert!(
            matches!(answer.status, 400 | 200 | 401),
            "{roles}: {}",
            answer.status
        );
    }
    for id in ["%00", "%ff", "..%2f..", "%27", "a%20b", "%F0%9F%98%80"] {
        let answer = server
            .sign_in("root")
            .await
            .call("GET", &format!("/v1/admin/accounts/{id}"))
            .await;
        assert!(
            matches!(answer.status, 400 | 401 | 403 | 404),
            "{id}: {}",
            answer.status
        );
        answer.problem(answer.status);
    }
}
