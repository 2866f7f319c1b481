//! Clients by libraries that are not ours: Authlib and oauth4webapi do all that a client does, by both ways to authenticate.

use std::path::Path;

use keystile_accounts::{Accounts, SignIn};
use serde_json::{Value, json};

use crate::process::Process;
use crate::{Oracle, Scripts, oracles, sign_up_and_in, tell_absent};

const CLIENTS: Scripts<'static> = Scripts {
    python: include_str!("clients.py"),
    node: include_str!("clients.mjs"),
};

/// A person's session that is opened for a client, as a program that embeds the engine opens it: the refresh token.
async fn session(data: &Path, issuer: &str, id: &str, secret: &str) -> String {
    let url = format!("sqlite://{}", data.join("keystile.db").display());
    let accounts = Accounts::builder(&url)
        .issuer(issuer)
        .leave_stored_keys()
        .open()
        .await
        .expect("the server's database");
    let client = accounts.authenticate_client(id, secret, None).await;
    let request = SignIn::username("ada")
        .password("correct horse battery staple")
        .client(&client.expect("the right secret"));
    let session = accounts.sign_in(request).await.expect("a session");
    accounts.close().await;
    session.refresh_token.expose().to_owned()
}

async fn does_all(server: &Process, oracle: &Oracle, method: &str) {
    let issuer = server.issuer();
    let name = format!("{} {method}", oracle.name);
    let arguments = [
        "client",
        "create",
        &name,
        "--scope",
        "revocations:read,posts:read",
        "--json",
    ];
    let made: Value = serde_json::from_str(&server.run(&arguments)).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let refresh = session(&server.data(), &issuer, &id, &secret).await;
    let given = json!({ "id": id, "secret": secret, "refresh": refresh }).to_string();
    let said = oracle.judge(&issuer, method, &given);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{name}: {said}"));
    // What the challenge of a 401 is shown as differs: as its scheme, or as the body's error.
    let wrong_secret = said["refused"][1].as_str().expect("a refusal");
    assert!(
        matches!(wrong_secret, "basic" | "invalid_client"),
        "{name}: {said}"
    );
    assert_eq!(
        said,
        json!({
            "sub": format!("client:{id}"), "scope": "revocations:read", "rotated": true, "username": "ada",
            "before": [true, true], "after": [false, false, false], "refused": ["invalid_scope", wrong_secret],
        }),
        "{name}"
    );
}

#[tokio::test]
async fn other_libraries_do_all_that_a_client_does() {
    let oracles = match oracles(&CLIENTS) {
        Ok(oracles) => oracles,
        Err(absent) => return tell_absent("clients", &absent),
    };
    let server = Process::start("");
    sign_up_and_in(&server.issuer()).await;
    for oracle in &oracles {
        for method in ["client_secret_basic", "client_secret_post"] {
            does_all(&server, oracle, method).await;
        }
    }
}
