//! What a token's header says beside its key and its algorithm.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{IssueError, Reason, SigningKey, base64url, header, strict};

/// The members that have a meaning of their own: in the IANA registry of JOSE headers, or (`b64`, `zip`) one that verifiers
/// refuse. None of them is ever the application's to write.
const RESERVED: [&str; 24] = [
    "alg", "typ", "kid", "cty", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c", "x5t",
    "x5t#S256", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "iss", "sub", "aud",
];

/// What stands in the header of a token that is issued, beside `alg` and `kid`: its type, and members of the application's
/// own. Verifiers here pass those over; [`take_apart_unverified`](crate::take_apart_unverified) shows them.
///
/// ```
/// use keystile::{Claims, SigningKey, TokenHeader, take_apart_unverified};
///
/// let key = SigningKey::hs256([7; 32])?;
/// let header = TokenHeader::of_type("JWT").member("tenant", "north");
/// let token = key.issue_with(&header, &Claims::new("ada", 4_000_000_000))?;
///
/// let parts = take_apart_unverified(&token)?;
/// assert_eq!(parts.header_member("tenant"), Some("north".into()));
/// assert!(key.issue_with(&header.member("jwk", "mine"), &Claims::new("ada", 4_000_000_000)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    typ: String,
    members: Map<String, Value>,
}

impl TokenHeader {
    /// The header of an access token: `at+jwt` (RFC 9068, section 2.1).
    pub fn new() -> Self {
        Self::of_type(header::ACCESS_TOKEN)
    }

    /// The header of a token of another type, `JWT` say.
    pub fn of_type(typ: impl Into<String>) -> Self {
        Self {
            typ: typ.into(),
            members: Map::new(),
        }
    }

    /// A member of the application's own; a second of the same name replaces the first. The names that JOSE gives a meaning
    /// to (`alg`, `kid`, `jwk`, `crit`, …), and claims that headers repeat (`iss`, `sub`, `aud`), are refused when the token is
    /// issued.
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// The header under this key, encoded.
    pub(crate) fn encode(&self, key: &SigningKey) -> Result<String, IssueError> {
        #[derive(Serialize)]
        struct Written<'a> {
            alg: &'a str,
            typ: &'a str,
            kid: &'a str,
            #[serde(flatten)]
            members: &'a Map<String, Value>,
        }
        let reserved = |name: &&String| RESERVED.contains(&name.as_str());
        if let Some(name) = self.members.keys().find(reserved) {
            let name = name.clone();
            return Err(IssueError::ReservedHeader { name });
        }
        let json = serde_json::to_vec(&Written {
            alg: key.algorithm().as_str(),
            typ: &self.typ,
            kid: key.key_id().as_str(),
            members: &self.members,
        })?;
        let readable: Result<_, Reason> = strict::read_object(&json, |_, _| 0);
        readable.map_err(IssueError::Refused)?;
        Ok(base64url::encode(&json))
    }
}

impl Default for TokenHeader {
    fn default() -> Self {
        Self::new()
    }
}
