//! One bounded GET. Each connects anew, so that what was checked when a name was resolved holds for it.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Certificate, Client, Response, StatusCode, Url, redirect};

use super::FollowError;
use super::address::{Allowed, Depth, INWARDS, same_origin, shown};
use super::freshness::{lifetime, seconds};

/// Most bytes of an answer.
const CAP: usize = 512 * 1024;
/// Most redirects, all within one origin.
const REDIRECTS: usize = 3;
/// Longest `ETag` that is kept.
const LONGEST_TAG: usize = 512;

/// Clients by where they may connect to.
pub(super) struct Clients {
    connect_timeout: Duration,
    roots: Vec<Certificate>,
    made: Vec<(Allowed, Client)>,
}

/// What is asked for besides the address.
#[derive(Clone, Copy, Default)]
pub(super) struct Asking<'a> {
    /// Only if it is another one than this.
    pub(super) unless: Option<&'a str>,
    /// Past every cache on the way.
    pub(super) anew: bool,
}

/// What came.
pub(super) struct Answer {
    /// `None`: what is had already is still right.
    pub(super) body: Option<Vec<u8>>,
    pub(super) tag: Option<String>,
    pub(super) lifetime: Option<Duration>,
    /// How far inside the server was found.
    pub(super) depth: Depth,
}

impl Clients {
    /// `roots` are certificates in PEM that are trusted beside the system's.
    pub(super) fn new(connect_timeout: Duration, roots: &[u8]) -> Result<Self, FollowError> {
        let certificates = Certificate::from_pem_bundle(roots);
        let certificates = certificates.map_err(|error| client_fault(&error))?;
        if certificates.is_empty() && !roots.is_empty() {
            return Err(FollowError::Client {
                cause: "there is no certificate in the PEM that was given".to_owned(),
            });
        }
        Ok(Self {
            connect_timeout,
            roots: certificates,
            made: Vec::new(),
        })
    }

    pub(super) fn allowing(&mut self, allowed: Allowed) -> Result<Client, FollowError> {
        if let Some((_, client)) = self.made.iter().find(|(to, _)| *to == allowed) {
            return Ok(client.clone());
        }
        let client = self.make(allowed).map_err(|error| client_fault(&error))?;
        self.made.push((allowed, client.clone()));
        Ok(client)
    }

    /// No proxy: it would resolve the names, and nothing of what is allowed would hold. No decompression: a bounded answer
    /// stays bounded, whatever other crates of the same program turn on.
    fn make(&self, allowed: Allowed) -> reqwest::Result<Client> {
        let builder = Client::builder();
        let roots = self.roots.iter().cloned();
        let builder = match allowed {
            // Plain http: the system's roots, which a small container may not have, are not looked for.
            Allowed::Loopback => builder.tls_certs_only(roots),
            Allowed::Any | Allowed::From(_) => builder.tls_certs_merge(roots),
        };
        builder
            .user_agent(concat!("keystile/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::custom(within_origin))
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .dns_resolver(Arc::new(Names(allowed)))
            .build()
    }

    /// The answer to one GET. The caller bounds its time.
    pub(super) async fn get(
        &mut self,
        url: &Url,
        allowed: Allowed,
        asking: Asking<'_>,
    ) -> Result<Answer, FollowError> {
        let mut request = self
            .allowing(allowed)?
            .get(url.clone())
            .header(ACCEPT, "application/json, application/jwk-set+json");
        if let Some(tag) = asking.unless {
            request = request.header(IF_NONE_MATCH, tag);
        }
        if asking.anew {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(url, &error))?;
        check_place(url, &response, allowed)?;
        read(url, response, asking.unless.is_some()).await
    }
}

fn within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let first = attempt.previous().first();
    let stays = first.is_some_and(|first| same_origin(first, attempt.url()));
    if stays && attempt.previous().len() <= REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// Whether the answer came from where it may come from.
pub(super) fn check_place(
    url: &Url,
    response: &Response,
    allowed: Allowed,
) -> Result<(), FollowError> {
    match response.remote_addr() {
        Some(from) if !allowed.permits(from.ip()) => Err(inwards(url)),
        _ => Ok(()),
    }
}

async fn read(url: &Url, mut response: Response, conditional: bool) -> Result<Answer, FollowError> {
    let unchanged = response.status() == StatusCode::NOT_MODIFIED && conditional;
    let headers = response.headers();
    if !unchanged {
        check_status(url, response.status(), headers)?;
        check_type(url, headers)?;
    }
    let from = response.remote_addr();
    let answer = Answer {
        body: None,
        tag: text(headers, &ETAG)
            .filter(|tag| tag.len() <= LONGEST_TAG)
            .map(str::to_owned),
        lifetime: lifetime(&cache_control(headers), text(headers, &AGE)),
        depth: from.map_or(Depth::Public, |from| Depth::of(from.ip())),
    };
    if unchanged {
        return Ok(answer);
    }
    Ok(Answer {
        body: Some(whole(url, &mut response, CAP).await?),
        ..answer
    })
}

/// All of an answer's body, unless that is more than `cap` bytes.
pub(super) async fn whole(
    url: &Url,
    response: &mut Response,
    cap: usize,
) -> Result<Vec<u8>, FollowError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unreachable(url, &error))?
    {
        if body.len() + chunk.len() > cap {
            let url = url.to_string();
            return Err(FollowError::TooLarge { url, cap });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn check_status(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), FollowError> {
    let url = || url.to_string();
    match (status, text(headers, &LOCATION)) {
        (StatusCode::OK, _) => Ok(()),
        (status, Some(to)) if status.is_redirection() => Err(FollowError::Redirected {
            url: url(),
            to: shown(to),
        }),
        _ => Err(FollowError::Status {
            url: url(),
            status: status.as_u16(),
            retry_after: text(headers, &RETRY_AFTER).and_then(|value| seconds(value.trim())),
        }),
    }
}

/// JSON of any kind, or nothing said about it.
fn check_type(url: &Url, headers: &HeaderMap) -> Result<(), FollowError> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let found = String::from_utf8_lossy(value.as_bytes());
    let essence = found
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let kind = essence.strip_prefix("application/").unwrap_or_default();
    if kind == "json" || kind.ends_with("+json") {
        return Ok(());
    }
    Err(FollowError::ContentType {
        url: url.to_string(),
        found: shown(&found),
    })
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// A value that cannot be read counts as one that forbids to keep anything.
fn cache_control(headers: &HeaderMap) -> String {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let values: Vec<_> = values
        .map(|value| value.to_str().unwrap_or("no-store"))
        .collect();
    values.join(",")
}

/// Resolves a name by the system, and drops the addresses that a request may not go to. What is left is what is connected
/// to, so that a name which changes between two look-ups (DNS rebinding) gains nothing.
struct Names(Allowed);

#[derive(Debug)]
struct Inwards;

impl fmt::Display for Inwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(INWARDS)
    }
}

impl Error for Inwards {}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            permitted(found, allowed).map(|found| Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn permitted(
    mut found: Vec<SocketAddr>,
    allowed: Allowed,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    found.retain(|address| allowed.permits(address.ip()));
    if found.is_empty() {
        return Err(Box::new(Inwards));
    }
    Ok(found)
}

fn inwards(url: &Url) -> FollowError {
    FollowError::AddressRefused {
        url: url.to_string(),
        what: INWARDS,
    }
}

/// Each cause after the other, from the outermost.
fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| Error::source(*cause)).collect()
}

