//! A bad token for every reason.

use std::time::Duration;

use super::token::sign;
use super::{TestIssuer, TestToken};
use crate::{OpaqueToken, REFRESH_TOKEN_PREFIX, Random, Reason, base64url, compact};

/// Beyond every leeway.
const DAY: Duration = Duration::from_secs(24 * 3_600);

impl TestIssuer {
    /// A token that is refused for just this reason, by this issuer's guards and by any that trust it in the same way: to
    /// see what your own application answers.
    ///
    /// ```
    /// use keystile::{Reason, testing::TestIssuer};
    ///
    /// let issuer = TestIssuer::new();
    /// let token = issuer.bad(Reason::TokenExpired);
    /// assert_eq!(issuer.guard().verify(&token).unwrap_err().reason(), Reason::TokenExpired);
    /// ```
    ///
    /// Some of them pass the guard, and what a route asks for refuses them: for `RoleMissing`, `ScopeMissing` and `NotFresh` it is
    /// a token that has no role, no scope, and no fresh sign-in; for `AccountUnknown` and `ResourceNotOwn` one whose subject is
    /// `no-such-account`. For `TokenRevoked` it is a token that was good until it was revoked, just now.
    ///
    /// `TokenClaimWrong` and `RefreshTokenNeeded` come only where a guard requires a claim of a certain value: say
    /// [`require_claim`](Self::require_claim) first, for the second one with the value `refresh`.
    ///
    /// # Panics
    ///
    /// For a reason that no token brings about, but the request around it or the state of the service: the message says what
    /// does. [`bad_tokens`](Self::bad_tokens) has just those that can be had.
    #[track_caller]
    pub fn bad(&self, reason: Reason) -> String {
        match self.make_bad(reason) {
            Ok(token) => token,
            Err(instead) => panic!("no token is refused with {reason}: {instead}"),
        }
    }

    /// A bad token for every reason for which this issuer has one, with the reason.
    ///
    /// ```
    /// # use keystile::{Reason, testing::TestIssuer};
    /// # let issuer = TestIssuer::new();
    /// # let guard = issuer.guard();
    /// # use Reason as R;
    /// # let of_routes = [R::RoleMissing, R::ScopeMissing, R::NotFresh, R::ResourceNotOwn, R::AccountUnknown];
    /// for (reason, token) in issuer.bad_tokens() {
    ///     // Ask your application, and look at what it answers.
    ///     # match guard.verify(&token) {
    ///     #     Err(refusal) => assert_eq!(refusal.reason(), reason),
    ///     #     Ok(_) => assert!(of_routes.contains(&reason)),
    ///     # }
    /// }
    /// ```
    pub fn bad_tokens(&self) -> Vec<(Reason, String)> {
        let made = |reason: &Reason| Some((*reason, self.make_bad(*reason).ok()?));
        Reason::ALL.iter().filter_map(made).collect()
    }

