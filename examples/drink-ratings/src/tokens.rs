//! Tokens as the extension library makes them, who calls with one, and its words for those that are refused.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystile::{Claims, Denied, FromCaller, Principal, Reason, Refusal};
use keystile_accounts::{Account, Issuance};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::App;
use crate::answer::Refused;

/// The role that this program knows, beside none.
pub(crate) const ADMIN: &str = "admin";

/// Who somebody is, as the tokens say it and `/protected` answers it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Identity {
    username: String,
    role: &'static str,
}

impl From<&Account> for Identity {
    fn from(account: &Account) -> Self {
        let is_admin = account.roles.iter().any(|role| role == ADMIN);
        Self {
            username: account.username.clone().unwrap_or_default(),
            role: if is_admin { ADMIN } else { "user" },
        }
    }
}

/// What an access token says beside the registered claims.
#[derive(Debug, Serialize)]
pub(crate) struct Marks {
    identity: Identity,
    fresh: bool,
    r#type: &'static str,
}

pub(crate) fn claims(issuance: &Issuance<'_>) -> Marks {
    Marks {
        identity: Identity::from(issuance.account()),
        fresh: issuance.is_fresh(),
        r#type: "access",
    }
}

/// What is read of the `identity` that a token without `sub` has: the name. The role that stands beside it is not believed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    #[serde(default)]
    identity: Value,
}

/// Who calls: whose the token is. A handler that asks for `Loaded<Owner>` is guarded; the token is checked before the handler runs.
#[derive(Debug)]
pub(crate) struct Owner(pub(crate) Account);

impl FromCaller<App> for Owner {
    async fn from_caller(caller: &Principal, _: &Parts, app: &App) -> Result<Self, Denied> {
        let named = caller.verified().extra::<Named>()?;
        match app.owner(caller.claims(), &named).await {
            Ok(Some(account)) => Ok(Self(account)),
            Ok(None) => Err(Reason::TokenRevoked.into()),
            Err(answer) => Err(Denied::answered(Reason::AccessUnknown, answer)),
        }
    }
}

impl App {
    /// Whose token this is. One of ours is its session's. In one that the extension library made `sub` is the number;
    /// where there is none, as in the text's, the name says it. Such a one must not be older than whom it seems to mean,
    /// and a name must be theirs to the letter: there `Caleb` and `caleb` were two people.
    pub(crate) async fn owner(
        &self,
        claims: &Claims,
        named: &Named,
    ) -> Result<Option<Account>, Refused> {
        if let Some(caller) = keystile_accounts::Caller::from_claims(claims) {
            let standing = self.accounts.standing(&caller).await;
            return standing.map_err(Refused::fault);
        }
        let name = named.identity["username"].as_str();
        let found = match (claims.sub.as_str(), name) {
            ("", None) => Ok(None),
            ("", Some(name)) => self.accounts.find_account(name).await,
            (id, _) => self.accounts.account(&id.into()).await,
        };
        let found = found.map_err(Refused::fault)?;
        let named =
            |account: &Account| name.is_none_or(|name| account.username.as_deref() == Some(name));
        Ok(found.filter(|account| account.can_own(claims) && named(account)))
    }
}

/// The answer to a refused token, in the extension library's shape, statuses and words. The guard adds
/// `WWW-Authenticate` with the reason.
pub(crate) fn refused(refusal: &Refusal, request: &Parts) -> Response {
    let (status, words) = told(refusal, request);
    (status, Json(json!({ "msg": words }))).into_response()
}

