//! Signs tokens.

use serde::Serialize;
use thiserror::Error;

use crate::{Claims, SigningKey, TokenHeader, base64url, compact, header, payload};

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
    /// A member of the header that is not the application's to write.
    #[error(
        "the header's {name:?} has a meaning of its own and is not the application's to write; give the member another name"
    )]
    ReservedHeader {
        /// The member.
        name: String,
    },
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

    /// Signs a token with a header that says more: its type, and members of the application's own. See [`TokenHeader`].
    pub fn issue_with<E: Serialize>(
        &self,
        header: &TokenHeader,
        claims: &Claims<E>,
    ) -> Result<String, IssueError> {
        self.issue_under(&header.encode(self)?, claims)
    }

    /// Signs claims that are not an access token's: a security event token's (RFC 8417, `secevent+jwt`), say. They must
    /// serialise as an object. `typ` keeps the token from being taken for an access token: give it one of its own.
    ///
    /// Of what it says nothing is looked at; one that is longer than 16 KiB is not made.
    pub fn sign_claims(&self, typ: &str, claims: &impl Serialize) -> Result<String, IssueError> {
        let json = serde_json::to_vec(claims)?;
        if !json.starts_with(b"{") {
            return Err(IssueError::Refused(crate::Reason::TokenMalformed));
        }
        self.sign_encoded(&header::encode(self.algorithm(), typ, self.key_id()), &json)
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
        self.sign_encoded(header, &json)
    }

    fn sign_encoded(&self, header: &str, json: &[u8]) -> Result<String, IssueError> {
        let mut token = String::with_capacity(header.len() + json.len() * 4 / 3 + 96);
        token.push_str(header);
        token.push('.');
        base64url::encode_into(json, &mut token);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expected, KeySet, Reason, Trust, Verifier};

    #[test]
    fn claims_of_another_kind_are_signed_and_are_no_access_token() {
        let key = SigningKey::hs256([7; 32]).unwrap();
        let trusts = |token_type: &str| {
            Verifier::new(Trust {
                issuer: Expected::Unchecked,
                audience: Expected::Unchecked,
                token_type: token_type.into(),
                keys: KeySet::from(key.verifying_key().clone()),
            })
        };
        let claims = serde_json::json!({ "sub": "ada", "exp": 4_000_000_000_i64 });
        let token = key.sign_claims("secevent+jwt", &claims).unwrap();
        assert!(trusts("secevent+jwt").verify(&token).is_ok());
        let refused = trusts("at+jwt").verify(&token).unwrap_err();
        assert_eq!(refused.reason(), Reason::TokenTypeWrong);
        for odd in [serde_json::json!(["ada"]), serde_json::json!("ada")] {
            assert!(key.sign_claims("secevent+jwt", &odd).is_err(), "{odd}");
        }
        let long = serde_json::json!({ "jti": "j".repeat(16 * 1024) });
        assert!(key.sign_claims("secevent+jwt", &long).is_err());
    }
}
