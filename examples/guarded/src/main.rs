//! `cargo run -p guarded -- callers`, or another of the tasks: its routes on loopback, with a token that lets you in.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use guarded::account::Account;
use guarded::{account, answers, callers, cookies, elsewhere, issue, own, revoke, roles, whole};
use keystile::{Claims, Clock, Guard, Random, SigningKey};
use serde_json::json;

const ADDRESS: &str = "127.0.0.1:3000";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let task = std::env::args().nth(1).unwrap_or_default();
    let secret = Random::system().bytes::<32>();
    let key = SigningKey::hs256(secret)?;
    let app = routes(&task, &key, secret).await?;
    let listener = tokio::net::TcpListener::bind(ADDRESS).await;
    let listener = listener.context("127.0.0.1:3000 is taken; stop what listens there")?;
    println!("{task} on {ADDRESS}");
    if task != "elsewhere" {
        let token = token(&key)?;
        println!("for 15 minutes good: Authorization: Bearer {token}");
    }
    Ok(axum::serve(listener, app).await?)
}

async fn routes(task: &str, key: &SigningKey, secret: [u8; 32]) -> anyhow::Result<Router> {
    let guard = Guard::hs256(secret)?;
    Ok(match task {
        "callers" => callers::router(guard),
        "roles" => roles::router(guard),
        "own" => own::router(guard),
        "account" => {
            let ada = Account {
                name: "Ada".to_owned(),
                is_barred: false,
            };
            account::router(guard, BTreeMap::from([("ada".to_owned(), ada)]))
        }
        "whole" => whole::router(guard),
        "answers" => answers::router(guard),
        "cookies" => {
            let csrf = Random::system().bytes::<32>();
            cookies::router(guard, csrf, &format!("http://{ADDRESS}"))
        }
        "issue" => {
            let door = guard.clone().token_type("ticket+jwt").audience("cinema");
            issue::router(guard, door, key.clone(), Clock::system())
        }
        "revoke" => revoke::router(guard, revoke::Barred::default()),
        "elsewhere" => {
            let issuer = std::env::args().nth(2);
            let issuer = issuer.context("say whom to follow: elsewhere http://127.0.0.1:8080")?;
            elsewhere::router(elsewhere::following(&issuer, &issuer).await?)
        }
        _ => bail!(
            "say which: callers, roles, own, account, whole, answers, cookies, issue, revoke or elsewhere"
        ),
    })
}

/// Ada's, an administrator's, who has just signed in.
fn token(key: &SigningKey) -> anyhow::Result<String> {
    let lifetime = Duration::from_secs(15 * 60);
    let claims = Claims::lasting("ada", lifetime, &Clock::system(), &Random::system());
    let claims = Claims {
        sid: Some("a-session".into()),
        roles: ["admin"].into_iter().collect(),
        scope: "cakes:read".into(),
        auth_time: claims.iat,
        ..claims
    };
    Ok(key.issue(&claims.with_extra(json!({ "shop": "north" })))?)
}
