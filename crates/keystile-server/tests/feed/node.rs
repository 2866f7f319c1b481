//! A server for one test, and the tokens of those who call it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use keystile::{Claims, Clock, SigningKey, Timestamp};
use keystile_accounts::{Accounts, Hashing, SignIn, SignUp, SignedIn};
use keystile_server::{Readiness, Settings, Stop, listen, router};

use crate::reading::Reading;

pub(crate) const ISSUER: &str = "https://id.example";
const PASSWORD: &str = "correct horse battery staple";

/// A server on a port of its own.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) accounts: Accounts,
    pub(crate) readiness: Readiness,
    pub(crate) stop: Stop,
    clock: Clock,
}

impl Node {
    pub(crate) async fn start(url: &str, clock: &Clock, feed_readers: usize) -> Self {
        let accounts = Accounts::builder(url)
            .issuer(ISSUER)
            .clock(clock.clone())
            .hashing(Hashing::default().cost(64, 1, 1).threads(1))
            .open();
        let accounts = accounts.await.expect("accounts");
        let readiness = Readiness::default();
        let settings = Settings {
            feed_readers,
            readiness: readiness.clone(),
            clock: clock.clone(),
            ..Settings::default()
        };
        let app = router(accounts.clone(), settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = Stop::default();
        tokio::spawn(listen(listener, app, 1_000, None, stop.clone()));
        Self {
            address,
            accounts,
            readiness,
            stop,
            clock: clock.clone(),
        }
    }

    /// What a client's token says, good for so long.
    pub(crate) fn claims(&self, jti: &str, life: Duration) -> Claims {
        let now = self.clock.now();
        Claims {
            iss: Some(ISSUER.to_owned()),
            aud: ISSUER.into(),
            iat: Some(now.as_seconds()),
            jti: Some(jti.to_owned()),
            client_id: Some("reports".to_owned()),
            scope: "revocations:read".into(),
            ..Claims::new("client:reports", now.saturating_add(life).as_seconds())
        }
    }

    /// Signs it with the node's present key.
    pub(crate) async fn sign(&self, claims: &Claims) -> String {
        let keys = self.accounts.keys().await.expect("keys");
        let signing = keys.iter().find(|key| key.is_signing()).expect("a key");
        let pem = self.accounts.export_key(&signing.key_id).await;
        let key = SigningKey::from_pem(&pem.expect("its private part")).expect("a key");
        let key = key.with_key_id(signing.key_id.as_str());
        key.issue(claims).expect("a token")
    }

    /// A client's token that is good for an hour.
    pub(crate) async fn token(&self) -> String {
        self.sign(&self.claims("readers-own", Duration::from_secs(3_600)))
            .await
    }

    /// Opens the feed with a token of its own.
    pub(crate) async fn read(&self, last: Option<&str>) -> Reading {
        Reading::open(self.address, &self.token().await, last).await
    }

    pub(crate) async fn revoke(&self, jti: &str) {
        let expires = self.clock.now().saturating_add(Duration::from_secs(900));
        self.accounts
            .revoke_token(jti, expires)
            .await
            .expect("a revocation");
    }

    pub(crate) async fn person(&self, name: &str) -> SignedIn {
        let new = SignUp::username(name).password(PASSWORD);
        self.accounts.sign_up(new).await.expect("an account");
        let person = SignIn::username(name).password(PASSWORD);
        self.accounts.sign_in(person).await.expect("a session")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
