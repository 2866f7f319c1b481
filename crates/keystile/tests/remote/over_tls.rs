//! By TLS, with a certificate of an authority that exists for this test alone.

use axum::Router;
use axum::http::header;
use axum::routing::{get, post};
use axum_server::tls_rustls::RustlsConfig;
use keystile::remote::Introspection;
use keystile::{Expected, FollowError, Guard, KeySet, Trust, Verifier};

use crate::common::{NOW, clock};
use crate::{named, token_of, verdict, verdict_async};

const AUTHORITY: &str = include_str!("tls/ca.pem");

/// An issuer at `https://localhost`; its port.
async fn start() -> u16 {
    let certificate = include_bytes!("tls/cert.pem").to_vec();
    let key = include_bytes!("tls/key.pem").to_vec();
    let tls = RustlsConfig::from_pem(certificate, key).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let json = || [(header::CONTENT_TYPE, "application/json")];
    let document = serde_json::json!({
        "issuer": format!("https://localhost:{port}"),
        "jwks_uri": format!("https://localhost:{port}/jwks"),
    });
    let keys = KeySet::from(named("a").verifying_key().clone()).to_jwks_json();
    let app = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(move || async move { (json(), document.to_string()) }),
        )
        .route("/jwks", get(move || async move { (json(), keys) }))
        .route("/introspect", post(async || active().to_string()));
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));
    port
}

fn active() -> serde_json::Value {
    serde_json::json!({ "active": true, "sub": "ada", "exp": NOW + 900 })
}

#[tokio::test]
async fn an_issuer_with_a_certificate_of_ones_own_is_followed() {
    let issuer = format!("https://localhost:{}", start().await);
    let following = || Guard::issuer_at(&issuer).audience("cakes").clock(clock());
    let guard = following()
        .root_certificates(AUTHORITY)
        .connect()
        .await
        .unwrap();
    assert_eq!(verdict(&guard, &token_of(&issuer, &named("a"))), "ok");

    let fault = following().connect().await.unwrap_err();
    assert!(matches!(fault, FollowError::Unreachable { .. }), "{fault}");
    assert!(fault.to_string().contains("ertificate"), "{fault}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let issuer = format!("https://127.0.0.1:{}", start().await);
    let following = Guard::issuer_at(issuer)
        .audience("cakes")
        .root_certificates(AUTHORITY);
    let fault = following.connect().await.unwrap_err();
    assert!(matches!(fault, FollowError::Unreachable { .. }), "{fault}");
}

#[tokio::test]
async fn the_issuer_of_opaque_tokens_may_have_a_certificate_of_ones_own() {
    let port = start().await;
    let at = |host: &str| {
        let url = format!("https://{host}:{port}/introspect");
        Introspection::at(url, "cakes-api", "a secret").unwrap()
    };
    let own = |host: &str| at(host).root_certificates(AUTHORITY).unwrap();
    for (asked, expected) in [
        (own("localhost"), "ok"),
        (at("localhost"), "revocation_unknown"),
        (own("127.0.0.1"), "revocation_unknown"),
    ] {
        let guard = Guard::new(Verifier::new(Trust {
            issuer: Expected::Absent,
            audience: Expected::Absent,
            token_type: Expected::Absent,
            keys: &asked,
        }));
        let guard = guard.clock(clock());
        assert_eq!(verdict_async(&guard, "opaque").await, expected);
        let refused = matches!(asked.fault(), Some(FollowError::Unreachable { .. }));
        assert_eq!(refused, expected != "ok", "{:?}", asked.fault());
    }
}
