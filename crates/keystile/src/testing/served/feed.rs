//! The feed of what a served issuer revokes: Server-Sent Events with security event tokens (RFC 8417).

use std::fmt::Write as _;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::Shared;
use super::answers::may_read_feed;
use super::request::{Answer, Request};
use crate::testing::TestIssuer;
use crate::testing::revoke::Entry;

/// The name of the feed.
const FEED: &str = "test-feed";
/// How soon a clock that was turned is noticed.
const LOOK: Duration = Duration::from_millis(10);
/// After so many looks something is said, whatever there is to say: a second.
const LOOKS: u32 = 100;

/// Tells what was revoked until the reader goes, or the feed is lost.
pub(super) fn serve(
    stream: &mut TcpStream,
    request: &Request,
    shared: &Shared,
    issuer: &TestIssuer,
) -> std::io::Result<()> {
    if let Some(refused) = refusal(request, issuer) {
        return stream.write_all(&refused.encode());
    }
    let head = "HTTP/1.1 200 .\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes())?;
    let (mut position, mut text) = match resumed(request) {
        Some(position) => (position, String::new()),
        None => (
            0,
            format!("event: snapshot\ndata: {}\n\n", json!({ "feed": FEED })),
        ),
    };
    let log = &issuer.0.log;
    let mut looks = 0;
    let mut told_at = None;
    while shared.is_streaming() && !log.is_lost() {
        let entries = log.after(position);
        let now = issuer.clock().now();
        if !entries.is_empty() || told_at != Some(now) || looks >= LOOKS {
            position += entries.len();
            for entry in entries {
                let _ = write!(text, "event: revoked\ndata: {}\n\n", signed(&entry, issuer));
            }
            let at = json!({ "at": now.as_millis() });
            let _ = write!(
                text,
                "event: current\nid: {FEED}.{position}\ndata: {at}\n\n"
            );
            stream.write_all(text.as_bytes())?;
            text.clear();
            (looks, told_at) = (0, Some(now));
        }
        log.wait(LOOK);
        looks += 1;
    }
    Ok(())
}

fn refusal(request: &Request, issuer: &TestIssuer) -> Option<Answer> {
    if request.method != "GET" {
        return Some(Answer::status(405));
    }
    if !may_read_feed(request, issuer) {
        return Some(Answer::status(401));
    }
    issuer.0.log.is_lost().then(|| Answer::status(503))
}

/// Where the reader was, of this feed.
fn resumed(request: &Request) -> Option<usize> {
    let (feed, position) = request.header("last-event-id")?.split_once('.')?;
    (feed == FEED).then(|| position.parse().ok())?
}

/// An entry as a security event token, under the key that signs now.
fn signed(entry: &Entry, issuer: &TestIssuer) -> String {
    let claims = json!({
        "iss": issuer.iss(),
        "jti": format!("event-{}", issuer.next_number()),
        "iat": issuer.clock().now().as_seconds(),
        "sub_id": entry.subject,
        "events": entry.events,
    });
    let key = issuer.signing();
    let signed = key.sign_claims("secevent+jwt", &claims);
    signed.expect("an event is a small object")
}
