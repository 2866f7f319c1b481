//! What one issuer revoked: its entries touch no token of another's.

use std::sync::Arc;
use std::time::Duration;

use super::{Current, Entry, RevocationBatch, Revocations, WhenStale};
use crate::{KeyId, Timestamp};

/// What is revoked of one issuer's tokens, within the [`Revocations`] that it was taken from. Made by
/// [`Revocations::of_issuer`]; for a guard that trusts several issuers, each of which is fed on its own.
///
/// ```
/// use keystile::{Claims, Revocations, Timestamp};
///
/// let revocations = Revocations::new();
/// let theirs = revocations.of_issuer("https://login.partner.example");
/// theirs.revoke_generation_below("7", 3, Timestamp::MAX);
///
/// let ours = Claims { iss: Some("https://id.example".into()), ..Claims::new("7", 900) };
/// let same_name = Claims { iss: Some("https://login.partner.example".into()), ..ours.clone() };
/// assert!(!revocations.is_revoked(&ours) && revocations.is_revoked(&same_name));
/// ```
#[derive(Clone, Debug)]
pub struct RevocationsOf {
    all: Revocations,
    issuer: Box<str>,
    current: Arc<Current>,
}

impl Revocations {
    /// What is revoked of this issuer's tokens, those whose `iss` is just this.
    pub fn of_issuer(&self, issuer: &str) -> RevocationsOf {
        let _writing = self.lock();
        let current = self.current_of(issuer).unwrap_or_else(|| {
            let current = Arc::<Current>::default();
            let mut issuers = Vec::clone(&self.0.of_issuers.load());
            issuers.push((issuer.into(), Arc::clone(&current)));
            self.0.of_issuers.store(Arc::new(issuers));
            current
        });
        RevocationsOf {
            all: self.clone(),
            issuer: issuer.into(),
            current,
        }
    }
}

impl RevocationsOf {
    /// Revokes every token of a session.
    pub fn revoke_session(&self, sid: &str, until: Timestamp) {
        self.all.put(&self.all.0.sessions, sid, self.entry(until));
    }

    /// Revokes the token of this id, `jti`.
    pub fn revoke_token_id(&self, jti: &str, until: Timestamp) {
        self.all.put(&self.all.0.token_ids, jti, self.entry(until));
    }

    /// As [`Revocations::revoke_generation_below`].
    pub fn revoke_generation_below(&self, sub: &str, smallest_good: u64, until: Timestamp) {
        let entry = self.entry(until).below(smallest_good);
        self.all.put(&self.all.0.subjects, sub, entry);
    }

    /// As [`Revocations::revoke_issued_up_to`].
    pub fn revoke_issued_up_to(&self, sub: &str, moment: Timestamp, until: Timestamp) {
        let entry = self.entry(until).up_to(moment);
        self.all.put(&self.all.0.subjects, sub, entry);
    }

    /// Withdraws a key of this issuer, for good. Another issuer may have a key of the same id.
    pub fn withdraw_key(&self, kid: &KeyId) {
        self.all.withdraw(kid, self.entry(Timestamp::MAX));
    }

    /// Entries of this issuer to be added all at once.
    pub fn batch(&self) -> RevocationBatch {
        RevocationBatch::new(self.all.clone(), Some(self.issuer.clone()))
    }

    /// Says that everything that this issuer revoked up to `now` is held here.
    pub fn mark_current(&self, now: Timestamp) {
        self.current.mark(now);
    }

    /// The last [`mark_current`](Self::mark_current): how stale it is may be shown, or counted.
    pub fn marked_at(&self) -> Option<Timestamp> {
        self.current.marked_at()
    }

    /// Requires a [`mark_current`](Self::mark_current) within `age` for this issuer's tokens, besides what is required for
    /// all. Not required unless said.
    pub fn require_current_within(&self, age: Duration, when_stale: WhenStale) {
        self.current.require_within(age, when_stale);
    }

