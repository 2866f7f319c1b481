//! The protected resource as its clients discover it: RFC 9728.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use serde_json::{Map, Value};

use crate::{Expected, Guard};

mod metadata;

pub use metadata::ResourceMetadata;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The API that a guard protects, as clients discover it (RFC 9728): a client that was answered 401 reads in the challenge where its
/// metadata is, and in the metadata who issues tokens for it.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use keystile::{Guard, Principal, ProtectedResource};
///
/// async fn cakes(_: Principal) {}
///
/// # fn issued_elsewhere() -> Guard { Guard::hs256([7; 32]).unwrap() }
/// let resource = ProtectedResource::at("https://api.example/cakes")?.name("Cakes").scopes(["cakes:read"]);
/// let guard = issued_elsewhere().resource(&resource);
/// let app: Router = Router::new()
///     .route("/cakes", get(cakes))
///     .route_service(resource.metadata_path(), resource.metadata(&guard))
///     .with_state(guard);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The metadata is for everybody: where a [layer](Guard::layer) guards the whole router, add its route after the layer. Where the router is nested
/// below a path, it belongs to the outermost one.
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedResource {
    url: Box<str>,
    metadata_url: Box<str>,
    metadata_path: Box<str>,
    /// What it says of itself, by the members' names.
    said: Map<String, Value>,
}

/// Why a text cannot be a resource's identifier (RFC 9728, section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// It is no URL.
    #[error("the resource is no URL; write it like https://api.example/cakes")]
    NotAUrl,
    /// Neither `https`, nor `http` on this machine.
    #[error("a resource's URL is https; http is for localhost only")]
    NotHttps,
    /// A user name or a password.
    #[error("the resource's URL has a user name or a password in it; write it without")]
    UserInfo,
    /// A query, which a route does not tell from another.
    #[error("the resource's URL has a query; write it without what follows '?'")]
    Query,
    /// A fragment.
    #[error("the resource's URL has a fragment; write it without what follows '#'")]
    Fragment,
}

impl ProtectedResource {
    /// The resource of this URL: `https`, or `http` on loopback, without a query or a fragment.
    ///
    /// Clients take the metadata for genuine only where its `resource` is, byte for byte, the URL that they asked for (section 3.3); most are
    /// content with one that it begins with. Tokens for it name it in `aud` (RFC 8707): tell the guard, with
    /// [`audience`](Guard::audience).
    ///
    /// # Errors
    ///
    /// [`ResourceError`], where it is no such URL.
    pub fn at(url: impl Into<Box<str>>) -> Result<Self, ResourceError> {
        let url = url.into();
        let (origin, path) = parts(&url)?;
        let metadata_path = format!("{WELL_KNOWN}{path}").into_boxed_str();
        Ok(Self {
            metadata_url: format!("{origin}{metadata_path}").into(),
            metadata_path,
            url,
            said: Map::new(),
        })
    }

    /// Its URL, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its metadata is (section 3.1): `/.well-known/oauth-protected-resource`, and the resource's own path.
    pub fn metadata_path(&self) -> &str {
        &self.metadata_path
    }

    /// The same as a whole URL, which the challenge names.
    pub fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// What people call it (`resource_name`).
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.member("resource_name", name.into())
    }

    /// The scopes that a client may ask for (`scopes_supported`).
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.list("scopes_supported", scopes)
    }

    /// Who issues tokens for it (`authorization_servers`), in place of those that the guard trusts.
    #[must_use]
    pub fn authorization_servers(
        self,
        issuers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.list("authorization_servers", issuers)
    }

    /// Where developers read about it, a URL (`resource_documentation`).
    #[must_use]
    pub fn documentation(self, url: impl Into<String>) -> Self {
        self.member("resource_documentation", url.into())
    }

    /// Where the keys are with which the resource itself signs or is sent what is encrypted, an `https` URL (`jwks_uri`). An issuer's keys are
    /// not there.
    #[must_use]
    pub fn jwks_uri(self, url: impl Into<String>) -> Self {
        self.member("jwks_uri", url.into())
    }

    /// Any other member (section 2): `resource_policy_uri`, `resource_tos_uri`, `resource_name#de`. The last word on a name counts,
    /// but for `resource`, which is always the URL.
    #[must_use]
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.said.insert(name.into(), value.into());
        self
    }

    fn list(self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values: Vec<Value> = values
            .into_iter()
            .map(|v| Value::String(v.into()))
            .collect();
        self.member(name, values)
    }

    /// The metadata, for a route at [`metadata_path`](Self::metadata_path). Whom the guard trusts and where it reads tokens is told too,
    /// unless said otherwise here: `authorization_servers` are the issuers whose name is a URL, but for those of a
    /// [`LegacyTrust`](crate::LegacyTrust); `bearer_methods_supported` are the guard's places as far as RFC 6750 has them.
    pub fn metadata(&self, guard: &Guard) -> ResourceMetadata {
        let mut members = self.said.clone();
        let issuers = guard.issuers_by_url();
        if !issuers.is_empty() {
            let told = members.entry("authorization_servers");
            told.or_insert_with(|| issuers.into());
        }
        let told = members.entry("bearer_methods_supported");
        told.or_insert_with(|| guard.settings().places.bearer_methods().collect());
        members.insert("resource".into(), (*self.url).into());
        ResourceMetadata::new(&Value::Object(members))
    }
}

