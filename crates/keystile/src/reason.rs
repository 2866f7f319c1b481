//! Why a token was refused: stable codes, the same in the answer, the log and the metric.

use std::error::Error;
use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $oauth:expr, $cure:literal;)+) => {
        /// Why a request was refused. The code is stable: it is part of the interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// Every reason, in the order in which the checks are made.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code, in `snake_case`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that answers it: 400, 401, 403, 408, 413 or 503.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The `error` of RFC 6750, section 3.1. `None` where no token came, and where the fault is not the caller's.
            pub const fn oauth_error(self) -> Option<&'static str> {
                match self { $(Self::$name => $oauth,)+ }
            }

            /// One sentence: what is wrong and what to do about it.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $cure,)+ }
            }
        }
    };
}

const REQUEST: Option<&str> = Some("invalid_request");
const TOKEN: Option<&str> = Some("invalid_token");
const SCOPE: Option<&str> = Some("insufficient_scope");

reasons! {
    /// The request carries no token.
    TokenMissing = "token_missing", 401, None,
        "No token came with the request; send one: as 'Authorization: Bearer <token>', unless this service names another place.";
    /// More than one token, or a token beside credentials of another kind.
    CredentialsAmbiguous = "credentials_ambiguous", 400, REQUEST,
        "The request carries more than one token, or other credentials beside one; send exactly one, in one place.";
    /// The header that carries the token (`Authorization`, unless the guard reads another) is not its scheme and one token.
    AuthorizationMalformed = "authorization_malformed", 400, REQUEST,
        "The token's header cannot be read; write one token in it, and before it only the scheme: 'Bearer' and one space, unless this service asks for another.";
    /// A body in which a token may stand is longer than what is read of one.
    BodyTooLarge = "body_too_large", 413, None,
        "The body is longer than what is read of one that may carry a token; send less, or the token outside the body.";
    /// A body in which a token may stand could not be read to its end.
    BodyUnreadable = "body_unreadable", 400, REQUEST,
        "The body, which may carry a token, broke off before its end; send the request again.";
    /// A body in which a token may stand was not there in time.
    BodyTooSlow = "body_too_slow", 408, None,
        "The body, which may carry a token, did not come in time; send the request again.";
    /// A token in a cookie, and the request does not come from a page of the application's own.
    OriginRefused = "origin_refused", 403, None,
        "The request comes from a page of another origin, or does not say from which; send it from the application's own page.";
    /// Longer than 16 KiB.
    TokenTooLarge = "token_too_large", 401, TOKEN,
        "The token is longer than 16 KiB; ask its issuer for one with fewer claims.";
    /// Not three canonical base64url parts of JSON objects.
    TokenMalformed = "token_malformed", 401, TOKEN,
        "This is not a signed JWT in its compact form; send the token exactly as it was issued.";
    /// A JSON object in the token names a member twice.
    TokenMemberDuplicate = "token_member_duplicate", 401, TOKEN,
        "A member occurs twice in the token's JSON; its issuer must write each once.";
    /// `crit`, `b64` or `zip` in the header.
    TokenCriticalRefused = "token_critical_refused", 401, TOKEN,
        "The token's header asks for an extension (crit, b64 or zip) that is not accepted here; issue it without.";
    /// `none`, an unknown algorithm, or not the key's own.
    TokenAlgorithmRefused = "token_algorithm_refused", 401, TOKEN,
        "The token's algorithm is not the one of the key that verifies it; sign it with the issuer's configured key.";
    /// No issuer entry accepts the token's `iss`.
    TokenIssuerWrong = "token_issuer_wrong", 401, TOKEN,
        "The token's issuer is not trusted here; ask the issuer that this service names for a token.";
    /// The issuer's keys were never had, or too long ago.
    KeysUnknown = "keys_unknown", 503, None,
        "The keys of the token's issuer cannot be had at present; try again shortly.";
    /// No key of that id in the issuer's key set.
    TokenKeyUnknown = "token_key_unknown", 401, TOKEN,
        "The token's key is not in the issuer's key set: another secret or issuer signed it, or the key was retired; ask this service's issuer for a new token.";
    /// The signature does not hold.
    TokenSignatureInvalid = "token_signature_invalid", 401, TOKEN,
        "The token's signature does not hold: it was altered, or another key signed it; ask for a new token.";
    /// The issuer, asked about it, says that it is not active (RFC 7662, section 2.2), and never why.
    TokenInactive = "token_inactive", 401, TOKEN,
        "The token's issuer says that it is not active: it has expired, was revoked or was never issued; refresh it or sign in again.";
    /// A registered claim of the wrong JSON type.
    TokenClaimMalformed = "token_claim_malformed", 401, TOKEN,
        "A claim has the wrong JSON type; its issuer must write claims as RFC 7519 and RFC 9068 say.";
    /// Not the kind of token that is accepted here (`typ`).
    TokenTypeWrong = "token_type_wrong", 401, TOKEN,
        "The 'typ' in the token's header is not the one that is accepted here; send an access token, which has at+jwt there unless this service says otherwise.";
    /// Meant for another audience.
    TokenAudienceWrong = "token_audience_wrong", 401, TOKEN,
        "The audience of this service, its name for itself, is not in the token's 'aud'; ask for a token with it, or, if the service is yours, tell its guard the name that its tokens have.";
    /// A required claim is absent.
    TokenClaimMissing = "token_claim_missing", 401, TOKEN,
        "A claim that is required here is absent from the token; its issuer must write it.";
    /// A refresh token where an access token belongs: `ksr_…`, or a JWT whose required claim says `refresh`.
    AccessTokenNeeded = "access_token_needed", 401, TOKEN,
        "A refresh token came where an access token belongs; send the access token, and the refresh token only to be exchanged.";
    /// Another kind of token where a refresh token belongs.
    RefreshTokenNeeded = "refresh_token_needed", 401, TOKEN,
        "This is not a refresh token; send the one that came with the last sign-in or refresh.";
    /// A required claim has another value.
    TokenClaimWrong = "token_claim_wrong", 401, TOKEN,
        "A claim has not the value that is required here; this may be another kind of token.";
    /// `exp` has passed.
    TokenExpired = "token_expired", 401, TOKEN,
        "The token has expired; refresh it or sign in again.";
    /// `nbf` lies in the future.
    TokenNotYetValid = "token_not_yet_valid", 401, TOKEN,
        "The token is not valid yet; wait, or check both machines' clocks.";
    /// `iat` lies in the future.
    TokenIssuedInFuture = "token_issued_in_future", 401, TOKEN,
        "The token says that it was issued in the future; check both machines' clocks.";
    /// Its session, its id, its key or its account's generation was revoked.
    TokenRevoked = "token_revoked", 401, TOKEN,
        "The token was revoked, by a sign-out for example; sign in again.";
    /// What is revoked is not known at present.
    RevocationUnknown = "revocation_unknown", 503, None,
        "Whether the token was revoked cannot be told at present; try again shortly.";
    /// A token in a cookie, and no CSRF token beside it.
    CsrfTokenMissing = "csrf_token_missing", 403, None,
        "The token came in a cookie without a CSRF token beside it; send the session's CSRF token too, in the header or the form's field for it.";
    /// A CSRF token that is not the session's.
    CsrfTokenWrong = "csrf_token_wrong", 403, None,
        "The CSRF token is not that of the session; send the one that came with the last sign-in or refresh.";
    /// The caller lacks a role.
    RoleMissing = "role_missing", 403, SCOPE,
        "The caller lacks a role that this needs; ask an administrator for it, then sign in again.";
    /// The token lacks a scope.
    ScopeMissing = "scope_missing", 403, SCOPE,
        "The token lacks a scope that this needs; ask for a token with it.";
    /// The sign-in is too long ago, or the token does not say that it is fresh.
    NotFresh = "not_fresh", 401, Some("insufficient_user_authentication"),
        "This needs a recent sign-in; sign in again with the password and retry.";
    /// What the request names belongs to another caller: no other token of this one opens it.
    ResourceNotOwn = "resource_not_own", 403, None,
        "This belongs to another account; ask for what is the caller's own.";
    /// The application's own look-up finds no account of the token's subject.
    AccountUnknown = "account_unknown", 401, TOKEN,
        "The token is good, but there is no such account here; sign in again, or sign up.";
    /// The application's own look-up or check says no.
    AccessDenied = "access_denied", 403, None,
        "The caller is known, and may not do this here; ask an administrator.";
    /// The application's own look-up or check cannot tell.
    AccessUnknown = "access_unknown", 503, None,
        "Whether the caller may do this cannot be told at present; try again shortly.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refused request or token: why, and what about it is safe to show. It never holds the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    claim: Option<Box<str>>,
    needed: Option<Box<str>>,
    max_age: Option<u64>,
}

