//! An issuer that is trusted, and what holds for its tokens alone.

use std::time::Duration;

use serde_json::Value;

use crate::entry::{Algorithms, Entry};
use crate::mapping::ClaimPath;
use crate::{Algorithm, ExpiryRule, Guard, KeySource, SubjectRule, Trust, Verifier};

/// Whom a [`Verifier`] trusts: made of a [`Trust`], of a [`LegacyTrust`](crate::LegacyTrust), or, with the feature `remote`,
/// of an `Issuer` that is followed. All that is said here holds for this issuer's tokens alone.
///
/// ```
/// use std::time::Duration;
/// use keystile::{Algorithm, Claims, Expected, SigningKey, SubjectRule, Trust, Trusted, Verifier};
///
/// # let ours = SigningKey::hs256([7; 32])?;
/// # let theirs = SigningKey::hs256([8; 32])?;
/// let verifier = Verifier::new(Trust {
///     issuer: "https://id.example".into(),
///     audience: "cakes".into(),
///     token_type: "at+jwt".into(),
///     keys: ours.verifying_key().clone(),
/// })
/// .or_trust(
///     Trusted::from(Trust {
///         issuer: "https://login.partner.example".into(),
///         audience: Expected::Absent,
///         token_type: "JWT".into(),
///         keys: theirs.verifying_key().clone(),
///     })
///     .algorithms([Algorithm::Hs256])
///     .leeway(Duration::from_secs(10))
///     .subject(SubjectRule::Integer)
///     .roles_from(["realm_access", "roles"]),
/// );
///
/// let claims = serde_json::json!({
///     "iss": "https://login.partner.example", "sub": 7, "exp": 4_000_000_000_i64,
///     "realm_access": { "roles": ["baker"] },
/// });
/// let token = verifier.verify(&theirs.sign_claims("JWT", &claims)?)?;
/// assert_eq!(token.claims().sub, "7");
/// assert!(token.claims().roles.contains("baker"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trusted(pub(crate) Entry);

impl<K: Into<KeySource>> From<Trust<K>> for Trusted {
    fn from(trust: Trust<K>) -> Self {
        Self(Entry::new(
            trust.issuer,
            trust.audience,
            trust.token_type,
            trust.keys.into(),
        ))
    }
}

impl Trusted {
    fn with(mut self, change: impl FnOnce(&mut Entry)) -> Self {
        change(&mut self.0);
        self
    }

    /// How long after `exp` a token of this issuer still passes, whatever the verifier says of the others.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.with(|entry| entry.leeway = Some(leeway))
    }

    /// How far in the future `nbf` and `iat` of this issuer's tokens may lie, whatever the verifier says of the others.
    #[must_use]
    pub fn future_skew(self, skew: Duration) -> Self {
        self.with(|entry| entry.future_skew = Some(skew))
    }
}

/// What can be said of one issuer: of a [`Trusted`], and of the entry that was added last to a verifier or a guard.
macro_rules! words_for {
    ($type:ty, $change:ident, $whose:literal) => {
        impl $type {
            #[doc = concat!("A further claim that must be there with just this value, in ", $whose, ".")]
            #[must_use]
            pub fn require_claim(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
                self.$change(|entry| entry.required.push((name.into(), value.into())))
            }

            #[doc = concat!("What `sub` must be, in ", $whose, ". A string that is not empty unless said otherwise.")]
            #[must_use]
            pub fn subject(self, rule: SubjectRule) -> Self {
                self.$change(|entry| entry.subject = rule)
            }

            #[doc = concat!("Whether there must be an `exp`, in ", $whose, ". There must, unless said otherwise.")]
            #[must_use]
            pub fn expiry(self, rule: ExpiryRule) -> Self {
                self.$change(|entry| entry.expiry = rule)
            }

            #[doc = concat!("The algorithms that are accepted, of those that the keys have, in ", $whose, ". All of them unless said otherwise;")]
            /// a token by another is refused with `token_algorithm_refused`.
            #[must_use]
            pub fn algorithms(self, accepted: impl IntoIterator<Item = Algorithm>) -> Self {
                let accepted = accepted.into_iter().collect::<Algorithms>();
                self.$change(|entry| entry.algorithms = accepted)
            }

            #[doc = concat!("Reads the caller's identity, `sub`, out of another claim, in ", $whose, ".")]
            ///
            /// What [`subject`](Self::subject) says holds for that claim; the token's own `sub` still counts where its issuer
            /// revokes it.
            #[must_use]
            pub fn subject_from(self, claim: impl Into<ClaimPath>) -> Self {
                self.$change(|entry| entry.mapping().subject = Some(claim.into()))
            }

            #[doc = concat!("Reads the caller's roles out of this claim instead of `roles`, in ", $whose, ": an array of strings, or one")]
            /// string as one role. Said several times, all of them count together. A claim that is absent gives none.
            ///
            /// `["realm_access", "roles"]` is a member within a member, `"cognito:groups"` one by its full name.
            #[must_use]
            pub fn roles_from(self, claim: impl Into<ClaimPath>) -> Self {
                self.$change(|entry| entry.mapping().roles.push(claim.into()))
            }

            #[doc = concat!("Reads the scope out of this claim instead of `scope`, in ", $whose, ": words in a string, or an array of words,")]
            /// as `scp` comes; an element of two words is refused. Said several times, all of them count together. A claim that is absent gives none.
            #[must_use]
            pub fn scope_from(self, claim: impl Into<ClaimPath>) -> Self {
                self.$change(|entry| entry.mapping().scope.push(claim.into()))
            }
        }
    };
}

words_for!(Trusted, with, "this issuer's tokens");
words_for!(Verifier, last_entry, "the entry added last");
words_for!(Guard, last_entry, "the verifier's last entry");
