//! The WebSocket, by a client that can set headers and by what a browser can say.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use keystile::testing::TestIssuer;
use services::socket::{TOKEN_ENDED, router};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::serving;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The socket and the protocol that was chosen; or the status and the challenge.
async fn open(
    address: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<(Socket, Option<String>), (u16, String)> {
    let mut request = format!("ws://{address}/chat")
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let text = |headers: &axum::http::HeaderMap, name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    match connect_async(request).await {
        Ok((socket, answer)) => Ok((socket, text(answer.headers(), "sec-websocket-protocol"))),
        Err(Error::Http(answer)) => {
            let challenge = text(answer.headers(), "www-authenticate");
            Err((answer.status().as_u16(), challenge.unwrap_or_default()))
        }
        Err(other) => panic!("{other}"),
    }
}

async fn next(socket: &mut Socket) -> Message {
    let next = timeout(Duration::from_secs(20), socket.next()).await;
    next.expect("nothing came").expect("the end").unwrap()
}

async fn closed(socket: &mut Socket) -> CloseFrame {
    match next(socket).await {
        Message::Close(Some(frame)) => frame,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_hand_shake_needs_a_token() {
    let issuer = TestIssuer::new();
    let app = router(issuer.guard(), Duration::from_millis(20));
    let address = serving(|listener| async move { Ok(axum::serve(listener, app).await?) }).await;
    let (status, challenge) = open(address, &[]).await.unwrap_err();
    assert_eq!(status, 401);
    assert!(challenge.contains("token_missing"), "{challenge}");

    let bearer = issuer.token("ada").bearer();
    let (mut socket, chosen) = open(address, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(chosen, None);
    socket.send(Message::text("hi")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("ada: hi"));
}

#[tokio::test]
async fn a_browser_offers_the_token_as_a_protocol() {
    let issuer = TestIssuer::new();
    let app = router(issuer.guard(), Duration::from_millis(20));
    let address = serving(|listener| async move { Ok(axum::serve(listener, app).await?) }).await;
    let name = "sec-websocket-protocol";
    let offered = format!("chat, {}", issuer.token("ada"));
    let (mut socket, chosen) = open(address, &[(name, &offered)]).await.unwrap();
    // The token is not said back.
    assert_eq!(chosen.as_deref(), Some("chat"));
    socket.send(Message::text("hi")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("ada: hi"));

    for (offered, code) in [
        ("chat, a.b.c", "token_malformed"),
        ("chat", "token_missing"),
        ("chat,", "token_missing"),
        ("other, a.b.c", "token_missing"),
    ] {
        let (status, challenge) = open(address, &[(name, offered)]).await.unwrap_err();
        assert_eq!(status, 401, "{offered}");
        assert!(challenge.contains(code), "{offered}: {challenge}");
    }
    let bearer = issuer.token("ada").bearer();
    let both = [(name, offered.as_str()), ("authorization", &bearer)];
    assert_eq!(open(address, &both).await.unwrap_err().0, 400);
}

#[tokio::test]
async fn an_open_socket_ends_with_its_token() {
    let issuer = TestIssuer::new();
    let app = router(issuer.guard(), Duration::from_millis(20));
    let address = serving(|listener| async move { Ok(axum::serve(listener, app).await?) }).await;
    let bearer = issuer.token("ada").bearer();
    let headers = [("authorization", bearer.as_str())];

    let (mut socket, _) = open(address, &headers).await.unwrap();
    issuer.clock().advance(Duration::from_secs(901));
    let frame = closed(&mut socket).await;
    assert_eq!(
        (u16::from(frame.code), &*frame.reason),
        (TOKEN_ENDED, "token_expired")
    );

    let bearer = issuer.token("ada").bearer();
    let headers = [("authorization", bearer.as_str())];
    let (mut socket, _) = open(address, &headers).await.unwrap();
    issuer.revoke_session_now("ada-session");
    let frame = closed(&mut socket).await;
    assert_eq!(
        (u16::from(frame.code), &*frame.reason),
        (TOKEN_ENDED, "token_revoked")
    );
}
