//! The walk through the main job: each request's status, code and challenge, printed and compared.

use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use crate::client::{Answer, Client, Request};
use crate::engine::Engine;
use crate::person::{self, PASSWORD, Tokens};
use crate::server::Server;
use crate::verdict::Verdict;

/// What an answer must be.
struct Expected {
    status: u16,
    code: &'static str,
    /// The `error` of the challenge (RFC 6750, section 3.1); `Some("")` is a challenge without one.
    error: Option<&'static str>,
}

const fn success(status: u16) -> Expected {
    let code = "";
    Expected {
        status,
        code,
        error: None,
    }
}

const fn refusal(status: u16, code: &'static str, error: &'static str) -> Expected {
    let error = Some(error);
    Expected {
        status,
        code,
        error,
    }
}

struct Walk {
    client: Client,
    verdict: Verdict,
    steps: usize,
}

/// Signs up, in and out, and tries every kind of token that must be refused.
pub async fn prove(engine: Engine) -> anyhow::Result<Verdict> {
    let server = Server::start(engine, &[("KEYSTILE_TOKENS__ACCESS_LIFETIME", "2s")]).await?;
    let verdict = Verdict::of("walk", engine);
    let mut walk = Walk {
        client: server.client(),
        verdict,
        steps: 0,
    };
    let tokens = walk.sign_in_both_ways().await?;
    walk.refusals(&tokens).await?;
    walk.time(&tokens).await?;
    walk.sign_out().await?;
    let mut verdict = walk.verdict;
    verdict.figures = format!("{} requests answered as promised", walk.steps);
    Ok(verdict)
}

impl Walk {
    async fn step(
        &mut self,
        what: &str,
        request: Request,
        expected: Expected,
    ) -> anyhow::Result<Answer> {
        let answer = self.client.send(&request).await?;
        let challenge = answer.header("www-authenticate");
        println!(
            "  {what:<44} {:<32} {}",
            answer.brief(),
            challenge.unwrap_or("-")
        );
        let right = answer.status == expected.status
            && answer.code() == expected.code
            && challenge_fits(challenge, expected.error);
        self.verdict.check(right, || {
            let Expected {
                status,
                code,
                error,
            } = expected;
            format!(
                "{what}: expected {status} {code}, challenge error {error:?}; got {}",
                answer.brief()
            )
        });
        self.steps += 1;
        Ok(answer)
    }

    async fn sign_in_both_ways(&mut self) -> anyhow::Result<Tokens> {
        self.step("sign up", person::sign_up("ada", PASSWORD), success(201))
            .await?;
        let basic = Request::post("/v1/login").basic("ada", PASSWORD);
        let answer = self.step("sign in, Basic", basic, success(200)).await?;
        let by_basic = Tokens::from(answer, "signing in")?;
        self.step(
            "me, token of the Basic sign-in",
            person::me(&by_basic.access),
            success(200),
        )
        .await?;
        let answer = self
            .step(
                "sign in, JSON",
                person::sign_in("ada", PASSWORD),
                success(200),
            )
            .await?;
        let tokens = Tokens::from(answer, "signing in")?;
        self.step(
            "me, token of the JSON sign-in",
            person::me(&tokens.access),
            success(200),
        )
        .await?;
        Ok(tokens)
    }

    async fn refusals(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        let changed = person::me(&forged(&tokens.access)?);
        let expected = refusal(401, "token_signature_invalid", "invalid_token");
        self.step("me, a signature character changed", changed, expected)
            .await?;
        let none = refusal(401, "token_missing", "");
        self.step("me, no token", Request::get("/v1/me"), none)
            .await?;
        let administration = person::administration(&tokens.access);
        let expected = refusal(403, "role_missing", "insufficient_scope");
        self.step("accounts, without the role", administration, expected)
            .await?;
        Ok(())
    }

    async fn time(&mut self, tokens: &Tokens) -> anyhow::Result<()> {
        sleep(Duration::from_millis(3_100)).await;
        let expected = refusal(401, "token_expired", "invalid_token");
        self.step("me, after its 2 s", person::me(&tokens.access), expected)
            .await?;
        let forged = person::me(&forged(&tokens.access)?);
        let expected = refusal(401, "token_signature_invalid", "invalid_token");
        self.step("me, forged and expired", forged, expected)
            .await?;
        let answer = self
            .step("refresh", person::refresh(&tokens.refresh), success(200))
            .await?;
        let next = Tokens::from(answer, "refreshing")?;
        self.step(
            "me, refreshed token",
            person::me(&next.access),
            success(200),
        )
        .await?;
        Ok(())
    }

    async fn sign_out(&mut self) -> anyhow::Result<()> {
        let tokens = person::new_session(&mut self.client, "ada", PASSWORD).await?;
        self.step(
            "sign out",
            person::sign_out(&tokens.access, "this"),
            success(204),
        )
        .await?;
        let expected = refusal(401, "token_revoked", "invalid_token");
        self.step(
            "me, after the sign-out",
            person::me(&tokens.access),
            expected,
        )
        .await?;
        let after = person::refresh(&tokens.refresh);
        let answer = self.client.send(&after).await?;
        println!("  {:<44} {}", "refresh, after the sign-out", answer.brief());
        self.verdict.check(answer.status == 401, || {
            format!("refresh after the sign-out: {}", answer.brief())
        });
        self.steps += 1;
        Ok(())
    }
}

/// Whether a challenge is there where it must be, with the error it must have and no other.
fn challenge_fits(challenge: Option<&str>, expected: Option<&str>) -> bool {
    match (challenge, expected) {
        (None, None) => true,
        (Some(challenge), Some("")) => {
            challenge.starts_with("Bearer") && !challenge.contains("error")
        }
        (Some(challenge), Some(error)) => {
            challenge.starts_with("Bearer") && challenge.contains(&format!("error=\"{error}\""))
        }
        _ => false,
    }
}

/// The token with the first character of its signature changed.
fn forged(token: &str) -> anyhow::Result<String> {
    let (signed, signature) = token.rsplit_once('.').context("not a signed token")?;
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let rest = signature.get(1..).context("an empty signature")?;
    Ok(format!("{signed}.{first}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_the_error_that_it_must_have() {
        let bare = Some("Bearer realm=\"keystile\"");
        let expired = Some("Bearer realm=\"keystile\", error=\"invalid_token\"");
        assert!(challenge_fits(bare, Some("")));
        assert!(!challenge_fits(expired, Some("")));
        assert!(challenge_fits(expired, Some("invalid_token")));
        assert!(!challenge_fits(bare, Some("invalid_token")));
        assert!(!challenge_fits(None, Some("")));
        assert!(!challenge_fits(bare, None));
    }

    #[test]
    fn a_forged_token_differs_in_its_signature_only() {
        assert_eq!("a.b.Acd", forged("a.b.ccd").unwrap());
        assert_eq!("a.b.Bcd", forged("a.b.Acd").unwrap());
    }
}