fn told(refusal: &Refusal, request: &Parts) -> (StatusCode, &'static str) {
    let unprocessable = |words| (StatusCode::UNPROCESSABLE_ENTITY, words);
    let unauthorized = |words| (StatusCode::UNAUTHORIZED, words);
    match refusal.reason() {
        Reason::TokenMissing | Reason::AuthorizationMalformed => header_fault(request),
        Reason::CredentialsAmbiguous => unprocessable(BAD_HEADER),
        Reason::TokenExpired => unauthorized("Token has expired"),
        Reason::TokenRevoked => unauthorized("Token has been revoked"),
        Reason::NotFresh => unauthorized("Fresh token required"),
        Reason::AccessTokenNeeded => unprocessable("Only non-refresh tokens are allowed"),
        Reason::RefreshTokenNeeded => unprocessable("Only refresh tokens are allowed"),
        // Our own tokens name their key: after a change of the secret it is an unknown one.
        Reason::TokenSignatureInvalid | Reason::TokenKeyUnknown => {
            unprocessable("Signature verification failed")
        }
        Reason::TokenAlgorithmRefused => unprocessable("The specified alg value is not allowed"),
        Reason::TokenIssuerWrong => unprocessable("Invalid issuer"),
        Reason::TokenAudienceWrong => unprocessable("Invalid audience"),
        Reason::TokenNotYetValid => unprocessable("The token is not yet valid (nbf)"),
        Reason::TokenIssuedInFuture => unprocessable("The token is not yet valid (iat)"),
        Reason::TokenMalformed => unprocessable(malformed(presented(request))),
        Reason::TokenClaimMissing => unprocessable(missing(refusal.claim())),
        Reason::TokenClaimMalformed => unprocessable(mistyped(refusal)),
        // Where the library has no words, ours.
        reason if reason.status() < 500 => unprocessable(reason.describe()),
        reason => (StatusCode::SERVICE_UNAVAILABLE, reason.describe()),
    }
}

const BAD_HEADER: &str = "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'";

/// What is wrong with the header in which no token was found.
fn header_fault(request: &Parts) -> (StatusCode, &'static str) {
    let value = request.headers.get(AUTHORIZATION);
    let text = value.map_or(Ok(""), |value| value.to_str());
    let first = text.map(|text| text.split_whitespace().next());
    match first {
        Ok(None) => (StatusCode::UNAUTHORIZED, "Missing Authorization Header"),
        Ok(Some(word)) if !word.eq_ignore_ascii_case("bearer") => (
            StatusCode::UNAUTHORIZED,
            "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
        ),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, BAD_HEADER),
    }
}

/// The token as it came, for naming its fault.
fn presented(request: &Parts) -> &str {
    let value = request.headers.get(AUTHORIZATION);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.split_once(' ').map_or("", |(_, token)| token.trim())
}

/// The first part of a token that cannot be read.
fn malformed(token: &str) -> &'static str {
    let parts = token.rsplit_once('.').and_then(|(rest, signature)| {
        let (header, payload) = rest.split_once('.')?;
        Some((header, payload, signature))
    });
    let Some((header, payload, signature)) = parts else {
        return "Not enough segments";
    };
    let Ok(header) = URL_SAFE_NO_PAD.decode(header) else {
        return "Invalid header padding";
    };
    if serde_json::from_slice::<Map<String, Value>>(&header).is_err() {
        return "Invalid header string: must be a json object";
    }
    if URL_SAFE_NO_PAD.decode(payload).is_err() {
        return "Invalid payload padding";
    }
    if URL_SAFE_NO_PAD.decode(signature).is_err() {
        return "Invalid crypto padding";
    }
    "Invalid payload string: must be a json object"
}

fn missing(claim: Option<&str>) -> &'static str {
    match claim {
        Some("exp") => r#"Token is missing the "exp" claim"#,
        Some("type") => r#"Token is missing the "type" claim"#,
        _ => Reason::TokenClaimMissing.describe(),
    }
}

fn mistyped(refusal: &Refusal) -> &'static str {
    match refusal.claim() {
        Some("sub") => "Subject must be a string",
        Some("jti") => "JWT ID must be a string",
        Some("exp") => "Expiration Time claim (exp) must be an integer.",
        Some("nbf") => "Not Before claim (nbf) must be an integer.",
        Some("iat") => "Issued At claim (iat) must be an integer.",
        _ => refusal.describe(),
    }
}
