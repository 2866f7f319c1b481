//! A token of a test issuer, claim by claim.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::TestIssuer;
use crate::{Audience, SigningKey, Timestamp, base64url, header};

/// A token, before it is signed. Made by [`TestIssuer::token`].
///
/// Unless more is said it is good for the issuer's own guards: `iss`, `sub`, `aud`, `iat` and `exp`, an id of its own, the
/// subject's session `SUB-session`, and the subject's generation. It has no roles, no scope, and no sign-in that is fresh.
///
/// ```
/// use std::time::Duration;
/// use keystile::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let token = issuer
///     .token("ada")
///     .role("admin")
///     .scope("cakes:read")
///     .scope("cakes:write")
///     .session("s-7")
///     .expires_in(Duration::from_secs(60))
///     .claim("shop", "north");
/// let header = format!("Bearer {token}");
/// # assert!(issuer.guard().verify(&header[7..]).unwrap().claims().scope.contains("cakes:write"));
/// ```
#[derive(Clone)]
#[must_use = "a token is signed when it is built, or given to a text"]
pub struct TestToken {
    issuer: TestIssuer,
    token_type: Value,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TestToken {
    pub(super) fn begin(issuer: &TestIssuer, subject: String) -> Self {
        let settings = &issuer.0.settings;
        let mut token = Self {
            issuer: issuer.clone(),
            token_type: settings.token_type.as_str().into(),
            header: Map::new(),
            claims: Map::new(),
        }
        .claim("iss", settings.issuer.as_str())
        .claim("iat", issuer.clock().now().as_seconds())
        .claim("jti", format!("token-{}", issuer.next_number()))
        .claim("sid", format!("{subject}-session"))
        .claim("gen", issuer.0.log.generation(&subject))
        .claim("sub", subject)
        .expires_in(settings.lifetime);
        if let Some(audience) = settings.written_audience() {
            token = token.claim("aud", audience);
        }
        for (name, value) in &settings.required {
            token = token.claim(name, value.clone());
        }
        token
    }

    /// Any claim, whatever it is, in the place of the one that stood there. `json!` makes values that are not plain.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Every member of what serialises as an object: the application's own claims.
    ///
    /// # Panics
    ///
    /// Where it does not serialise as an object.
    #[track_caller]
    pub fn extra(mut self, claims: &impl Serialize) -> Self {
        match serde_json::to_value(claims) {
            Ok(Value::Object(members)) => self.claims.extend(members),
            other => panic!("claims are an object, and this is {other:?}"),
        }
        self
    }

    /// Without this claim.
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// A role beside those that it has.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        let roles = self.claims.entry("roles").or_insert_with(|| json!([]));
        if let Value::Array(roles) = roles {
            roles.push(role.into().into());
        }
        self
    }

    /// A scope beside those that it has.
    pub fn scope(self, scope: impl AsRef<str>) -> Self {
        let had = self.claims.get("scope").and_then(Value::as_str);
        let words = [had.unwrap_or_default(), scope.as_ref()].join(" ");
        self.claim("scope", words.trim())
    }

    /// Whom it is for, in the place of the issuer's usual audience.
    pub fn audience(self, audience: impl Into<Audience>) -> Self {
        let audience = json!(audience.into());
        self.claim("aud", audience)
    }

    /// It expires so much later than now.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let expires = self.now().saturating_add(lifetime);
        self.claim("exp", expires.as_seconds())
    }

    /// It expired so long ago, and was issued before that.
    pub fn expired_ago(self, ago: Duration) -> Self {
        let expired = self.now().saturating_sub(ago);
        let issued = expired.saturating_sub(self.issuer.0.settings.lifetime);
        self.claim("exp", expired.as_seconds())
            .claim("iat", issued.as_seconds())
    }

    /// The subject has just signed in: `auth_time` is now, and the mark `fresh` is set.
    pub fn fresh(self) -> Self {
        self.signed_in_ago(Duration::ZERO).claim("fresh", true)
    }

    /// The subject signed in so long ago: `auth_time`.
    pub fn signed_in_ago(self, ago: Duration) -> Self {
        let at = self.now().saturating_sub(ago);
        self.claim("auth_time", at.as_seconds())
    }

    /// The session that it belongs to: `sid`.
    pub fn session(self, session: impl Into<String>) -> Self {
        self.claim("sid", session.into())
    }

    /// The token's own id: `jti`.
    pub fn id(self, id: impl Into<String>) -> Self {
        self.claim("jti", id.into())
    }

    /// The client program that it was issued to: `client_id`.
    pub fn client(self, client: impl Into<String>) -> Self {
        self.claim("client_id", client.into())
    }

    /// A name to greet the subject by: `preferred_username`.
    pub fn username(self, name: impl Into<String>) -> Self {
        self.claim("preferred_username", name.into())
    }

    /// The header's `typ`.
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = Value::String(token_type.into());
        self
    }

    /// Any member of the header, in the place of the one that stood there: `kid`, `crit`, `alg`. It is signed all the same,
    /// by the issuer's key.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// The token, signed.
    pub fn build(&self) -> String {
        let key = self.issuer.signing();
        let signed = format!("{}.{}", self.encoded_header(&key), self.encoded_claims());
        sign(&key, signed)
    }

    /// The token as the value of `Authorization`: `Bearer`, a space, the token.
    pub fn bearer(&self) -> String {
        format!("Bearer {self}")
    }

    pub(super) fn encoded_header(&self, key: &SigningKey) -> String {
        if let (Value::String(typ), true) = (&self.token_type, self.header.is_empty()) {
            return header::encode(key.algorithm(), typ, key.key_id());
        }
        let mut members = Map::new();
        members.insert("alg".to_owned(), key.algorithm().as_str().into());
        members.insert("kid".to_owned(), key.key_id().as_str().into());
        members.insert("typ".to_owned(), self.token_type.clone());
        members.extend(self.header.clone());
        base64url::encode(Value::Object(members).to_string().as_bytes())
    }

    pub(super) fn encoded_claims(&self) -> String {
        base64url::encode(self.json().as_bytes())
    }

    /// The claims as they stand in the token.
    pub(super) fn json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    fn now(&self) -> Timestamp {
        self.issuer.clock().now()
    }
}

/// Header, dot, payload: with the signature of this key.
pub(super) fn sign(key: &SigningKey, signed: String) -> String {
    let signature = key.sign(signed.as_bytes(), base64url::encode);
    let signature = signature.expect("aws-lc signs with a key that it made");
    signed + "." + &signature
}

impl fmt::Display for TestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.build())
    }
}

impl From<TestToken> for String {
    fn from(token: TestToken) -> Self {
        token.build()
    }
}

/// Nothing is hidden: it is a token for tests.
impl fmt::Debug for TestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestToken")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
