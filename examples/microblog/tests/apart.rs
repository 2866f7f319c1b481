//! The application alone: people sign up, in and out at a Keystile server, and post here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use examples_common::testing::{Answer, Program, Request, challenge, run, send};
use keystile_accounts::{Accounts, NewClient, TokenWish};
use keystile_server::{Settings, router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const MICROBLOG: &str = env!("CARGO_BIN_EXE_microblog");
const PASSWORD: &str = "a long password of the tests";

/// A Keystile server, and a client of it for the microblog.
struct Keystile {
    runtime: Runtime,
    url: String,
    address: SocketAddr,
    client: (String, String),
    accounts: Accounts,
}

impl Keystile {
    fn start(folder: &std::path::Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (listener, address) = runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let address = listener.local_addr().expect("its address");
            (listener, address)
        });
        let url = format!("http://{address}");
        let database = format!("sqlite://{}", folder.join("keystile.db").display());
        let (accounts, created) = runtime.block_on(async {
            let accounts = Accounts::builder(&database).issuer(&url).open().await;
            let accounts = accounts.expect("the accounts");
            let client = NewClient::named("microblog").scopes(["revocations:read"]);
            let created = accounts.create_client(None, client).await;
            (accounts, created.expect("a client"))
        });
        let settings = Settings {
            signup_open: true,
            ..Settings::default()
        };
        let app = router(accounts.clone(), settings);
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, service).await });
        Self {
            client: (created.client.id, created.secret.expose().to_owned()),
            runtime,
            url,
            address,
            accounts,
        }
    }

    fn environment(&self) -> [(&str, &str); 3] {
        [
            ("KEYSTILE_ISSUER", &self.url),
            ("KEYSTILE_CLIENT_ID", &self.client.0),
            ("KEYSTILE_CLIENT_SECRET", &self.client.1),
        ]
    }

    fn ask(&self, method: &str, path: &str, authorization: Option<&str>, json: &str) -> Answer {
        let request = Request {
            method,
            path,
            authorization,
            body: Some(("application/json", json.as_bytes())).filter(|_| !json.is_empty()),
        };
        send(self.address, request)
    }

    /// Signs up, and in; `Bearer …`.
    fn sign_up(&self, username: &str) -> String {
        let body = json!({ "username": username, "password": PASSWORD }).to_string();
        let answer = self.ask("POST", "/v1/signup", None, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        let answer = self.ask("POST", "/v1/login", None, &body);
        format!("Bearer {}", text(&answer, "access_token"))
    }
}

