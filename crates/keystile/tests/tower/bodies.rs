//! Tokens in bodies: read, bounded, and the body given on as it came.

use std::collections::VecDeque;
use std::pin::Pin;

use http_body::Frame;
use keystile::http::ReadBody;

use super::*;

/// A body in pieces; `None` is where it waits for ever, `Err` where it breaks off.
#[derive(Default)]
struct Sent(VecDeque<Option<Result<Frame<Bytes>, &'static str>>>);

impl Sent {
    fn pieces(pieces: &[&str]) -> Self {
        let frame = |piece: &&str| Some(Ok(Frame::data(Bytes::copy_from_slice(piece.as_bytes()))));
        Self(pieces.iter().map(frame).collect())
    }

    fn then(mut self, last: Option<Result<Frame<Bytes>, &'static str>>) -> Self {
        self.0.push_back(last);
        self
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.0.front() {
            Some(None) => Poll::Pending,
            _ => Poll::Ready(self.0.pop_front().flatten()),
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn guard() -> Guard {
    super::guard()
        .token_from_form("access_token")
        .token_from_json("token")
}

type Given = Option<ReadBody<Sent>>;

/// Answers with the caller's name, and with the body that it was given.
fn echo(request: Request<ReadBody<Sent>>) -> Response<Given> {
    let name = name(request.extensions()).parse().unwrap();
    let mut answer = Response::new(Some(request.into_body()));
    answer.headers_mut().insert("name", name);
    answer
}

#[derive(Clone)]
struct Echo;

impl Service<Request<ReadBody<Sent>>> for Echo {
    type Response = Response<Given>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReadBody<Sent>>) -> Self::Future {
        ready(Ok(echo(request)))
    }
}

fn post(kind: &str, body: Sent) -> Request<Sent> {
    let request = Request::post("/").header("content-type", kind);
    request.body(body).unwrap()
}

/// In place of an answer's body its reason's code.
fn refused(answer: Response<Bytes>, refusal: &keystile::Refusal) -> Response<Given> {
    let mut answer = answer.map(|_| None);
    let code = refusal.code().parse().unwrap();
    answer.headers_mut().insert("name", code);
    answer
}

fn is(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

fn status_and_name(answer: &Response<Given>) -> (u16, String) {
    is(answer.status().as_u16(), header(answer, "name").unwrap())
}

/// The status, and who called or why not.
async fn told(limit: usize, request: Request<Sent>) -> (u16, String) {
    let layer = guard().layer().answering(refused).reading_bodies();
    let answer = send(&layer.limit(limit).layer(Echo), request).await;
    status_and_name(&answer)
}

#[tokio::test]
async fn a_token_in_a_form_or_in_json_is_found() {
    let token = token("");
    let form = format!("a=1&access_token={token}");
    let (first, rest) = form.split_at(40);
    let json = format!("{{\"token\":\"{token}\"}}");
    let let_in = is(200, "ada");
    assert_eq!(
        told(4096, post(FORM, Sent::pieces(&[first, "", rest]))).await,
        let_in
    );
    assert_eq!(
        told(4096, post("application/json", Sent::pieces(&[&json]))).await,
        let_in
    );
    // Of another kind than it says, or of none that is looked into.
    for kind in ["application/json", "text/plain"] {
        let answer = told(4096, post(kind, Sent::pieces(&[&form]))).await;
        assert_eq!(answer, is(401, "token_missing"), "{kind}");
    }
}

#[tokio::test]
async fn a_second_token_anywhere_is_refused() {
    let form = format!("access_token={}", token(""));
    let mut both = post(FORM, Sent::pieces(&[&form]));
    let value = format!("Bearer {}", token("")).parse().unwrap();
    both.headers_mut().insert("authorization", value);
    let expected = is(400, "credentials_ambiguous");
    assert_eq!(told(4096, both).await, expected);
    let twice = format!("{form}&{form}");
    assert_eq!(
        told(4096, post(FORM, Sent::pieces(&[&twice]))).await,
        expected
    );
}

#[tokio::test]
async fn what_is_read_is_bounded() {
    let form = format!("access_token={}", token(""));
    let length = form.len();
    let too_large = is(413, "body_too_large");
    assert_eq!(
        told(length, post(FORM, Sent::pieces(&[&form]))).await.0,
        200
    );
    let over = told(length - 1, post(FORM, Sent::pieces(&[&form]))).await;
    assert_eq!(over, too_large);
    // Said beforehand: nothing is waited for.
    let mut said = post(FORM, Sent::default().then(None));
    said.headers_mut()
        .insert("content-length", "99999".parse().unwrap());
    assert_eq!(told(4096, said).await, too_large);
    let broken = Sent::pieces(&["a=1"]).then(Some(Err("reset")));
    let unreadable = is(400, "body_unreadable");
    assert_eq!(told(4096, post(FORM, broken)).await, unreadable);
    // What the head is refused for needs no body.
    let mut malformed = post(FORM, Sent::default().then(None));
    malformed
        .headers_mut()
        .insert("authorization", "Bearer".parse().unwrap());
    let expected = is(400, "authorization_malformed");
    assert_eq!(told(4096, malformed).await, expected);
}

#[tokio::test]
async fn the_service_gets_the_body_as_it_came() {
    let form = format!("access_token={}&x=%00", token(""));
    let (first, rest) = form.split_at(9);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("checksum", "7".parse().unwrap());
    let last = Frame::trailers(trailers.clone());
    let body = Sent::pieces(&[first, rest]).then(Some(Ok(last)));
    let layer = guard().layer().answering(refused).reading_bodies();
    let app = layer.layer(Echo);
    let answer = send(&app, post(FORM, body)).await;
    let given = answer.into_body().unwrap().collect().await.unwrap();
    assert_eq!(given.trailers(), Some(&trailers));
    assert_eq!(given.to_bytes(), form);

    // One that is not looked into is not waited for either.
    let mut upload = post("image/png", Sent::pieces(&["first"]).then(None));
    let value = format!("Bearer {}", token("")).parse().unwrap();
    upload.headers_mut().insert("authorization", value);
    let mut body = send(&app, upload).await.into_body().unwrap();
    let first = body.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
}

/// Neither a sender that stops nor one that sends nothing without end is waited for longer than the timer says.
#[tokio::test]
async fn a_slow_body_is_given_up() {
    let layer = guard().layer().answering(refused).reading_bodies();
    let timer = || tokio::time::sleep(std::time::Duration::from_millis(20));
    let app = layer.give_up_after(timer).layer(Echo);
    let stopped = post(FORM, Sent::pieces(&["access_"]).then(None));
    let answer = send(&app, stopped).await;
    assert_eq!(status_and_name(&answer), is(408, "body_too_slow"));

    let endless = post(FORM, Sent::default());
    let app = guard().layer().reading_bodies().give_up_after(timer);
    let answer = send(&app.layer(Unreached), endless.map(|_| Empties)).await;
    assert_eq!(answer.status(), 408);
}

/// Pieces of nothing, without end.
struct Empties;

impl http_body::Body for Empties {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

/// Is never reached.
#[derive(Clone)]
struct Unreached;

impl Service<Request<ReadBody<Empties>>> for Unreached {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<ReadBody<Empties>>) -> Self::Future {
        panic!("a body without end was taken for one")
    }
}
