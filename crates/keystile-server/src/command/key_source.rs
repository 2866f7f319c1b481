//! Where `token inspect` finds public keys: a file, or the issuer that publishes them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use keystile::{KeySet, VerifyingKey};
use serde_json::Value;

/// How long an issuer may take to answer.
const TIME: Duration = Duration::from_secs(10);
/// Most bytes of a document that are read.
const CAP: usize = 1024 * 1024;

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

/// The keys that an issuer publishes: at the place that its metadata names (RFC 8414, `OpenID` Connect
/// Discovery), else at `/.well-known/jwks.json`.
pub(super) fn published_by(issuer: &str) -> Result<KeySet> {
    if !issuer.starts_with("http://") && !issuer.starts_with("https://") {
        bail!("{issuer:?} is not an issuer's URL; give one like http://127.0.0.1:8080");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(fetch_keys(issuer.trim_end_matches('/')))
}

async fn fetch_keys(issuer: &str) -> Result<KeySet> {
    // It can only be refused when one is installed already, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(TIME)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make an HTTP client")?;
    let usual = format!("{issuer}/.well-known/jwks.json");
    let found = match fetch(&client, &usual).await? {
        Some(text) => text,
        None => fetch_named(&client, issuer).await?,
    };
    KeySet::from_jwks_json(&found)
        .map_err(|error| anyhow!("{issuer} publishes no usable keys: {error}"))
}

/// By the issuer's metadata, which must name the same issuer.
async fn fetch_named(client: &reqwest::Client, issuer: &str) -> Result<String> {
    for name in ["oauth-authorization-server", "openid-configuration"] {
        let Some(text) = fetch(client, &format!("{issuer}/.well-known/{name}")).await? else {
            continue;
        };
        if let Some(keys) = fetch(client, &named_place(&text, issuer)?).await? {
            return Ok(keys);
        }
    }
    bail!("{issuer} publishes no keys: neither at /.well-known/jwks.json nor by its metadata")
}

/// Where an issuer's metadata says that its keys are. An issuer that is reached by TLS names a place that is, too: else
/// whoever sits between could put in keys of their own.
fn named_place(metadata: &str, issuer: &str) -> Result<String> {
    let document: Value =
        serde_json::from_str(metadata).context("the issuer's metadata is not JSON")?;
    let member = |name| document.get(name).and_then(Value::as_str);
    let named = member("issuer").unwrap_or_default();
    if named.trim_end_matches('/') != issuer {
        bail!("the metadata at {issuer} is that of another issuer, {named:?}");
    }
    let Some(place) = member("jwks_uri") else {
        bail!("the metadata at {issuer} names no jwks_uri; give the public key with --key FILE");
    };
    if issuer.starts_with("https://") && !place.starts_with("https://") {
        bail!(
            "{issuer} names keys at {place:?}, which is not https; give the public key with --key FILE"
        );
    }
    Ok(place.to_owned())
}

/// `None` where the server says 404.
async fn fetch(client: &reqwest::Client, url: &str) -> Result<Option<String>> {
    let asking = || {
        format!(
            "cannot fetch {url}; see that the issuer runs, or give its public key with --key FILE"
        )
    };
    let mut response = client.get(url).send().await.with_context(asking)?;
    if response.status().as_u16() == 404 {
        return Ok(None);
    }
    if !response.status().is_success() {
        bail!("{url} answered {}", response.status());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.with_context(asking)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > CAP {
            bail!("{url} answered with more than 1 MiB");
        }
    }
    Ok(Some(String::from_utf8(bytes).with_context(asking)?))
}

#[cfg(test)]
mod tests {
    use super::named_place;

    #[test]
    fn metadata_counts_for_its_own_issuer_and_leads_no_further_than_tls() {
        let place = |issuer: &str, named: &str, place: &str| {
            let metadata = serde_json::json!({ "issuer": named, "jwks_uri": place });
            named_place(&metadata.to_string(), issuer).ok()
        };
        let keys = Some("https://keys.example/a".to_owned());
        assert_eq!(
            place("https://a", "https://a/", "https://keys.example/a"),
            keys
        );
        assert_eq!(
            place("http://a", "http://a", "https://keys.example/a"),
            keys
        );
        assert!(place("http://a", "http://a", "http://a/keys").is_some());
        assert_eq!(place("https://a", "https://a", "http://a/keys"), None);
        assert_eq!(place("https://a", "https://b", "https://a/keys"), None);
        let nowhere = named_place(r#"{"issuer":"https://a"}"#, "https://a");
        assert!(nowhere.unwrap_err().to_string().contains("--key FILE"));
        assert!(named_place("<html>", "https://a").is_err());
    }
}
