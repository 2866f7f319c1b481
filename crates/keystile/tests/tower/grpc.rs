//! Refusals as gRPC wants them.

use keystile::{Reason, Revocations};

use super::*;

/// The body of a gRPC answer, as far as the layer knows it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Frames(Vec<u8>);

fn say(_: &Request<()>) -> Response<Frames> {
    Response::new(Frames(vec![0]))
}

fn call(authorization: &str, kind: &str) -> Request<()> {
    let mut call = request(authorization);
    *call.method_mut() = Method::POST;
    let kind = kind.parse().unwrap();
    call.headers_mut().insert("content-type", kind);
    call
}

#[tokio::test]
async fn a_refusal_is_an_answer_without_a_body() {
    let app = guard().layer().answering_grpc().layer(Inner(say));
    let answer = send(&app, call("", "application/grpc+proto")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), &Frames::default());
    let kind = header(&answer, "content-type");
    assert_eq!(kind, Some("application/grpc+proto"));
    assert_eq!(header(&answer, "grpc-status"), Some("16"));
    let message = header(&answer, "grpc-message").unwrap();
    assert!(
        message.starts_with("token_missing: No token came"),
        "{message}"
    );
    let challenge = header(&answer, "www-authenticate");
    assert_eq!(challenge, Some("Bearer reason=\"token_missing\""));

    let good = call(&format!("Bearer {}", token("")), "application/grpc");
    assert_eq!(send(&app, good).await.body(), &Frames(vec![0]));
}

#[tokio::test]
async fn each_status_of_http_has_one_of_grpc() {
    let revocations = Revocations::new();
    revocations.require_known(|| false);
    let guard = guard().revocations(revocations);
    let app = guard.layer().answering_grpc().layer(Inner(say));
    let authorization = format!("Bearer {}", token(""));
    let answer = send(&app, call(&authorization, "application/grpc")).await;
    assert_eq!(header(&answer, "grpc-status"), Some("14"));
    assert_eq!(header(&answer, "www-authenticate"), None);

    let admins = super::guard().layer().require::<Admin>().answering_grpc();
    let app = admins.layer(Inner(say));
    let answer = send(&app, call(&authorization, "text/html")).await;
    assert_eq!(header(&answer, "grpc-status"), Some("7"));
    let kind = header(&answer, "content-type");
    assert_eq!(kind, Some("application/grpc"));
    let message = header(&answer, "grpc-message").unwrap();
    assert!(message.starts_with(Reason::RoleMissing.code()), "{message}");
}

/// A service of gRPC does not look at the method: what OPTIONS asks for would be done.
#[tokio::test]
async fn nothing_passes_for_its_method() {
    let admins = guard().layer().require::<Admin>().answering_grpc();
    for (authorization, expected) in [("", "16"), (&*format!("Bearer {}", token("")), "7")] {
        let mut call = call(authorization, "application/grpc");
        *call.method_mut() = Method::OPTIONS;
        let answer = send(&admins.clone().layer(Inner(say)), call).await;
        assert_eq!(header(&answer, "grpc-status"), Some(expected));
        assert_eq!(answer.body(), &Frames::default());
    }
}
