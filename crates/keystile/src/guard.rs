//! What guards routes: a verifier, what is revoked, where a token may stand. No HTTP type is named here.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::check::{self, TokenCheck};
use crate::entry::Entry;
use crate::remembered::{LookedUp, Remembered};
use crate::sent::Sent;
use crate::{
    Clock, Expected, KeyError, KeySet, Reason, Refusal, Revocations, Timestamp, Trust, Trusted,
    Verified, Verifier, VerifyingKey,
};

/// Bytes of memory for verified tokens, unless said otherwise.
const DEFAULT_MEMORY: usize = 8 * 1024 * 1024;

/// Guards routes: verifies tokens, remembers those that it verified, and knows what is revoked. Clones share all of it.
///
/// Each setting gives a new guard. One about what is trusted gives it an empty memory, so make it once and clone it; one about what is
/// asked besides, where a token stands or how a refusal is answered leaves it the memory of the first.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    settings: Settings,
    remembered: Option<Arc<Remembered>>,
    /// One and the same in guards that judge alike, and differ at most in what they say of it.
    judging: Arc<()>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    verifier: Verifier,
    revocations: Revocations,
    /// What the application asks besides.
    checks: Vec<Arc<dyn TokenCheck>>,
    memory: usize,
    pub(crate) realm: Option<Box<str>>,
    #[cfg(feature = "tower")]
    pub(crate) places: crate::http::Places,
    #[cfg(feature = "tower")]
    pub(crate) answers: crate::http::Answers,
}

impl Guard {
    /// A guard by this verifier.
    pub fn new(verifier: Verifier) -> Self {
        Self::build(Settings {
            verifier,
            revocations: Revocations::new(),
            checks: Vec::new(),
            memory: DEFAULT_MEMORY,
            realm: None,
            #[cfg(feature = "tower")]
            places: crate::http::Places::default(),
            #[cfg(feature = "tower")]
            answers: crate::http::Answers::default(),
        })
    }

