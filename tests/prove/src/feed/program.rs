//! A client program: its credentials, and the tokens that it gets by them.

use anyhow::Context;
use serde_json::Value;

use crate::client::Request;
use crate::server::Server;

/// Its lifetime is long enough for a proof, so that no stream ends for it.
pub const SETTINGS: [(&str, &str); 1] = [("KEYSTILE_TOKENS__ACCESS_LIFETIME", "6h")];

/// A program that may read the feed.
#[derive(Clone)]
pub struct Program {
    id: String,
    secret: String,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({})", self.id)
    }
}

impl Program {
    /// Made by the command line, beside the running server.
    pub async fn make(server: &Server, name: &str) -> anyhow::Result<Self> {
        Self::make_with(server, name, &[]).await
    }

    /// The same, with more options of `client create`.
    pub async fn make_with(server: &Server, name: &str, more: &[&str]) -> anyhow::Result<Self> {
        let make = [
            "client",
            "create",
            name,
            "--scope",
            "revocations:read",
            "--json",
        ];
        let arguments = [&make, more].concat();
        let said = server.run_with_input(&arguments, "").await?;
        let said: Value = serde_json::from_str(&said)?;
        let text = |member: &str| {
            let found = said[member].as_str();
            found
                .map(str::to_owned)
                .with_context(|| format!("a client without {member}"))
        };
        Ok(Self {
            id: text("client_id")?,
            secret: text("client_secret")?,
        })
    }

    /// As a guard's environment has them.
    pub fn credentials(&self) -> [(&'static str, &str); 2] {
        [
            ("KEYSTILE_CLIENT_ID", &self.id),
            ("KEYSTILE_CLIENT_SECRET", &self.secret),
        ]
    }

    /// The feed as this program follows it.
    pub fn feed(&self) -> keystile::Feed {
        keystile::Feed::client(self.id.clone(), self.secret.clone())
    }

    /// An access token (RFC 6749, section 4.4).
    pub async fn token(&self, server: &Server) -> anyhow::Result<String> {
        self.token_by(server, "scope=revocations%3Aread").await
    }

    /// One that is asked for with these parameters.
    pub async fn token_by(&self, server: &Server, parameters: &str) -> anyhow::Result<String> {
        let request = Request::post("/oauth/token")
            .basic(&self.id, &self.secret)
            .form(&format!("grant_type=client_credentials&{parameters}"));
        let answer = server.client().send(&request).await?;
        answer
            .expect(200, "asking for a token")?
            .text("access_token")
    }
    /// Revokes an access token of its own (RFC 7009).
    pub async fn revoke(&self, server: &Server, token: &str) -> anyhow::Result<()> {
        let request = Request::post("/oauth/revoke")
            .basic(&self.id, &self.secret)
            .form(&format!("token={token}"));
        let answer = server.client().send(&request).await?;
        answer.expect(200, "revoking a token").map(drop)
    }
}
