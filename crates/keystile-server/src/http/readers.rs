//! Those who read the revocation feed: how many there may be, what each is sent, and when that ends.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Frame;
use keystile::{BearerToken, Guard, Reason};
use keystile_accounts::{FeedError, FeedEvent, FeedReader, RevocationFeed};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::places::{Full, Place, Places};
use super::problem::Problem;
use super::readiness::Readiness;

/// A reader that takes nothing for so long is cut off. It resumes when it likes.
const SLOW: Duration = Duration::from_secs(10);
/// Pieces that wait for a reader, beside what its connection has taken: of 32 KiB at the most, and of 16 as a rule.
const QUEUE: usize = 2;
/// When one that found no place may try again.
const FULL: Duration = Duration::from_secs(5);

/// Lets readers in.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    /// `None` where nobody could believe what it says.
    feed: Option<RevocationFeed>,
    places: Arc<Places>,
    readiness: Readiness,
}

/// A client's visit: it lasts no longer than the token is good that it was let in with.
#[derive(Debug)]
pub(crate) struct Visit {
    client: String,
    guard: Guard,
    token: BearerToken,
    left: Duration,
}

impl Visit {
    /// Of the client of this id that has just shown this token, which has so long to live.
    pub(crate) fn new(client: String, guard: Guard, token: BearerToken, left: Duration) -> Self {
        Self {
            client,
            guard,
            token,
            left,
        }
    }

    /// Whether the token is good still: not expired, not revoked. Where that cannot be told, nobody is sent away for it.
    fn is_good(&self) -> bool {
        match self.guard.verify(self.token.expose()) {
            Ok(_) => true,
            Err(refusal) => matches!(
                refusal.reason(),
                Reason::RevocationUnknown | Reason::KeysUnknown
            ),
        }
    }
}

impl Readers {
    pub(crate) fn new(feed: Option<RevocationFeed>, most: usize, readiness: Readiness) -> Self {
        Self {
            feed,
            places: Places::new(most),
            readiness,
        }
    }

    /// The stream of one reader, which begins after the event of this id.
    pub(crate) async fn open(&self, visit: Visit, last: Option<&str>) -> Result<Body, Problem> {
        let absent = || {
            let detail = "These tokens are signed by a secret, so that nobody else could verify what the feed says.";
            Problem::not_found("feed_absent", detail)
        };
        let feed = self.feed.as_ref().ok_or_else(absent)?;
        let place = self.places.take(&visit.client);
        let place = place.map_err(|full| no_place(&full, &visit.client))?;
        let reader = feed.read(last).await.map_err(|error| unreadable(&error))?;
        let (pieces, queue) = mpsc::channel(QUEUE);
        tokio::spawn(tell(reader, visit, self.readiness.clone(), pieces));
        Ok(Body::new(Stream {
            queue,
            _place: place,
        }))
    }
}

fn no_place(full: &Full, client: &str) -> Problem {
    let detail = match full {
        Full::ForAll => {
            tracing::warn!("as many read the revocation feed as may; refusing more");
            "As many programs read the feed as this server lets in. Try again shortly."
        }
        Full::ForThisClient => {
            tracing::warn!(
                client,
                "a client reads the revocation feed as often as one may; what is left is for others"
            );
            "This client reads the feed as often as one client may; the last places are for others. Try again shortly, or at another node."
        }
    };
    Problem::busy("feed_full", detail, FULL)
}

fn unreadable(error: &FeedError) -> Problem {
    tracing::warn!(%error, "the revocation feed cannot be read");
    let detail = "What is revoked cannot be told just now. Try again shortly.";
    Problem::busy("feed_unavailable", detail, error.retry_after())
}

/// Sends a reader what there is to be told, until it goes, is too slow, is not to be told any more, or the server ends.
async fn tell(
    mut reader: FeedReader,
    visit: Visit,
    readiness: Readiness,
    pieces: mpsc::Sender<Bytes>,
) {
    let expired = tokio::time::sleep(visit.left);
    let ended = readiness.ended();
    tokio::pin!(expired, ended);
    loop {
        let events = tokio::select! {
            events = reader.next() => events,
            () = &mut expired => None,
            () = &mut ended => None,
            () = pieces.closed() => None,
        };
        let Some(events) = events.filter(|_| visit.is_good()) else {
            return;
        };
        if !handed_over(&pieces, written(&events)).await {
            return;
        }
    }
}

/// Whether the reader took it in time.
async fn handed_over(pieces: &mpsc::Sender<Bytes>, piece: Bytes) -> bool {
    let Ok(sent) = timeout(SLOW, pieces.send(piece)).await else {
        tracing::info!("a reader of the revocation feed was too slow, and was cut off");
        return false;
    };
    sent.is_ok()
}

/// Events as they travel (HTML Living Standard, section 9.2.6).
fn written(events: &[FeedEvent]) -> Bytes {
    let mut text = String::new();
    for event in events {
        let _ = match event {
            FeedEvent::Snapshot { feed } => {
                let said = serde_json::json!({ "feed": &**feed });
                write!(text, "event: snapshot\ndata: {said}\n\n")
            }
            FeedEvent::Revoked(token) => write!(text, "event: revoked\ndata: {token}\n\n"),
            FeedEvent::Current { id, at } => {
                let at = at.as_millis();
                write!(text, "event: current\nid: {id}\ndata: {{\"at\":{at}}}\n\n")
            }
            // Readers pass over what they do not know, and so do we.
            _ => Ok(()),
        };
    }
    text.into()
}

/// The body of an answer. Its place is free when the connection lets go of it.
struct Stream {
    queue: mpsc::Receiver<Bytes>,
    _place: Place,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.queue.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keystile::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut_off_and_a_slow_one_is_not() {
        let (pieces, mut queue) = mpsc::channel(QUEUE);
        let piece = || Bytes::from_static(b"a piece");
        for _ in 0..QUEUE {
            assert!(handed_over(&pieces, piece()).await);
        }
        let takes = async {
            tokio::time::sleep(SLOW.mul_f32(0.9)).await;
            queue.recv().await
        };
        let (sent, taken) = tokio::join!(handed_over(&pieces, piece()), takes);
        assert!(sent && taken.is_some());
        assert!(!handed_over(&pieces, piece()).await, "nobody takes it");
        drop(queue);
        assert!(!handed_over(&pieces, piece()).await, "nobody is there");
    }

    #[test]
    fn events_are_written_as_agreed() {
        let events = [
            FeedEvent::Snapshot { feed: "a1".into() },
            FeedEvent::Revoked(Arc::from("h.p.s")),
            FeedEvent::Current {
                id: "a1.7".to_owned(),
                at: Timestamp::from_millis(1_800_000_000_123),
            },
        ];
        let expected = "event: snapshot\ndata: {\"feed\":\"a1\"}\n\n\
            event: revoked\ndata: h.p.s\n\n\
            event: current\nid: a1.7\ndata: {\"at\":1800000000123}\n\n";
        assert_eq!(written(&events), expected);
    }
}