impl Refusal {
    /// A refusal for this reason.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            claim: None,
            needed: None,
            max_age: None,
        }
    }

    pub(crate) fn of_claim(reason: Reason, claim: &str) -> Self {
        Self {
            claim: Some(claim.into()),
            ..Self::new(reason)
        }
    }

    /// A refusal that names the role or the scope that is lacking, for requirements of an application's own.
    pub fn lacking(reason: Reason, needed: &str) -> Self {
        Self {
            needed: Some(needed.into()),
            ..Self::new(reason)
        }
    }

    pub(crate) fn not_fresh(seconds: u64) -> Self {
        Self {
            max_age: Some(seconds),
            ..Self::new(Reason::NotFresh)
        }
    }

    /// Why.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The stable code of the reason.
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The HTTP status that answers it.
    pub const fn status(&self) -> u16 {
        self.reason.status()
    }

    /// The name of the claim at fault, where one claim is.
    pub fn claim(&self) -> Option<&str> {
        self.claim.as_deref()
    }

    /// The role or the scope that was lacking.
    pub fn needed(&self) -> Option<&str> {
        self.needed.as_deref()
    }

    /// How recent the sign-in must be, in seconds, where it was not fresh.
    pub const fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// One sentence: what is wrong and what to do about it.
    pub const fn describe(&self) -> &'static str {
        self.reason.describe()
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.code(), self.reason.describe())?;
        if let Some(claim) = &self.claim {
            write!(f, " Claim: {claim}.")?;
        }
        if let Some(needed) = &self.needed {
            write!(f, " Needed: {needed}.")?;
        }
        Ok(())
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_each_reason_is_complete() {
        let mut seen = HashSet::new();
        for reason in Reason::ALL {
            assert!(seen.insert(reason.code()), "{reason} twice");
            assert!(matches!(reason.status(), 400 | 401 | 403 | 408 | 413 | 503));
            assert!(reason.describe().ends_with('.'), "{reason}");
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
            // It is quoted in a challenge, where neither quotes nor backslashes nor non-ASCII may stand (RFC 6750, section 3).
            assert!(!reason.describe().contains(['"', '\\']) && reason.describe().is_ascii());
        }
    }

    #[test]
    fn a_refusal_names_what_was_lacking() {
        let refusal = Refusal::lacking(Reason::RoleMissing, "admin");
        assert!(refusal.to_string().starts_with("role_missing: "));
        assert_eq!(refusal.needed(), Some("admin"));
        assert_eq!(Refusal::not_fresh(300).max_age(), Some(300));
    }
}
