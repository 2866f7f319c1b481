//! Signs tokens.

use serde::Serialize;
use thiserror::Error;

use crate::{Claims, SigningKey, base64url, compact, header, payload};

/// Why no token was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The claims do not serialise.
    #[error("the claims do not serialise as a JSON object: {0}")]
    Serialize(#[from] serde_json::Error),
    /// A verifier would refuse the token.
    #[error(
        "a verifier would refuse this token ({0}); give each claim once, with its registered type, at most 32 levels deep"
    )]
    Refused(crate::Reason),
    /// aws-lc refused to sign.
    #[error("the key refused to sign; check the system's memory and randomness")]
    Sign,
}

impl SigningKey {
    /// Signs an access token: `typ` is `at+jwt` (RFC 9068).
    ///
    /// A token that our own verifier would refuse for its form is not made: an extra claim that repeats a registered
    /// one, say, or one that is longer than 16 KiB.
    pub fn issue<E: Serialize>(&self, claims: &Claims<E>) -> Result<String, IssueError> {
        self.issue_under(self.usual_header(), claims)
    }

    /// Signs a token of another type, `JWT` say. Verifiers that state their type then refuse it as an access token.
    pub fn issue_as<E: Serialize>(
        &self,
        typ: &str,
        claims: &Claims<E>,
    ) -> Result<String, IssueError> {
        let header = header::encode(self.algorithm(), typ, self.key_id());
        self.issue_under(&header, claims)
    }

    fn issue_under<E: Serialize>(
        &self,
        header: &str,
        claims: &Claims<E>,
    ) -> Result<String, IssueError> {
        let mut json = Vec::with_capacity(512);
        serde_json::to_writer(&mut json, claims)?;
        let extra = serde_json::to_vec(&claims.extra)?;
        payload::check_written(claims, &extra).map_err(IssueError::Refused)?;

        let mut token = String::with_capacity(header.len() + json.len() * 4 / 3 + 96);
        token.push_str(header);
        token.push('.');
        base64url::encode_into(&json, &mut token);
        let signature = self
            .sign(token.as_bytes(), base64url::encode)
            .ok_or(IssueError::Sign)?;
        token.push('.');
        token.push_str(&signature);
        if token.len() > compact::LONGEST_TOKEN {
            return Err(IssueError::Refused(crate::Reason::TokenTooLarge));
        }
        Ok(token)
    }
}
