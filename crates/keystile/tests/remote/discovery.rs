//! Where the keys are, and where requests may go.

use keystile::{Algorithm, Expected, FollowError, Guard, Issuer, Trust, Verifier};

use crate::common::{clock, key};
use crate::server::{Reply, Server};
use crate::{SHORT, connected, follow, named, token, token_of, verdict};

async fn refused(server: &Server) -> FollowError {
    follow(server, &clock())
        .connect()
        .await
        .map(|_| ())
        .unwrap_err()
}

#[tokio::test]
async fn keys_are_found_by_the_metadata_of_oauth_first() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let key = key(algorithm, 1);
        let (server, _, guard) = connected(&[&key]).await;
        assert_eq!(verdict(&guard, &token(&server, &key)), "ok", "{algorithm}");
        assert_eq!(server.asked_at_all(), 2, "the document and the keys");
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_in_both_ways() {
    for place in [
        "/.well-known/oauth-authorization-server/tenants/7",
        "/tenants/7/.well-known/openid-configuration",
    ] {
        let server = Server::start().await;
        let key = named("a");
        let issuer = format!("{}/tenants/7", server.url());
        let document =
            serde_json::json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
        let keys = Reply::keys(&[&key]);
        server.replies(move |asked| match &*asked.path {
            path if path == place => Reply::json(&document),
            "/tenants/7/keys" => keys.clone(),
            // What answers everything with a page of its own.
            _ => Reply::json("<html>").with("content-type", "text/html"),
        });
        let following = Guard::issuer_at(&issuer).audience("cakes").clock(clock());
        let guard = following.connect().await.unwrap();
        assert_eq!(verdict(&guard, &token_of(&issuer, &key)), "ok", "{place}");
        assert_eq!(verdict(&guard, &token(&server, &key)), "token_issuer_wrong");
    }
}