pub(super) fn unreachable(url: &Url, error: &reqwest::Error) -> FollowError {
    let causes = causes(error);
    if causes.iter().any(|cause| cause.is::<Inwards>()) {
        return inwards(url);
    }
    let cause = causes
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    FollowError::Unreachable {
        url: url.to_string(),
        cause: shown(&cause),
    }
}

fn client_fault(error: &reqwest::Error) -> FollowError {
    let cause = causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    FollowError::Client {
        cause: shown(&cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_only_the_addresses_that_a_request_may_go_to() {
        let found: Vec<SocketAddr> = [
            "8.8.8.8:0",
            "10.0.0.1:0",
            "127.0.0.1:0",
            "169.254.169.254:0",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        let left = |allowed| permitted(found.clone(), allowed).unwrap().len();
        assert_eq!(left(Allowed::Any), 4);
        assert_eq!(left(Allowed::Loopback), 1);
        assert_eq!(left(Allowed::From(Depth::Public)), 1);
        assert_eq!(left(Allowed::From(Depth::Private)), 2);
        assert_eq!(left(Allowed::From(Depth::Loopback)), 3);
        assert_eq!(left(Allowed::From(Depth::Forbidden)), 1);
        let refused = permitted(found[1..].to_vec(), Allowed::From(Depth::Public)).unwrap_err();
        assert!(refused.is::<Inwards>());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_no_way_in_for_a_document() {
        let mut clients = Clients::new(Duration::from_secs(5), &[]).unwrap();
        let url = Url::parse("https://localhost:1/jwks").unwrap();
        let outside = Allowed::From(Depth::Public);
        let refused = clients.get(&url, outside, Asking::default()).await.err();
        assert_eq!(refused, Some(inwards(&url)));
        let inside = Allowed::From(Depth::Loopback);
        let tried = clients.get(&url, inside, Asking::default()).await.err();
        assert!(
            matches!(tried, Some(FollowError::Unreachable { .. })),
            "{tried:?}"
        );
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let mut clients = Clients::new(Duration::from_secs(1), broken);
        let fault = match &mut clients {
            Ok(clients) => clients.allowing(Allowed::Any).err(),
            Err(fault) => Some(fault.clone()),
        };
        assert!(
            matches!(fault, Some(FollowError::Client { .. })),
            "{fault:?}"
        );
    }
}
