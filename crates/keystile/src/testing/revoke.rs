//! What a test issuer revokes: felt by its own guards at once, and told by its feed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::{TestIssuer, lock};
use crate::{KeyId, Revocations, RevocationsOf, Timestamp, compact};

const SESSION: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const TOKEN: &str = "urn:keystile:event:token-revoked";
const SUBJECT: &str = "urn:keystile:event:subject-revoked";
const KEY: &str = "urn:keystile:event:key-withdrawn";

/// Until when revocations count: long after every test.
const UNTIL: Timestamp = Timestamp::from_seconds(9_999_999_999);

/// The generation of a subject of whom nothing was revoked yet.
const FIRST: u64 = 1;

/// What was revoked, in its order.
#[derive(Default)]
pub(super) struct Log {
    told: Mutex<Told>,
    /// Wakes who reads the feed.
    more: Condvar,
    is_lost: Arc<AtomicBool>,
}

#[derive(Default)]
struct Told {
    entries: Vec<Entry>,
    /// Of subjects whose tokens were revoked: the smallest that is good.
    generations: HashMap<String, u64>,
}

/// The part of a security event token that says what is revoked.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) subject: Value,
    pub(super) events: Value,
}

impl Log {
    /// A list that is not known while the feed is lost.
    pub(super) fn revocations(&self) -> Revocations {
        let revocations = Revocations::new();
        let is_lost = Arc::clone(&self.is_lost);
        revocations.require_known(move || !is_lost.load(Ordering::Acquire));
        revocations
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// What a token of the subject carries in `gen`.
    pub(super) fn generation(&self, subject: &str) -> u64 {
        let told = lock(&self.told);
        told.generations.get(subject).copied().unwrap_or(FIRST)
    }

    /// The entries from there on.
    pub(super) fn after(&self, position: usize) -> Vec<Entry> {
        lock(&self.told)
            .entries
            .get(position..)
            .unwrap_or_default()
            .to_vec()
    }

    /// Waits for more, no longer than so.
    pub(super) fn wait(&self, at_most: Duration) {
        let told = lock(&self.told);
        // Who wakes looks for itself what there is, so it does not matter what woke it.
        drop(self.more.wait_timeout(told, at_most));
    }

    fn tell(&self, mut told: MutexGuard<'_, Told>, subject: Value, kind: &str, details: &Value) {
        let events = json!({ kind: details });
        told.entries.push(Entry { subject, events });
        drop(told);
        self.more.notify_all();
    }
}

impl TestIssuer {
    /// Ends a session, as a sign-out does: its tokens (`sid`) are refused with `token_revoked` from now on.
    pub fn revoke_session_now(&self, session: &str) {
        let log = &self.0.log;
        let told = lock(&log.told);
        self.own_list().revoke_session(session, UNTIL);
        let id = json!({ "format": "opaque", "id": session });
        let subject = json!({ "format": "complex", "session": id });
        log.tell(
            told,
            subject,
            SESSION,
            &json!({ "until": UNTIL.as_seconds() }),
        );
    }

    /// Revokes one token of this issuer, by its `jti`.
    ///
    /// # Panics
    ///
    /// If it is no token, or has no `jti`.
    #[track_caller]
    pub fn revoke_token_now(&self, token: &str) {
        let id = token_id(token).expect("a token that has a jti can be revoked");
        let log = &self.0.log;
        let told = lock(&log.told);
        self.own_list().revoke_token_id(&id, UNTIL);
        let subject = json!({ "format": "jwt_id", "iss": self.iss(), "jti": id });
        log.tell(
            told,
            subject,
            TOKEN,
            &json!({ "until": UNTIL.as_seconds() }),
        );
    }

    /// Ends all of a subject's sessions, as a password change or a sign-out everywhere does: the tokens that the subject has
    /// are refused with `token_revoked`, and those made from now on are good.
    pub fn revoke_subject_now(&self, subject: &str) {
        let log = &self.0.log;
        let mut told = lock(&log.told);
        let generation = told.generations.entry(subject.to_owned()).or_insert(FIRST);
        *generation += 1;
        let smallest_good = *generation;
        self.own_list()
            .revoke_generation_below(subject, smallest_good, UNTIL);
        let whom = json!({ "format": "iss_sub", "iss": self.iss(), "sub": subject });
        let until = UNTIL.as_seconds();
        let details = json!({ "until": until, "generation_below": smallest_good });
        log.tell(told, whom, SUBJECT, &details);
    }

    /// Loses what tells guards of revocations: they answer `revocation_unknown`, 503, until it is
    /// [found again](Self::find_feed). A guard that follows the [served](Self::serve) issuer is cut off its feed, and
    /// does what it was told to do then.
    pub fn lose_feed(&self) {
        self.0.log.is_lost.store(true, Ordering::Release);
        self.0.log.more.notify_all();
    }

    /// The feed is there again, and tells what was revoked meanwhile.
    pub fn find_feed(&self) {
        self.0.log.is_lost.store(false, Ordering::Release);
    }

    pub(super) fn tell_withdrawn(&self, key: &KeyId) {
        let told = lock(&self.0.log.told);
        self.own_list().withdraw_key(key);
        let subject = json!({ "format": "opaque", "id": key.as_str() });
        self.0.log.tell(told, subject, KEY, &json!({}));
    }

    fn own_list(&self) -> RevocationsOf {
        self.0.revocations.of_issuer(self.iss())
    }
}

fn token_id(token: &str) -> Option<String> {
    let payload = compact::take_apart_unverified(token).ok()?.payload;
    let claims: Value = serde_json::from_str(&payload).ok()?;
    Some(claims.get("jti")?.as_str()?.to_owned())
}
