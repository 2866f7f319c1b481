//! Why an issuer cannot be followed.

use std::time::Duration;

use thiserror::Error;

/// Why an issuer cannot be followed, or why its keys could not be fetched just now. Each message says what to do. It may
/// show an address and what the issuer's server said, shortened and escaped; never a token, never a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// An address that the application gave cannot be used.
    #[error("{value:?} cannot be followed: {what}")]
    Setting {
        /// The address.
        value: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is no tokio runtime to run on.
    #[error(
        "no tokio runtime runs here; call this from within #[tokio::main] or Runtime::block_on"
    )]
    NoRuntime,
    /// The HTTP client could not be made: the system's root certificates, or those that were given, cannot be used.
    #[error(
        "no HTTPS client could be made: {cause}; install the system's root certificates (the package ca-certificates) or look at those given to root_certificates"
    )]
    Client {
        /// What the client says.
        cause: String,
    },
    /// The server could not be reached, or it broke off.
    #[error(
        "{url} cannot be reached: {cause}; see that the issuer runs, and that its name, its certificate and the network between are right"
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the client says.
        cause: String,
    },
    /// The answer did not come in time.
    #[error(
        "{issuer} did not answer within {within:?}; see whether it is overloaded, or allow more by timeout(…)"
    )]
    TimedOut {
        /// Who was asked.
        issuer: String,
        /// How long was waited.
        within: Duration,
    },
    /// Another status than 200.
    #[error("{url} answered {status}; see the issuer's own log, and that the address is right")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// How many seconds the server asks to wait.
        retry_after: Option<u32>,
    },
    /// A redirect to elsewhere, or one too many.
    #[error(
        "{url} redirects to {to:?}, which is not followed; name the issuer by the address that it ends at"
    )]
    Redirected {
        /// What was asked for.
        url: String,
        /// Where it pointed.
        to: String,
    },
    /// Something else than JSON.
    #[error(
        "{url} answered with content of the type {found:?} where JSON belongs; see that the address is right"
    )]
    ContentType {
        /// What was asked for.
        url: String,
        /// What the answer's `Content-Type` says.
        found: String,
    },
    /// An answer beyond all measure.
    #[error("{url} answered with more than {cap} bytes; see that the address is right")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// How many are read.
        cap: usize,
    },
    /// An answer that is not what it should be.
    #[error(
        "{url} cannot be read: {what}; see that the address is right, and tell whoever runs the issuer"
    )]
    Unreadable {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A document of another issuer.
    #[error(
        "{url} is the document of the issuer {found:?} and not of {configured:?}; if they are the same, configure it exactly as the document writes it"
    )]
    IssuerDiffers {
        /// What was asked for.
        url: String,
        /// The issuer that the application trusts.
        configured: String,
        /// The issuer that the document names.
        found: String,
    },
    /// The issuer's document leads to where it may not.
    #[error(
        "the issuer's document leads to {url}, which is not followed: {what}; if that is right, give the address of the keys by keys_at(…)"
    )]
    AddressRefused {
        /// Where it leads.
        url: String,
        /// Why not.
        what: &'static str,
    },
    /// The issuer's document lacks an address that is needed to hear of revocations.
    #[error(
        "the document of {issuer} names no {member}; see that the issuer is a Keystile server that is not too old, or give the address to the Feed"
    )]
    NoEndpoint {
        /// Whose document.
        issuer: String,
        /// What is missing.
        member: &'static str,
    },
    /// The issuer's document leads to another origin than its own, where a client's credentials would be given away.
    #[error(
        "the issuer's document names {url} as its {member}, which is not at the issuer's own address: no credentials are sent there; if that is right, give the address to the Feed"
    )]
    ForeignEndpoint {
        /// Which member.
        member: &'static str,
        /// Where it leads.
        url: String,
    },
    /// The issuer gave the client no token, or did not let it ask about one.
    #[error(
        "{url} refuses the client: {status} {error}; see that its id and secret are right, and that it may have the scope revocations:read"
    )]
    ClientRefused {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// The error code of the answer (RFC 6749, section 5.2), or nothing.
        error: String,
    },
    /// The application's own source gave no token for the feed.
    #[error(
        "no token for the feed of revocations could be had: {cause}; see what gives Feed::tokens its tokens"
    )]
    NoToken {
        /// What the source says.
        cause: String,
    },
    /// The feed takes no token that could be had.
    #[error(
        "{url} does not take the token: {status}; it must be the issuer's own, with the scope revocations:read and the issuer as its audience"
    )]
    TokenRefused {
        /// What was asked for.
        url: String,
        /// 401, or 403 where the scope is missing.
        status: u16,
    },
    /// Nothing came of the feed, not even a sign of life.
    #[error(
        "{url} has been silent for {within:?}; see the issuer's own log, and that no proxy between holds the stream back"
    )]
    Silent {
        /// What was read.
        url: String,
        /// How long was waited.
        within: Duration,
    },
    /// A key set without a usable key.
    #[error(
        "{url} has no key that can be used here; the issuer must publish ES256, EdDSA or RS256 keys for signatures"
    )]
    NoKeys {
        /// What was asked for.
        url: String,
    },
}
