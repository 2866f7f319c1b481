//! What a refresh token that was consumed before means: the rule, which is the same on both engines.

use super::{Expiry, OfSession, Rotate, Rotation, Salt, SessionRecord};

/// What the rows of a consumed token say, read in one snapshot.
pub(super) struct Consumed {
    pub(super) session: SessionRecord,
    /// The salt, if the successor is unused and the salt was not erased.
    pub(super) salt: Option<Salt>,
    pub(super) rotated_at: Option<i64>,
    /// Whether it belongs to the chain that the session has now.
    pub(super) same_chain: bool,
    pub(super) expires_at: i64,
}

/// What to do about it.
pub(super) enum Verdict {
    Ended,
    Expired(Expiry),
    Replayed(Salt),
    Reused,
}

pub(super) fn judge(rotate: &Rotate, consumed: &Consumed) -> Verdict {
    let session = &consumed.session;
    // A password change replaced the chain: its tokens are over, and prove no theft.
    if session.ended.is_some() || !consumed.same_chain {
        return Verdict::Ended;
    }
    if session.expires_at <= rotate.now {
        return Verdict::Expired(expiry(
            rotate,
            session.expires_at,
            session.absolute_expires_at,
        ));
    }
    let within_grace = consumed
        .rotated_at
        .is_some_and(|at| rotate.now < at.saturating_add(rotate.grace));
    match consumed.salt {
        Some(salt) if within_grace => Verdict::Replayed(salt),
        _ if consumed.expires_at <= rotate.now => Verdict::Expired(expiry(
            rotate,
            consumed.expires_at,
            session.absolute_expires_at,
        )),
        _ => Verdict::Reused,
    }
}

/// A token that was not consumed and does not rotate: what its session's row says.
pub(super) struct Head {
    pub(super) of: OfSession,
    pub(super) ended: bool,
    pub(super) expires_at: i64,
    pub(super) absolute_expires_at: Option<i64>,
}

impl Head {
    pub(super) fn refused(self, rotate: &Rotate) -> Rotation {
        if self.ended {
            Rotation::Ended(self.of)
        } else if self.expires_at <= rotate.now {
            let expiry = expiry(rotate, self.expires_at, self.absolute_expires_at);
            Rotation::Expired(self.of, expiry)
        } else {
            Rotation::Unknown
        }
    }
}

fn expiry(rotate: &Rotate, expires_at: i64, absolute: Option<i64>) -> Expiry {
    if absolute.is_some_and(|limit| limit <= expires_at) {
        Expiry::Absolute
    } else if rotate.idle {
        Expiry::Idle
    } else {
        Expiry::Lifetime
    }
}

/// What the audit tells of a refused refresh, beside whose it was.
pub(super) fn refusal_detail(rotation: &Rotation) -> String {
    serde_json::json!({ "outcome": rotation.outcome() }).to_string()
}