impl fmt::Debug for ProtectedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProtectedResource").field(&self.url).finish()
    }
}

impl Guard {
    /// The resource that this guard protects: each challenge says where its metadata is, in `resource_metadata` (RFC 9728,
    /// section 5.1). [`ProtectedResource::metadata`] serves it.
    #[must_use]
    pub fn resource(self, resource: &ProtectedResource) -> Self {
        let url = resource.metadata_url.clone();
        self.speaking(|settings| settings.answers.metadata = Some(url))
    }

    /// The issuers that it trusts for what is to come, by their URLs.
    fn issuers_by_url(&self) -> Vec<&str> {
        let entries = self.verifier().entries().iter();
        let entries = entries.filter(|entry| entry.legacy.is_none());
        let names = entries.flat_map(|entry| match &entry.issuer {
            Expected::Exactly(one) => std::slice::from_ref(one),
            Expected::AnyOf(some) => some,
            Expected::Absent | Expected::Unchecked => &[],
        });
        let mut issuers = Vec::new();
        for name in names {
            if parts(name).is_ok() && !issuers.contains(&name.as_str()) {
                issuers.push(name.as_str());
            }
        }
        issuers
    }
}

/// The origin of such a URL, and its path; none where it is `/` alone.
fn parts(url: &str) -> Result<(&str, &str), ResourceError> {
    if url.contains('#') {
        return Err(ResourceError::Fragment);
    }
    if url.contains('?') {
        return Err(ResourceError::Query);
    }
    let parsed: Uri = url.parse().map_err(|_| ResourceError::NotAUrl)?;
    let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
        return Err(ResourceError::NotAUrl);
    };
    if authority.as_str().contains('@') {
        return Err(ResourceError::UserInfo);
    }
    let host = authority.host();
    if host.is_empty() || !parsed.path().bytes().all(stands_in_path) {
        return Err(ResourceError::NotAUrl);
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(host) => {}
        _ => return Err(ResourceError::NotHttps),
    }
    let path_at = scheme.len() + "://".len() + authority.as_str().len();
    let (origin, path) = url
        .split_at_checked(path_at)
        .ok_or(ResourceError::NotAUrl)?;
    Ok((origin, if path == "/" { "" } else { path }))
}

/// RFC 3986, section 3.3.
const fn stands_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-'..=b'/' | b'!' | b'$'..=b',' | b':' | b';' | b'=' | b'@' | b'_' | b'~')
}

/// Whether it is this machine, by address or by the name that is reserved for it (RFC 6761, section 6.3).
fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse().is_ok_and(|v6: Ipv6Addr| v6.is_loopback()),
        None => match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_metadata_lies_between_host_and_path() {
        for (url, metadata) in [
            (
                "https://api.example",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example/",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example:8443/a/b",
                "https://api.example:8443/.well-known/oauth-protected-resource/a/b",
            ),
            (
                "https://api.example/a/",
                "https://api.example/.well-known/oauth-protected-resource/a/",
            ),
            (
                "http://127.0.0.1:80/a",
                "http://127.0.0.1:80/.well-known/oauth-protected-resource/a",
            ),
            (
                "http://[::1]:80/a",
                "http://[::1]:80/.well-known/oauth-protected-resource/a",
            ),
            (
                "http://api.localhost",
                "http://api.localhost/.well-known/oauth-protected-resource",
            ),
        ] {
            let resource = ProtectedResource::at(url).unwrap();
            assert_eq!(resource.metadata_url(), metadata);
            assert_eq!(resource.url(), url);
            assert!(metadata.ends_with(resource.metadata_path()));
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        use ResourceError::{Fragment, NotAUrl, NotHttps, Query, UserInfo};
        for (url, expected) in [
            ("", NotAUrl),
            ("api.example", NotAUrl),
            ("/cakes", NotAUrl),
            ("https://", NotAUrl),
            ("https:///cakes", NotAUrl),
            ("https://api.example/{id}", NotAUrl),
            ("https://api.example/a b", NotAUrl),
            ("https://api.example/\"", NotAUrl),
            ("https://api.example/ü", NotAUrl),
            ("http://api.example", NotHttps),
            ("http://127.0.0.1.example", NotHttps),
            ("http://notlocalhost", NotHttps),
            ("http://10.0.0.1", NotHttps),
            ("ftp://api.example", NotHttps),
            ("https://ada:secret@api.example", UserInfo),
            ("https://api.example?a", Query),
            ("https://api.example/#", Fragment),
        ] {
            assert_eq!(ProtectedResource::at(url), Err(expected), "{url}");
        }
    }
}
