//! Clients: programs with credentials of their own.

use std::fmt;

use super::{Act, AuditRecord, Hash, SessionRecord};

/// What a client's subject begins with. No account's id has a colon, so that no token of a client can be taken for a
/// person's.
const SUBJECT: &str = "client:";

/// The `sub` of a client's own tokens.
pub fn client_subject(id: &str) -> String {
    format!("{SUBJECT}{id}")
}

/// A client to create.
#[derive(Clone)]
pub struct NewClient {
    /// Its id, never given to another.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of its secret.
    pub secret_hash: Hash,
    /// The scopes that its tokens may have.
    pub scopes: Vec<String>,
    /// The audiences that its tokens may be for; none means the issuer's own.
    pub audiences: Vec<String>,
}

impl fmt::Debug for NewClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewClient({}, {}, redacted)", self.id, self.name)
    }
}

/// A client as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of its secret.
    pub secret_hash: Hash,
    /// The scopes that its tokens may have.
    pub scopes: Vec<String>,
    /// The audiences that its tokens may be for.
    pub audiences: Vec<String>,
    /// The `gen` of its own tokens.
    pub generation: u64,
    /// When it was created.
    pub created_at: i64,
}

impl fmt::Debug for ClientRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientRecord({}, {}, redacted)", self.id, self.name)
    }
}

/// Whose a refresh token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOwner {
    /// The session, living or ended.
    pub session: SessionRecord,
    /// Whether the token is the one that comes next; else it was consumed.
    pub is_current: bool,
}

/// What is written about an act on a client. It has no account: the id stands in the detail.
pub(in crate::store) fn audited(act: &Act, kind: &str, id: &str, name: &str) -> AuditRecord {
    AuditRecord {
        at: act.now,
        kind: kind.to_owned(),
        actor_id: act.actor.as_ref().map(|actor| actor.account_id.clone()),
        from: act.from.clone(),
        detail: Some(serde_json::json!({ "client_id": id, "name": name }).to_string()),
        ..AuditRecord::default()
    }
}
