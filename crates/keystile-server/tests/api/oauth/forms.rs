//! Bodies that are not what they should be.

use super::{FORM, form_to};
use crate::actors::Server;
use crate::http::{Request, send_bytes};

const TARGETS: [&str; 3] = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"];

#[tokio::test]
async fn only_a_form_is_read() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let good = "grant_type=client_credentials&token=x";
    for target in TARGETS {
        let send = |kind: &str, body: &[u8]| {
            let request = Request::new("POST", target).raw(kind, body);
            server.send(request.header("authorization", &client.basic()))
        };
        for kind in [
            "application/json",
            "text/plain",
            "multipart/form-data",
            "",
            "application/x-www-form-urlencoded; charset=latin1",
        ] {
            assert_eq!(
                send(kind, good.as_bytes()).await.oauth(400),
                "invalid_request",
                "{kind}"
            );
        }
        for kind in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
            send(kind, good.as_bytes()).await.expect(200);
        }
        for body in [
            &b"grant_type=client_credentials&token=x&grant_type=client_credentials"[..],
            b"token=x&token=x",
            b"grant_type=client_credentials&token=x&%74oken=y",
            b"other=1&other=1&token=x&grant_type=client_credentials",
            b"token=%",
            b"token=%f",
            b"token=%zz",
            b"token=%ff",
            b"token=\xff",
            b"",
            b"&&&",
            b"=",
            b"grant_type&token",
            b"grant_type=&token=",
            b"{\"grant_type\":\"client_credentials\"}",
        ] {
            let shown = String::from_utf8_lossy(body);
            assert_eq!(
                send(FORM, body).await.oauth(400),
                "invalid_request",
                "{shown}"
            );
        }
        let packed = Request::new("POST", target)
            .header("content-encoding", "gzip")
            .raw(FORM, b"x");
        assert_eq!(server.send(packed).await.oauth(400), "invalid_request");
    }
}

#[tokio::test]
async fn large_ones_end_early() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    for target in TARGETS {
        let ten_thousand: Vec<String> = (0..10_000).map(|n| format!("{n}=")).collect();
        let many = ten_thousand.join("&");
        assert!(many.len() < 64 * 1024);
        assert_eq!(
            client.post(target, &many).await.oauth(400),
            "invalid_request"
        );
        let large = format!("token={}", "x".repeat(64 * 1024));
        assert_eq!(
            client.post(target, &large).await.oauth(413),
            "invalid_request"
        );
        // Not announced: counted as it comes.
        let chunked = format!(
            "POST {target} HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-type: {FORM}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
            large.len()
        );
        let answer = send_bytes(server.address, chunked.as_bytes()).await;
        assert_eq!(answer.oauth(413), "invalid_request");
        let fitting = format!("token={}", "x".repeat(64 * 1024 - 6));
        let answer = client.post(target, &fitting).await;
        assert_ne!(answer.status, 413);
    }
    let get = server.anonymous("GET", "/oauth/token").await;
    assert_eq!(get.problem(405), "method_not_allowed");
    let answer = server.send(form_to("/oauth/nothing", "a=b")).await;
    assert_eq!(answer.problem(404), "route_unknown");
}
