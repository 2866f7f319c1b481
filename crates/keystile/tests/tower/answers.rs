//! Refusals in whatever a service answers with.

use std::pin::Pin;

use keystile::Refusal;

use super::*;

/// A body that no bytes are made into but by the application.
#[derive(Debug, PartialEq)]
enum Page {
    Found,
    Refused(Bytes),
}

#[tokio::test]
async fn a_body_of_the_applications_own() {
    let layer = guard().layer().answering(|answer, refusal: &Refusal| {
        assert_eq!(refusal.code(), "token_missing");
        answer.map(Page::Refused)
    });
    let app = layer.layer(Inner(|_: &Request<()>| Response::new(Page::Found)));
    assert_eq!(send(&app, bearer("")).await.body(), &Page::Found);
    let answer = send(&app, request("")).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("www-authenticate"));
    let Page::Refused(bytes) = answer.body() else {
        panic!("{answer:?}");
    };
    assert!(bytes.starts_with(b"{"));
}

fn teapot<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
    response
}

#[tokio::test]
async fn a_shape_of_the_applications_own_in_each_body() {
    for guard in [
        guard().refusals(|refusal, _| teapot(refusal.code().to_owned())),
        guard().refusals(|refusal, _| teapot(Full::<Bytes>::from(refusal.code()))),
        guard().refusals(|_, _| teapot(Pieces(vec!["_missing", "token"], true))),
    ] {
        let app = guard.layer().layer(Inner(hello));
        let answer = send(&app, request("")).await;
        assert_eq!(answer.status(), 418);
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(text(answer).await, "token_missing");
    }
}

/// One that is not there yet cannot be waited for: the status stands, and the problem document says why.
#[tokio::test]
async fn a_streamed_shape_becomes_a_problem_document() {
    let slow = guard().refusals(|_, _| {
        let mut answer = teapot(Pieces(vec!["never"], false));
        let headers = answer.headers_mut();
        headers.insert("content-type", "text/event-stream".parse().unwrap());
        headers.insert("content-length", "5".parse().unwrap());
        answer
    });
    let app = slow.layer().layer(Inner(hello));
    let answer = send(&app, request("")).await;
    assert_eq!(answer.status(), 418);
    let kind = header(&answer, "content-type");
    assert_eq!(kind, Some("application/problem+json"));
    assert_eq!(header(&answer, "content-length"), None);
    assert!(text(answer).await.contains("token_missing"));
}

/// Pieces, from the last to the first; there at once, or never.
struct Pieces(Vec<&'static str>, bool);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        if !self.1 {
            return Poll::Pending;
        }
        let next = self.0.pop();
        Poll::Ready(next.map(|piece| Ok(http_body::Frame::data(piece.into()))))
    }
}
