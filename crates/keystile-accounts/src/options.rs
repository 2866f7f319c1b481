//! Everything that can be said of the options of [`Builder`] without looking at the store.

use std::time::Duration;

use crate::builder::Builder;
use crate::error::OpenError;
use crate::keys::KeyTimes;
use crate::password::Pool;
use crate::store;

/// The longest grace: a thief who holds a used token has so long to use it.
const LONGEST_GRACE: Duration = Duration::from_secs(300);
const LEAST_KEY: usize = 32;
/// A key is published for longer than this before it signs.
const LONGEST_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);

/// Refuses options that cannot be meant.
pub(crate) fn check(builder: &Builder) -> Result<(), OpenError> {
    store::check_url(&builder.url).map_err(OpenError::url)?;
    let (tokens, sessions) = (&builder.tokens, &builder.sessions);
    let second = Duration::from_secs(1);
    option(
        tokens.lifetime >= second,
        "access_lifetime",
        "an access token must live for at least a second",
    )?;
    option(
        sessions.refresh_lifetime > tokens.lifetime,
        "refresh_lifetime",
        "it must be longer than the access lifetime, or no refresh would come in time",
    )?;
    option(
        sessions
            .idle_limit
            .is_none_or(|limit| limit > tokens.lifetime),
        "idle_limit",
        "it must be longer than the access lifetime, or every session would end idle",
    )?;
    option(
        sessions.absolute_limit.is_none_or(|limit| limit >= second),
        "absolute_limit",
        "a session must be allowed at least a second",
    )?;
    option(
        sessions.limit != Some(0),
        "session_limit",
        "at least 1, or nobody could be signed in; none sets no limit",
    )?;
    option(
        sessions.replay_grace <= LONGEST_GRACE,
        "replay_grace",
        "at most 5 minutes",
    )?;
    option(
        sessions
            .refresh_hash_key
            .as_ref()
            .is_none_or(|key| key.len() >= LEAST_KEY),
        "refresh_hash_key",
        "a key needs at least 32 bytes; make one with `openssl rand -hex 32`",
    )?;
    option(
        !tokens.token_type.is_empty(),
        "token_type",
        "name a type, such as at+jwt or JWT",
    )?;
    check_keys(builder)?;
    Pool::check(builder.hashing).map_err(|error| OpenError::Option {
        option: "hashing",
        message: error.to_string(),
    })?;
    option(
        tokens.signing_secret.is_none()
            || tokens
                .algorithm
                .is_none_or(keystile::Algorithm::is_symmetric),
        "algorithm",
        "a signing secret signs by HS256; leave one of the two out",
    )
}

fn check_keys(builder: &Builder) -> Result<(), OpenError> {
    let keys = &builder.keys;
    option(
        keys.max_age >= Duration::from_secs(1) && keys.max_age <= LONGEST_MAX_AGE,
        "key_max_age",
        "from a second to a day",
    )?;
    let least = KeyTimes::new(keys.max_age).least_schedule(builder.tokens.lifetime);
    if keys.rotate_every.is_some_and(|every| every < least) {
        let message = format!(
            "rotate_keys_every: a key is published before it signs, and kept until its tokens have expired: give at least {} s, or lower key_max_age or access_lifetime",
            crate::error::whole_seconds(least)
        );
        return Err(OpenError::Option {
            option: "rotate_keys_every",
            message,
        });
    }
    check_elsewhere(builder)?;
    option(
        keys.previous_sealing_key.is_none() || keys.sealing_key.is_some(),
        "previous_sealing_key",
        "it is given beside the new one: give sealing_key too",
    )
}

/// What is said twice of keys that are kept elsewhere must agree.
fn check_elsewhere(builder: &Builder) -> Result<(), OpenError> {
    let (keys, tokens) = (&builder.keys, &builder.tokens);
    let Some(first) = keys.elsewhere.first() else {
        return Ok(());
    };
    let mut ids: Vec<&str> = keys
        .elsewhere
        .iter()
        .map(|key| key.key_id().as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    option(
        ids.len() == keys.elsewhere.len(),
        "signing_keys",
        "a key is given twice; leave one of the two out",
    )?;
    option(
        !keys
            .elsewhere
            .iter()
            .any(|key| key.algorithm().is_symmetric()),
        "signing_keys",
        "a secret signs by HS256: give it with signing_secret",
    )?;
    option(
        tokens.signing_secret.is_none(),
        "signing_keys",
        "a signing secret is given too; leave one of the two out",
    )?;
    option(
        keys.rotate_every.is_none(),
        "rotate_keys_every",
        "the signing keys are kept elsewhere, and are changed there; leave this out",
    )?;
    option(
        tokens
            .algorithm
            .is_none_or(|algorithm| algorithm == first.algorithm()),
        "algorithm",
        "the first of the signing keys signs, and has another algorithm; leave this out",
    )
}

fn option(sound: bool, option: &'static str, message: &str) -> Result<(), OpenError> {
    if sound {
        return Ok(());
    }
    Err(OpenError::Option {
        option,
        message: format!("{option}: {message}"),
    })
}