    /// Every reason has its line: one that is added to the list does not compile until it has. `Err`: what brings it about
    /// instead of a token.
    fn make_bad(&self, reason: Reason) -> Result<String, &'static str> {
        use Reason as R;
        let token = self.token("ada");
        let now = self.clock().now();
        let later = now.saturating_add(DAY).as_seconds();
        Ok(match reason {
            R::TokenTooLarge => token
                .claim("padding", "x".repeat(compact::LONGEST_TOKEN))
                .build(),
            R::TokenMalformed => "not-a-token".to_owned(),
            R::TokenMemberDuplicate => self.with_member_twice(&token),
            R::TokenCriticalRefused => token.header("crit", vec!["exp"]).build(),
            R::TokenAlgorithmRefused => token.header("alg", "none").build(),
            R::TokenIssuerWrong => token.claim("iss", "https://another-issuer.test").build(),
            R::TokenKeyUnknown => token.header("kid", "nobodys-test-key").build(),
            R::TokenSignatureInvalid => self.with_signature_of_another(&token),
            R::TokenClaimMalformed => token.claim("nbf", "soon").build(),
            R::TokenTypeWrong => token.token_type("another+jwt").build(),
            R::TokenAudienceWrong => token.audience("https://another-api.test").build(),
            R::TokenClaimMissing => token.without("sub").build(),
            R::AccessTokenNeeded => refresh_token(),
            R::RefreshTokenNeeded => self.of_another_kind(&token, true)?,
            R::TokenClaimWrong => self.of_another_kind(&token, false)?,
            R::TokenExpired => token.expired_ago(DAY).build(),
            R::TokenNotYetValid => token.claim("nbf", later).expires_in(2 * DAY).build(),
            R::TokenIssuedInFuture => token.claim("iat", later).expires_in(2 * DAY).build(),
            R::TokenRevoked => self.revoked(&token),
            R::RoleMissing | R::ScopeMissing | R::NotFresh => token.build(),
            R::AccountUnknown | R::ResourceNotOwn => self.token("no-such-account").build(),
            R::TokenMissing => return Err("send a request without one"),
            R::CredentialsAmbiguous => return Err("send two good tokens in one request"),
            R::AuthorizationMalformed => {
                return Err("send an Authorization header that says Bearer and nothing else");
            }
            R::BodyTooLarge | R::BodyUnreadable | R::BodyTooSlow => {
                return Err("send a form or JSON body that is too long, breaks off or never ends");
            }
            R::OriginRefused => {
                return Err(
                    "send a good one in a cookie, by POST, with the Origin of another site",
                );
            }
            R::CsrfTokenMissing => {
                return Err("send a good one in a cookie, by POST, and nothing beside it");
            }
            R::CsrfTokenWrong => {
                return Err(
                    "send a good one in a cookie, by POST, with another session's CSRF token",
                );
            }
            R::RevocationUnknown => return Err("say TestIssuer::lose_feed, and send a good one"),
            R::AccessDenied => {
                return Err("send a good one of an account that your own look-up or check refuses");
            }
            R::AccessUnknown => {
                return Err("send a good one while your own look-up or check has nobody to ask");
            }
            R::KeysUnknown => {
                return Err(
                    "serve the issuer, let it fail with Fault::Down, follow it by connect_lazy, and send a good one",
                );
            }
            R::TokenInactive => {
                return Err("serve the issuer, ask it by an Introspection, and send any text");
            }
        })
    }

    /// The payload names `sub` twice.
    fn with_member_twice(&self, token: &TestToken) -> String {
        let key = self.signing();
        let twice = token.json().replacen('{', r#"{"sub":"eve","#, 1);
        let payload = base64url::encode(twice.as_bytes());
        sign(&key, format!("{}.{payload}", token.encoded_header(&key)))
    }

    /// A signature of the right key and length, over something else.
    fn with_signature_of_another(&self, token: &TestToken) -> String {
        let key = self.signing();
        let signed = format!("{}.{}", token.encoded_header(&key), token.encoded_claims());
        let other = sign(&key, format!("{signed}, with a word added"));
        let signature = other.rsplit('.').next().unwrap_or_default();
        format!("{signed}.{signature}")
    }

    /// A required claim has another value than it must have.
    fn of_another_kind(
        &self,
        token: &TestToken,
        for_refresh: bool,
    ) -> Result<String, &'static str> {
        let required = &self.0.settings.required;
        let is_refresh = |value: &serde_json::Value| value.as_str() == Some("refresh");
        let fits = |(_, value): &&(String, serde_json::Value)| is_refresh(value) == for_refresh;
        match required.iter().find(fits) {
            Some((name, _)) => Ok(token.clone().claim(name, "another").build()),
            None if for_refresh => Err(
                "it is of guards that require a claim with the value \"refresh\"; say TestIssuer::require_claim",
            ),
            None => Err("it is of guards that require a claim; say TestIssuer::require_claim"),
        }
    }

    fn revoked(&self, token: &TestToken) -> String {
        let token = token.build();
        self.revoke_token_now(&token);
        token
    }
}

/// One as `keystile-accounts` and the server give.
fn refresh_token() -> String {
    OpaqueToken::generate(REFRESH_TOKEN_PREFIX, &Random::seeded(1))
        .expose()
        .to_owned()
}