    fn entry(&self, until: Timestamp) -> Entry {
        Entry {
            issuer: Some(self.issuer.clone()),
            ..Entry::until(until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claims, Reason};

    const LATER: Timestamp = Timestamp::from_seconds(1_000);
    const NOW: Timestamp = Timestamp::from_seconds(1);

    fn claims(issuer: Option<&str>) -> Claims {
        Claims {
            iss: issuer.map(Into::into),
            sid: Some("s".into()),
            jti: Some("t".into()),
            generation: Some(5),
            ..Claims::new("7", 900)
        }
    }

    fn check(revocations: &Revocations, issuer: Option<&str>) -> Result<(), Reason> {
        revocations.check(&claims(issuer), &"k".into(), NOW)
    }

    #[test]
    fn what_one_issuer_revokes_touches_no_token_of_another() {
        let ways: [fn(&RevocationsOf); 4] = [
            |of| of.revoke_session("s", LATER),
            |of| of.revoke_token_id("t", LATER),
            |of| of.revoke_generation_below("7", 6, LATER),
            |of| of.withdraw_key(&"k".into()),
        ];
        for (at, revoke) in ways.into_iter().enumerate() {
            let revocations = Revocations::new();
            revoke(&revocations.of_issuer("theirs"));
            assert_eq!(check(&revocations, Some("ours")), Ok(()), "way {at}");
            assert_eq!(check(&revocations, None), Ok(()), "way {at}");
            let theirs = check(&revocations, Some("theirs"));
            assert_eq!(theirs, Err(Reason::TokenRevoked), "way {at}");
            revoke(&revocations.of_issuer("ours"));
            let ours = check(&revocations, Some("ours"));
            assert_eq!(ours, Err(Reason::TokenRevoked), "way {at}");
            assert_eq!(check(&revocations, None), Ok(()), "way {at}");
        }
    }

    #[test]
    fn the_time_of_issue_counts_within_one_issuer_too() {
        let revocations = Revocations::new();
        let theirs = revocations.of_issuer("theirs");
        theirs.revoke_issued_up_to("7", Timestamp::from_seconds(100), LATER);
        let old = |issuer: &str| Claims {
            generation: None,
            iat: Some(100),
            ..claims(Some(issuer))
        };
        assert!(revocations.is_revoked(&old("theirs")) && !revocations.is_revoked(&old("ours")));
    }

    #[test]
    fn a_key_withdrawn_everywhere_and_one_of_an_issuer_stand_beside_each_other() {
        let revocations = Revocations::new();
        revocations.of_issuer("theirs").withdraw_key(&"k".into());
        assert_eq!(check(&revocations, Some("ours")), Ok(()));
        revocations.withdraw_key(&"k".into());
        assert_eq!(check(&revocations, Some("ours")), Err(Reason::TokenRevoked));
        assert_eq!(
            check(&revocations, Some("theirs")),
            Err(Reason::TokenRevoked)
        );
    }

    #[test]
    fn each_issuer_has_its_own_mark() {
        let revocations = Revocations::new();
        let (ours, theirs) = (
            revocations.of_issuer("ours"),
            revocations.of_issuer("theirs"),
        );
        let second = Duration::from_secs(1);
        ours.require_current_within(second, WhenStale::Refuse);
        theirs.require_current_within(second, WhenStale::Refuse);
        assert_eq!((ours.marked_at(), theirs.marked_at()), (None, None));
        ours.mark_current(NOW);
        assert_eq!(check(&revocations, Some("ours")), Ok(()));
        assert_eq!(
            check(&revocations, Some("theirs")),
            Err(Reason::RevocationUnknown)
        );
        assert_eq!(
            check(&revocations, None),
            Ok(()),
            "nothing was required of it"
        );
        // A second handle is the same issuer's.
        revocations.of_issuer("theirs").mark_current(NOW);
        assert_eq!(theirs.marked_at(), Some(NOW));
        assert_eq!(check(&revocations, Some("theirs")), Ok(()));
        // What is required of all is required besides.
        revocations.require_current_within(second, WhenStale::Refuse);
        assert_eq!(
            check(&revocations, Some("ours")),
            Err(Reason::RevocationUnknown)
        );
    }
}