    /// A guard for tokens that this program, or one that shares its secret of at least 32 bytes, signs with HS256.
    ///
    /// The secret names the issuer, so `iss` is unchecked. The type must be `at+jwt`, until
    /// [`token_type`](Self::token_type) says otherwise; a token with an `aud` is refused until
    /// [`audience`](Self::audience) says which.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Ok(Self::new(Verifier::new(Trust {
            issuer: Expected::Unchecked,
            audience: Expected::Absent,
            token_type: crate::header::ACCESS_TOKEN.into(),
            keys: KeySet::from(VerifyingKey::hs256(secret)?),
        })))
    }

    fn build(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            remembered: Remembered::new(settings.memory).map(Arc::new),
            settings,
            judging: Arc::new(()),
        }))
    }

    /// What is remembered does not depend on any setting but the verifier and the size.
    pub(crate) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.changed(change, Arc::new(()))
    }

    /// What it says of a refusal, and to whom: it judges as before.
    pub(crate) fn speaking(self, change: impl FnOnce(&mut Settings)) -> Self {
        let judging = Arc::clone(&self.0.judging);
        self.changed(change, judging)
    }

    fn changed(self, change: impl FnOnce(&mut Settings), judging: Arc<()>) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self(Arc::new(Inner {
            remembered: self.0.remembered.clone(),
            settings,
            judging,
        }))
    }

    fn with_verifier(self, change: impl FnOnce(Verifier) -> Verifier) -> Self {
        let mut settings = self.0.settings.clone();
        settings.verifier = change(settings.verifier);
        Self::build(settings)
    }

    /// What the verifier's entry added last says, changed.
    pub(crate) fn last_entry(self, change: impl FnOnce(&mut Entry)) -> Self {
        self.with_verifier(|verifier| verifier.last_entry(change))
    }

    /// A claim that must be there with just this value, in every entry of the verifier, in place of what was required of it before.
    #[cfg(feature = "axum")]
    pub(crate) fn require_everywhere(self, name: &str, value: &str) -> Self {
        self.with_verifier(|verifier| {
            verifier.each_entry(|entry| {
                entry.required.retain(|(known, _)| known != name);
                entry.required.push((name.to_owned(), value.into()));
            })
        })
    }

    /// What `aud` must contain, in every entry of the verifier but those of a [`LegacyTrust`](crate::LegacyTrust), which state it
    /// themselves.
    #[must_use]
    pub fn audience(self, audience: impl Into<Expected>) -> Self {
        let audience = audience.into();
        self.each_of_today(|entry| entry.audience = audience.clone())
    }

    /// What `iss` must be, in every entry of the verifier but those of a [`LegacyTrust`](crate::LegacyTrust), which state it
    /// themselves.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<Expected>) -> Self {
        let issuer = issuer.into();
        self.each_of_today(|entry| entry.issuer = issuer.clone())
    }

    /// What the header's `typ` must be, in every entry of the verifier but those of a [`LegacyTrust`](crate::LegacyTrust), which
    /// state it themselves.
    #[must_use]
    pub fn token_type(self, token_type: impl Into<Expected>) -> Self {
        let token_type = token_type.into();
        self.each_of_today(|entry| entry.token_type = token_type.clone())
    }

    /// Trusts another issuer too, as [`Verifier::or_trust`] does: an older system's, say, beside the guard of the account engine.
    /// What is revoked, and whether that is known, is asked of its tokens as well.
    #[must_use]
    pub fn or_trust(self, trust: impl Into<Trusted>) -> Self {
        self.with_verifier(|verifier| verifier.or_trust(trust))
    }

    /// What the entries say but for issuers of the past, changed.
    fn each_of_today(self, change: impl Fn(&mut Entry)) -> Self {
        self.with_verifier(|verifier| {
            verifier.each_entry(|entry| {
                if entry.legacy.is_none() {
                    change(entry);
                }
            })
        })
    }

    /// The clock to go by. The system's unless said otherwise.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.with_verifier(|verifier| verifier.clock(clock))
    }

    /// How long after `exp` a token still passes, where its issuer's entry says nothing of its own. None unless said otherwise.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.with_verifier(|verifier| verifier.leeway(leeway))
    }

    /// What is revoked. Keep a clone and feed it. What a followed issuer revokes is asked besides.
    #[must_use]
    pub fn revocations(self, revocations: Revocations) -> Self {
        self.with(|settings| settings.revocations = revocations)
    }

    /// Asks this too of every token that holds otherwise: a list of the application's own, say. See [`TokenCheck`]. It may
    /// be said several times; the first that refuses decides.
    #[must_use]
    pub fn also_check(self, check: impl TokenCheck) -> Self {
        let check = Arc::new(check);
        self.with(|settings| settings.checks.push(check))
    }

    /// How many bytes of verified tokens to remember; 0 turns it off. 8 MiB unless said otherwise.
    #[must_use]
    pub fn remember(self, bytes: usize) -> Self {
        let mut settings = self.0.settings.clone();
        settings.memory = bytes;
        Self::build(settings)
    }

    /// The `realm` of the challenge (RFC 9110, section 11.5). None unless said.
    #[must_use]
    pub fn realm(self, realm: impl Into<String>) -> Self {
        let realm = realm.into().into_boxed_str();
        self.speaking(|settings| settings.realm = Some(realm))
    }

    /// The verifier, to replace its keys for example.
    pub fn verifier(&self) -> &Verifier {
        &self.0.settings.verifier
    }

    /// What is revoked, to add to it.
    pub fn revoked(&self) -> &Revocations {
        &self.0.settings.revocations
    }

    /// The moment by this guard's clock.
    pub fn now(&self) -> Timestamp {
        self.verifier().now()
    }

    /// Verifies a token: from memory if these very bytes were verified before, `exp`, `nbf` and revocation each time.
    ///
    /// It does not wait: where a [`TokenCheck`] or a followed issuer has to be asked first, it refuses with a reason that is
    /// answered 503. [`verify_async`](Self::verify_async) asks.
    pub fn verify(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        let now = self.now();
        let verdict = self.decide(token, now);
        #[cfg(feature = "remote")]
        if let Err(refusal) = &verdict {
            self.verifier().ask_for_keys(token, refusal, now);
        }
        let verified = verdict.map_err(|refusal| self.unless_not_known(refusal, now))?;
        check::now(self.checks(), &verified)?;
        Ok(verified)
    }

    /// As [`verify`](Self::verify), and waits where somebody has to be asked: a [`TokenCheck`] that answers later; a followed
    /// issuer for a key that is not known yet, or about a token while its revocations are not heard of, no longer than the
    /// time-out of its `Follow`. The layer and axum's extractors do the same.
    ///
    /// May be given up at any time.
    pub async fn verify_async(&self, token: &str) -> Result<Arc<Verified>, Refusal> {
        self.verdict(&token.into()).wait().await
    }

    pub(crate) fn decide(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Refusal> {
        self.decide_as_sent(&token.into(), now)
    }

    fn decide_as_sent(&self, token: &Sent<'_>, now: Timestamp) -> Result<Arc<Verified>, Refusal> {
        let verified = self.verify_or_remember(token, now)?;
        self.check_revoked(&verified, now)?;
        Ok(verified)
    }

    /// By the guard's own list, and by what the issuer is heard to revoke.
    fn check_revoked(&self, verified: &Verified, now: Timestamp) -> Result<(), Reason> {
        let check = |list: &Revocations| {
            let of = |claims| list.check_all(claims, verified.key_id(), now);
            let read = of(verified.claims());
            match verified.as_issued() {
                Some(issued) => revoked_by_either(of(issued), read),
                None => read,
            }
        };
        let own = check(self.revoked());
        match self.verifier().heard_of(verified) {
            Some(list) if !list.is_same(self.revoked()) => revoked_by_either(own, check(list)),
            _ => own,
        }
    }

    /// Whoever does not hear of revocations now may not have heard of a new key either: its token is good perhaps.
    pub(crate) fn unless_not_known(&self, refusal: Refusal, now: Timestamp) -> Refusal {
        let unknown = refusal.reason() == Reason::TokenKeyUnknown;
        if unknown && !self.revoked().is_current(None, now) {
            return Refusal::new(Reason::RevocationUnknown);
        }
        refusal
    }

    pub(crate) fn verify_or_remember(
        &self,
        token: &Sent<'_>,
        now: Timestamp,
    ) -> Result<Arc<Verified>, Refusal> {
        let verifier = self.verifier();
        let Some(remembered) = &self.0.remembered else {
            return verifier.verify_at(token.text()?, now);
        };
        // Read before the keys are: if they change meanwhile, what is put in counts for nothing.
        let epoch = verifier.epoch();
        match remembered.look_up(token.bytes(), epoch) {
            LookedUp::Known(known) => {
                verifier.check_again(&known, now)?;
                if verifier.epoch() == epoch {
                    return Ok(known);
                }
                // To ask whether the keys are known has just replaced them: a file was looked at.
                verifier.verify_at(token.text()?, now)
            }
            LookedUp::New(new) => {
                let verified = verifier.verify_at(token.text()?, now)?;
                if verifier.may_remember(&verified) {
                    remembered.put(&new, &verified);
                }
                Ok(verified)
            }
        }
    }

    /// As [`verify`](Self::verify); where somebody has to be asked, the answer comes later.
    pub(crate) fn verdict(&self, token: &Sent<'_>) -> Verdict {
        match self.verdict_but_for_checks(token) {
            Verdict::Now(Ok(verified)) => check::verdict(self.checks(), verified),
            Verdict::Later(later) if !self.checks().is_empty() => {
                let guard = self.clone();
                Verdict::Later(Box::pin(async move {
                    let verdict = check::verdict(guard.checks(), later.await?);
                    verdict.wait().await
                }))
            }
            verdict => verdict,
        }
    }

    /// Before any [`TokenCheck`] is asked.
    pub(crate) fn verdict_but_for_checks(&self, token: &Sent<'_>) -> Verdict {
        let now = self.now();
        let verdict = self.decide_as_sent(token, now);
        #[cfg(feature = "remote")]
        if let Err(refusal) = &verdict
            && let Ok(token) = token.text()
            && let Some(later) = crate::remote::later(self, token, refusal)
        {
            return Verdict::Later(later);
        }
        Verdict::Now(verdict.map_err(|refusal| self.unless_not_known(refusal, now)))
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> Option<&Remembered> {
        self.0.remembered.as_deref()
    }

    pub(crate) fn checks(&self) -> &[Arc<dyn TokenCheck>] {
        &self.0.settings.checks
    }

    #[cfg(feature = "tower")]
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Whether both make the same of every request, though they may answer a refusal differently.
    #[cfg(feature = "axum")]
    pub(crate) fn judges_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.judging, &other.0.judging)
    }
}

/// What two looks say together: that a token is revoked outweighs that somebody does not know.
fn revoked_by_either(one: Result<(), Reason>, other: Result<(), Reason>) -> Result<(), Reason> {
    match other {
        Err(Reason::TokenRevoked) => other,
        _ => one.and(other),
    }
}

/// What is made of a token, at once or once somebody was asked.
pub(crate) enum Verdict {
    Now(Result<Arc<Verified>, Refusal>),
    Later(Later),
}

impl Verdict {
    pub(crate) async fn wait(self) -> Result<Arc<Verified>, Refusal> {
        match self {
            Self::Now(verdict) => verdict,
            Self::Later(later) => later.await,
        }
    }
}

/// An answer that waits for somebody else's.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<Arc<Verified>, Refusal>> + Send>>;

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("verifier", self.verifier())
            .field("memory", &self.0.settings.memory)
            .finish_non_exhaustive()
    }
}
