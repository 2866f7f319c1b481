//! A layer around any service.

use super::*;

#[tokio::test]
async fn a_service_sees_who_calls() {
    let app = guard().layer().layer(Inner(hello));
    let answer = send(&app, request("")).await;
    assert_eq!(answer.status(), 401);
    let challenge = header(&answer, "www-authenticate");
    assert_eq!(challenge, Some("Bearer reason=\"token_missing\""));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    assert!(text(answer).await.contains("\"code\":\"token_missing\""));

    assert_eq!(text(send(&app, bearer("")).await).await, "ada");
    let answer = send(&app, request("Bearer x.y.z")).await;
    assert_eq!(answer.status(), 401);
    assert!(text(answer).await.contains("token_malformed"));
}

#[tokio::test]
async fn options_passes_and_names_nobody() {
    let app = guard().layer().layer(Inner(hello));
    let mut preflight = bearer("");
    *preflight.method_mut() = Method::OPTIONS;
    assert_eq!(text(send(&app, preflight).await).await, "nobody");
}

#[tokio::test]
async fn absence_may_be_forgiven_and_more_be_required() {
    let open = guard().layer().optional().layer(Inner(hello));
    assert_eq!(text(send(&open, request("")).await).await, "nobody");
    assert_eq!(text(send(&open, bearer("")).await).await, "ada");
    assert_eq!(send(&open, request("Bearer x")).await.status(), 401);

    let admins = guard().layer().require::<Admin>().layer(Inner(hello));
    assert_eq!(send(&admins, bearer("")).await.status(), 403);
    assert_eq!(send(&admins, request("")).await.status(), 401);
    let admin = bearer(r#","roles":["admin"]"#);
    assert_eq!(text(send(&admins, admin).await).await, "ada");
}

/// A request cannot bring its own caller: what a service sees was put there by the layer.
#[tokio::test]
async fn what_came_before_is_replaced() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Extensions::new()));
    let keep = seen.clone();
    let spy = guard().layer().layer(Inner(
        move |request: &Request<()>| -> Response<Full<Bytes>> {
            *keep.lock().unwrap() = request.extensions().clone();
            Response::default()
        },
    ));
    assert_eq!(send(&spy, bearer("")).await.status(), 200);
    let mut replayed = request("");
    *replayed.extensions_mut() = seen.lock().unwrap().clone();
    assert_eq!(name(replayed.extensions()), "ada");

    let open = guard().layer().optional().layer(Inner(hello));
    assert_eq!(text(send(&open, replayed).await).await, "nobody");
}