fn text(answer: &Answer, member: &str) -> String {
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let found = json[member].as_str().map(str::to_owned);
    found.unwrap_or_else(|| panic!("{answer:?}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long another process takes is a matter of real time"
)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn people_sign_in_at_the_server_and_post_here_until_they_sign_out_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let keystile = Keystile::start(folder.path());
    let blog = Program::start(MICROBLOG, folder.path(), &[], &keystile.environment());
    let (ada, mira) = (keystile.sign_up("ada"), keystile.sign_up("Mira"));

    let written = json!({ "content": "From another server" }).to_string();
    let answer = blog.post("/post", Some(&ada), &written);
    let created = r#"{"status":200,"message":"Created post","postid":1}"#;
    assert_eq!(answer.cell(), (200, created, None));
    assert!(blog.get("/ADA", None).body.contains("From another server"));
    let followed = blog.post("/follow", Some(&mira), r#"{"followee":1}"#);
    let words = r#"{"status":200,"message":"Added Mira as a follower to ada"}"#;
    assert_eq!(followed.cell(), (200, words, None));
    let timeline = || blog.get("/timeline", Some(&mira));
    assert!(
        timeline().body.contains(r#""username":"ada""#),
        "{:?}",
        timeline()
    );

    // There is no signing in here.
    let not_found = (404, r#"{"status":404,"message":"Not found"}"#, None);
    for path in ["/signup", "/login", "/refresh", "/logout"] {
        assert_eq!(blog.post(path, Some(&ada), "{}").cell(), not_found);
    }
    // A sign-out there is felt here, and by nobody else.
    let answer = keystile.ask("POST", "/v1/logout", Some(&ada), "");
    assert_eq!(answer.status, 204, "{answer:?}");
    let signed_out = now();
    while blog.get("/timeline", Some(&ada)).status == 200 {
        let heard_in_time = now() - signed_out < Duration::from_secs(1);
        assert!(heard_in_time, "the sign-out was not heard of in a second");
    }
    let revoked = challenge("token_revoked");
    let invalid = r#"{"status":401,"message":"Invalid token"}"#;
    let refused = blog.get("/timeline", Some(&ada));
    assert_eq!(refused.cell(), (401, invalid, Some(revoked.as_str())));
    assert_eq!(timeline().status, 200);

    // Who signs in again is who they were.
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let answer = keystile.ask("POST", "/v1/login", None, &body);
    let again = format!("Bearer {}", text(&answer, "access_token"));
    let deleted = blog.send(Request {
        method: "DELETE",
        path: "/post?postid=1",
        authorization: Some(&again),
        body: None,
    });
    assert_eq!(deleted.status, 200, "{deleted:?}");
}

#[test]
fn the_name_of_somebody_who_was_deleted_may_be_another_s() {
    let folder = tempfile::tempdir().expect("a folder");
    let keystile = Keystile::start(folder.path());
    let blog = Program::start(MICROBLOG, folder.path(), &[], &keystile.environment());
    let written = |bearer: &str, content: &str| {
        let post = json!({ "content": content }).to_string();
        assert_eq!(blog.post("/post", Some(bearer), &post).status, 200);
    };
    let first = keystile.sign_up("ada");
    written(&first, "By the first");
    let me = keystile.ask("GET", "/v1/me", Some(&first), "");
    let id = text(&me, "id").into();
    let deletion = keystile.accounts.delete(None, &id);
    keystile.runtime.block_on(deletion).expect("deleted");
    written(&keystile.sign_up("ada"), "By the second");
    let profile = blog.get("/ada", None).body;
    assert!(
        profile.contains("By the second") && !profile.contains("By the first"),
        "{profile}"
    );
    let refused = blog.get("/timeline", Some(&first));
    assert_eq!(refused.status, 401, "{refused:?}");
}

/// A program's own token is no person's.
#[test]
fn a_client_has_no_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let keystile = Keystile::start(folder.path());
    let blog = Program::start(MICROBLOG, folder.path(), &[], &keystile.environment());
    let token = keystile.runtime.block_on(async {
        let (id, secret) = &keystile.client;
        let accounts = &keystile.accounts;
        let client = accounts.authenticate_client(id, secret, None).await;
        let client = client.expect("the client");
        let issued = accounts.client_token(&client, TokenWish::default()).await;
        issued.expect("a token").access_token
    });
    let refused = blog.get("/timeline", Some(&format!("Bearer {token}")));
    assert_eq!(refused.status, 401, "{refused:?}");
    let reason = refused.header("WWW-Authenticate").unwrap_or_default();
    assert!(reason.contains("token_claim_missing"), "{reason}");
}

#[test]
fn what_is_wrong_is_told_at_the_start_with_its_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let keystile = Keystile::start(folder.path());
    let [issuer, id, secret] = keystile.environment();
    let nobody = ("KEYSTILE_ISSUER", "http://127.0.0.1:1");
    let wrong = ("KEYSTILE_CLIENT_SECRET", "a secret of somebody else's");
    let auth = ("MICROBLOG_PART", "auth");
    for (environment, cure) in [
        (
            &[issuer, secret][..],
            "KEYSTILE_CLIENT_ID is not set: make a client",
        ),
        (
            &[issuer, id],
            "keystile client create microblog --scope revocations:read",
        ),
        (&[issuer, id, wrong], "see that its id and secret are right"),
        (&[nobody, id, secret], "see that the issuer runs"),
        (&[issuer, id, secret, auth], "leave out one of the two"),
    ] {
        let (started, _, errors) = run(MICROBLOG, folder.path(), &[], environment, "");
        assert!(!started && errors.contains(cure), "{errors}");
        assert!(
            !errors.contains(secret.1) && !errors.contains(wrong.1),
            "{errors}"
        );
    }
}
