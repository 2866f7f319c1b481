//! Where `token inspect` finds public keys: a file, or the issuer that publishes them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keystile::{Expected, FollowError, Issuer, KeySet, VerifyingKey};
use serde_json::Value;

use super::run;

/// How long an issuer may take to answer.
const TIME: Duration = Duration::from_secs(10);

/// The keys of a file: PEM, one JWK, or a JWKS.
pub(super) fn in_file(file: &Path) -> Result<KeySet> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let wrong = || format!("{shown} cannot be used; give a public key as PEM, JWK or JWKS");
    if !text.trim_start().starts_with('{') {
        return Ok(KeySet::new([
            VerifyingKey::from_pem(&text).with_context(wrong)?
        ]));
    }
    let document: Value = serde_json::from_str(&text).with_context(wrong)?;
    if document.get("keys").is_some() {
        return KeySet::from_jwks_json(&text).with_context(wrong);
    }
    Ok(KeySet::new([
        VerifyingKey::from_jwk(&text).with_context(wrong)?
    ]))
}

/// The keys that an issuer publishes: at the place that its metadata names (RFC 8414, `OpenID` Connect Discovery), or, where it
/// has none, at `/.well-known/jwks.json`.
pub(super) fn published_by(issuer: &str) -> Result<KeySet> {
    if !issuer.starts_with("http://") && !issuer.starts_with("https://") {
        bail!("{issuer:?} is not an issuer's URL; give one like http://127.0.0.1:8080");
    }
    let found = run::alone(Box::pin(follow(issuer)))?;
    let found = found.with_context(|| {
        format!("cannot fetch the keys of {issuer}; or give its public key with --key FILE")
    })?;
    Ok(found.keys())
}

async fn follow(issuer: &str) -> Result<Issuer, FollowError> {
    let following = || {
        Issuer::at(issuer)
            .audience(Expected::Unchecked)
            .timeout(TIME)
    };
    match following().connect().await {
        Err(FollowError::Status { status: 404, .. }) => {
            let usual = format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/'));
            following().keys_at(usual).connect().await
        }
        found => found,
    }
}
