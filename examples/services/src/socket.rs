//! A WebSocket whose hand-shake needs a token, and that ends when the token does.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::any;
use keystile::{BearerToken, Guard, Principal, Refusal, Rejection};
use tokio::time::{MissedTickBehavior, interval};

/// The protocol that is spoken. A browser, which can set no header, offers two, of which the second is the token:
/// `new WebSocket("wss://api.example/chat", ["chat", token])`.
pub const PROTOCOL: &str = "chat";

/// The close code for a token that holds no longer: 4000 to 4999 are the application's own (RFC 6455, section 7.4.2).
pub const TOKEN_ENDED: u16 = 4401;

/// What the routes share.
#[derive(Clone)]
struct Chat {
    guard: Guard,
    /// How often the token of an open socket is looked at again.
    recheck: Duration,
}

impl FromRef<Chat> for Guard {
    fn from_ref(chat: &Chat) -> Self {
        chat.guard.clone()
    }
}

/// The routes. A sign-out, and the end of the token's life, close a socket within `recheck`.
pub fn router(guard: Guard, recheck: Duration) -> Router {
    Router::new()
        .route("/chat", any(chat))
        .with_state(Chat { guard, recheck })
}

/// A caller by the header, or by the second protocol that is offered; and the token, to be looked at again.
struct Caller {
    principal: Principal,
    token: BearerToken,
}

impl FromRequestParts<Chat> for Caller {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, chat: &Chat) -> Result<Self, Rejection> {
        if let Some(authorization) = from_protocols(parts) {
            // Beside a header that is there already it makes two, and those are refused.
            parts.headers.append(AUTHORIZATION, authorization);
        }
        let principal =
            <Principal as FromRequestParts<Chat>>::from_request_parts(parts, chat).await?;
        let token =
            <BearerToken as FromRequestParts<Chat>>::from_request_parts(parts, chat).await?;
        Ok(Self { principal, token })
    }
}

fn from_protocols(parts: &Parts) -> Option<HeaderValue> {
    let offered = parts.headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let (protocol, token) = offered.split_once(',')?;
    let token = token.trim();
    if protocol.trim() != PROTOCOL || token.is_empty() {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn chat(State(chat): State<Chat>, caller: Caller, upgrade: WebSocketUpgrade) -> Response {
    // Only this one is chosen: an answer never says the token.
    upgrade
        .protocols([PROTOCOL])
        .on_upgrade(move |socket| talk(socket, chat, caller))
}

/// Answers each text with the caller's name before it, until either side goes or the token holds no longer.
async fn talk(mut socket: WebSocket, chat: Chat, caller: Caller) {
    let mut recheck = interval(chat.recheck);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = recheck.tick() => {
                if let Err(refusal) = chat.guard.verify_async(caller.token.expose()).await {
                    let _ = socket.send(Message::Close(Some(ending(&refusal)))).await;
                    return;
                }
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    let answer = format!("{}: {text}", caller.principal.sub);
                    if socket.send(Message::text(answer)).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// 1013 (try again later) where nobody can tell, 4401 otherwise; the reason is the stable code.
fn ending(refusal: &Refusal) -> CloseFrame {
    CloseFrame {
        code: if refusal.status() == 503 {
            1013
        } else {
            TOKEN_ENDED
        },
        reason: refusal.code().into(),
    }
}
