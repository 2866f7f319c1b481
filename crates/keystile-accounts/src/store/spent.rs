//! What a refresh token that was consumed before means: the rule, which is the same on both engines.

use super::{Rotate, Salt, SessionRecord};

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
    Expired,
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
        return Verdict::Expired;
    }
    let within_grace = consumed
        .rotated_at
        .is_some_and(|at| rotate.now < at.saturating_add(rotate.grace));
    match consumed.salt {
        Some(salt) if within_grace => Verdict::Replayed(salt),
        _ if consumed.expires_at <= rotate.now => Verdict::Expired,
        _ => Verdict::Reused,
    }
}