#[tokio::test]
async fn keys_at_a_given_address_need_no_document() {
    let server = Server::start().await;
    let key = named("a");
    server.publishes(&[&key]);
    let issuer = "https://id.example";
    let following = Guard::issuer_at(issuer).audience("cakes").clock(clock());
    let guard = following
        .keys_at(format!("{}/jwks", server.url()))
        .connect()
        .await
        .unwrap();
    assert_eq!(verdict(&guard, &token_of(issuer, &key)), "ok");
    assert_eq!((server.fetches(), server.asked_at_all()), (1, 1));
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused_and_its_keys_are_not_fetched() {
    let server = Server::start().await;
    for found in [
        "https://evil.example".to_owned(),
        format!("{}/", server.url()),
        server.url().to_uppercase(),
    ] {
        let keys = format!("{}/jwks", server.url());
        let document = serde_json::json!({ "issuer": found, "jwks_uri": keys });
        server.replies(move |_| Reply::json(&document));
        let fault = refused(&server).await;
        assert!(
            matches!(fault, FollowError::IssuerDiffers { .. }),
            "{fault}"
        );
        assert!(fault.to_string().contains("exactly"), "{fault}");
    }
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn a_second_document_serves_where_the_first_is_of_another() {
    let server = Server::start().await;
    let key = named("a");
    let good = server.document(format!("{}/jwks", server.url()));
    let keys = Reply::keys(&[&key]);
    server.replies(move |asked| match &*asked.path {
        "/.well-known/openid-configuration" => good.clone(),
        "/jwks" => keys.clone(),
        _ => {
            Reply::json(r#"{"issuer":"https://other.example","jwks_uri":"https://other.example"}"#)
        }
    });
    assert!(follow(&server, &clock()).connect().await.is_ok());
}

#[tokio::test]
async fn a_document_leads_to_other_hosts_but_not_into_what_clouds_keep() {
    let (server, elsewhere) = (Server::start().await, Server::start().await);
    let key = named("a");
    elsewhere.publishes(&[&key]);
    let document = server.document(format!("{}/jwks", elsewhere.url()));
    server.replies(move |_| document.clone());
    let guard = follow(&server, &clock()).connect().await.unwrap();
    assert_eq!(verdict(&guard, &token(&server, &key)), "ok");

    for forbidden in [
        "https://169.254.169.254/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/keys",
        "http://10.0.0.1/keys",
        "https://100.100.100.200/",
        "http://keys.example/jwks",
        "https://ada:secret@keys.example/jwks",
        "file:///etc/passwd",
        "/jwks",
    ] {
        let document = server.document(forbidden);
        server.replies(move |_| document.clone());
        let fault = refused(&server).await;
        assert!(
            matches!(fault, FollowError::AddressRefused { .. }),
            "{forbidden}: {fault}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_host_only_and_not_for_ever() {
    let (server, elsewhere) = (Server::start().await, Server::start().await);
    let key = named("a");
    elsewhere.publishes(&[&key]);
    let keys = Reply::keys(&[&key]);
    let moved = keys.clone();
    let here = server.document(format!("{}/old", server.url()));
    server.replies(move |asked| match &*asked.path {
        "/.well-known/oauth-authorization-server" => here.clone(),
        "/old" => Reply::redirect("/new"),
        "/new" => moved.clone(),
        _ => Reply::status(404),
    });
    assert!(follow(&server, &clock()).connect().await.is_ok());

    let localhost = format!("http://localhost:{}/jwks", elsewhere.address.port());
    for to in [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://localhost/",
        &localhost,
        &format!("{}/jwks", elsewhere.url()),
        &format!("https://{}/jwks", server.address),
        "/jwks",
    ] {
        server.says(Reply::redirect(to));
        let fault = refused(&server).await;
        assert!(
            matches!(fault, FollowError::Redirected { .. }),
            "{to}: {fault}"
        );
    }
    assert_eq!(elsewhere.asked_at_all(), 0);
}

#[tokio::test]
async fn what_is_no_key_set_is_refused_with_what_is_wrong() {
    type Expected = fn(&FollowError) -> bool;
    let server = Server::start().await;
    let huge = format!("{{\"keys\":[]{}}}", " ".repeat(600 * 1024));
    let good = || Reply::keys(&[&named("a")]);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    let cases: [(Reply, Expected); 13] = [
        (Reply::json(huge), |f| {
            matches!(f, FollowError::TooLarge { .. })
        }),
        (
            Reply::Raw(head, "{\"keys\":[                        ", 0),
            |f| matches!(f, FollowError::TooLarge { .. }),
        ),
        (
            good().with("content-type", "text/html; charset=utf-8"),
            |f| matches!(f, FollowError::ContentType { .. }),
        ),
        (good().with("content-type", "json"), |f| {
            matches!(f, FollowError::ContentType { .. })
        }),
        (Reply::json("<html>"), |f| {
            matches!(f, FollowError::Unreadable { .. })
        }),
        (Reply::json("[]"), |f| {
            matches!(f, FollowError::Unreadable { .. })
        }),
        (Reply::json("{\"keys\":{}}"), |f| {
            matches!(f, FollowError::Unreadable { .. })
        }),
        (Reply::json("{\"keys\":[]}"), |f| {
            matches!(f, FollowError::NoKeys { .. })
        }),
        (
            Reply::json("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"),
            |f| matches!(f, FollowError::NoKeys { .. }),
        ),
        (Reply::status(500), |f| {
            matches!(f, FollowError::Status { status: 500, .. })
        }),
        (Reply::status(204), |f| {
            matches!(f, FollowError::Status { status: 204, .. })
        }),
        (Reply::status(304), |f| {
            matches!(f, FollowError::Status { status: 304, .. })
        }),
        (Reply::Raw("nonsense\r\n\r\n", "", 0), |f| {
            matches!(f, FollowError::Unreachable { .. })
        }),
    ];
    for (at, (reply, expected)) in cases.into_iter().enumerate() {
        server.says(reply);
        let fault = refused(&server).await;
        assert!(expected(&fault), "case {at}: {fault}");
        assert!(fault.to_string().contains("; "), "no cure in: {fault}");
    }
    server.says(good().with("content-type", "application/jwk-set+json; charset=utf-8"));
    assert!(follow(&server, &clock()).connect().await.is_ok());
}

#[tokio::test]
async fn silence_and_dripping_end_with_the_time_out() {
    let server = Server::start().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    for reply in [
        Reply::Silence,
        Reply::Raw(head, " ", 20),
        Reply::Raw("HTTP/1.1 200 OK\r\n", "x: y\r\n", 20),
    ] {
        server.says(reply.clone());
        let fault = follow(&server, &clock())
            .timeout(SHORT)
            .connect()
            .await
            .map(|_| ());
        assert!(
            matches!(fault, Err(FollowError::TimedOut { .. })),
            "{fault:?}"
        );
        server.replies(move |_| reply.clone());
        let fault = follow(&server, &clock())
            .timeout(SHORT)
            .connect()
            .await
            .map(|_| ());
        assert!(
            matches!(fault, Err(FollowError::TimedOut { .. })),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn nobody_there_is_told_with_the_cure() {
    let server = Server::start().await;
    server.stop().await;
    let fault = refused(&server).await;
    assert!(matches!(fault, FollowError::Unreachable { .. }), "{fault}");
    assert!(
        fault.to_string().contains("see that the issuer runs"),
        "{fault}"
    );
}

#[tokio::test]
async fn what_the_application_says_is_checked_before_anything_is_asked() {
    for wrong in [
        "",
        "id.example",
        "http://id.example",
        "ftp://id.example",
        "https://a:b@id.example",
    ] {
        let lazy = Issuer::at(wrong).audience("cakes").connect_lazy();
        assert!(matches!(lazy, Err(FollowError::Setting { .. })), "{wrong}");
        let keys = Issuer::at("https://id.example")
            .audience("cakes")
            .keys_at(wrong)
            .connect_lazy();
        assert!(matches!(keys, Err(FollowError::Setting { .. })), "{wrong}");
    }
}

#[test]
fn without_a_runtime_it_says_so() {
    let lazy = Issuer::at("https://id.example")
        .audience("cakes")
        .connect_lazy();
    assert_eq!(lazy.err(), Some(FollowError::NoRuntime));
}

#[tokio::test]
async fn several_issuers_keep_their_keys_apart() {
    let (ours, theirs) = (Server::start().await, Server::start().await);
    let (a, b, c) = (named("a"), named("b"), named("c"));
    ours.publishes(&[&a]);
    theirs.publishes(&[&b]);
    let issuer = |server: &Server| Issuer::at(server.url()).audience("cakes").clock(clock());
    let verifier = Verifier::new(issuer(&ours).connect().await.unwrap())
        .or_trust(issuer(&theirs).connect().await.unwrap())
        .or_trust(Trust {
            issuer: Expected::Absent,
            audience: Expected::Absent,
            token_type: "at+jwt".into(),
            keys: c.verifying_key().clone(),
        });
    let guard = Guard::new(verifier.clock(clock()));
    for (server, key, expected) in [
        (&ours, &a, "ok"),
        (&theirs, &b, "ok"),
        (&ours, &b, "token_key_unknown"),
        (&theirs, &a, "token_key_unknown"),
        (&ours, &c, "token_key_unknown"),
    ] {
        assert_eq!(verdict(&guard, &token(server, key)), expected);
    }
    let bare = c
        .issue(&keystile::Claims::new("ada", crate::NOW + 60))
        .unwrap();
    assert_eq!(verdict(&guard, &bare), "ok");
    assert!(
        !guard
            .verifier()
            .replace_keys(0, keystile::KeySet::default()),
        "followed"
    );
    assert!(
        guard
            .verifier()
            .replace_keys(2, keystile::KeySet::default()),
        "given"
    );
}
