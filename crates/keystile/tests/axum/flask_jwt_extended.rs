//! Refusals in the words of Flask-JWT-Extended 4.7: what is said here, and what the library itself says.

use std::path::PathBuf;
use std::process::Command;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{any, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use keystile::http::FlaskJwtExtended;
use keystile::{
    Clock, Csrf, Denied, FreshMark, FromCaller, Guard, Loaded, Principal, Reason, RefreshGuard,
    RefreshPrincipal, RequestHeader, Require, SigningKey, TokenCookie,
};
use serde_json::{Value, json};

use crate::send;

const SECRET: &str = "a secret of thirty-two bytes, ok";
const EXPECTED: &str = "Expected 'Authorization: Bearer <JWT>'";

/// A request and the library's answer to it.
struct Case {
    /// Which of the applications below: `headers`, or the others by what they are for.
    app: &'static str,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    status: u16,
    text: String,
}

fn case(path: &'static str, authorization: &str, status: u16, text: impl Into<String>) -> Case {
    let authorization = (!authorization.is_empty()).then(|| authorization.to_owned());
    Case {
        app: "headers",
        method: "GET",
        path,
        headers: authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect(),
        status,
        text: text.into(),
    }
}

impl Case {
    fn of(self, app: &'static str) -> Self {
        Self { app, ..self }
    }

    fn post(self) -> Self {
        Self {
            method: "POST",
            ..self
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A token of that library's making, but for these claims.
fn token(change: &Value) -> String {
    let now = Clock::system().now().as_seconds();
    let mut claims = json!({
        "sub": "ada", "iss": "shop", "aud": "cakes", "iat": now, "nbf": now, "exp": now + 900, "jti": "one",
        "type": "access", "fresh": false, "csrf": "c-value",
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    let key = SigningKey::hs256(SECRET).unwrap();
    key.sign_claims("JWT", &claims).unwrap()
}

fn bearer(change: &Value) -> String {
    format!("Bearer {}", token(change))
}

/// The good token, with this in place of one of its parts.
fn replaced(part: usize, by: &str) -> String {
    let token = token(&json!({}));
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[part] = by;
    format!("Bearer {}", parts.join("."))
}

fn of_headers() -> Vec<Case> {
    let missing = format!("Missing 'Bearer' type in 'Authorization' header. {EXPECTED}");
    let bad = format!("Bad Authorization header. {EXPECTED}");
    let unsigned = BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let signature = BASE64.encode([7; 32]);
    vec![
        case("/me", "", 401, "Missing Authorization Header"),
        case("/me", "Basic YTpi", 401, missing),
        case("/me", "Bearer", 422, bad.clone()),
        case("/me", "Bearer a b", 422, bad),
        case("/me", "Bearer x", 422, "Not enough segments"),
        case("/me", "Bearer x.y", 422, "Not enough segments"),
        case(
            "/me",
            &replaced(2, &signature),
            422,
            "Signature verification failed",
        ),
        case(
            "/me",
            &replaced(0, &unsigned),
            422,
            "The specified alg value is not allowed",
        ),
        case("/fresh", &bearer(&json!({})), 401, "Fresh token required"),
        case(
            "/refresh",
            &bearer(&json!({})),
            422,
            "Only refresh tokens are allowed",
        ),
        case(
            "/denied",
            &bearer(&json!({})),
            400,
            "User claims verification failed",
        ),
        case(
            "/unknown",
            &bearer(&json!({})),
            401,
            "Error loading the user ada",
        ),
    ]
}

fn of_claims() -> Vec<Case> {
    let now = Clock::system().now().as_seconds();
    let rows = [
        (json!({ "exp": now - 5 }), 401, "Token has expired"),
        (json!({ "jti": "revoked" }), 401, "Token has been revoked"),
        (
            json!({ "type": "refresh" }),
            422,
            "Only non-refresh tokens are allowed",
        ),
        (
            json!({ "nbf": now + 500 }),
            422,
            "The token is not yet valid (nbf)",
        ),
        (
            json!({ "iat": now + 500 }),
            422,
            "The token is not yet valid (iat)",
        ),
        (json!({ "iss": "other" }), 422, "Invalid issuer"),
        (json!({ "aud": "other" }), 422, "Audience doesn't match"),
        (json!({ "sub": null }), 422, "Missing claim: sub"),
        (
            json!({ "iss": null }),
            422,
            "Token is missing the \"iss\" claim",
        ),
        (
            json!({ "aud": null }),
            422,
            "Token is missing the \"aud\" claim",
        ),
        (json!({ "sub": 7 }), 422, "Subject must be a string"),
        (
            json!({ "iss": 7 }),
            422,
            "Payload Issuer (iss) must be a string",
        ),
        (json!({ "aud": 7 }), 422, "Invalid claim format in token"),
        (
            json!({ "exp": "soon" }),
            422,
            "Expiration Time claim (exp) must be an integer.",
        ),
        (
            json!({ "nbf": "soon" }),
            422,
            "Not Before claim (nbf) must be an integer.",
        ),
        (
            json!({ "iat": "soon" }),
            422,
            "Issued At claim (iat) must be an integer.",
        ),
        (json!({ "jti": 7 }), 422, "JWT ID must be a string"),
    ];
    let rows = rows.into_iter();
    rows.map(|(change, status, text)| case("/me", &bearer(&change), status, text))
        .collect()
}

fn of_other_places() -> Vec<Case> {
    let cookie = "Missing cookie \"access_token_cookie\"";
    let both =
        format!("Missing JWT in headers or cookies (Missing Authorization Header; {cookie})");
    let all = format!(
        "Missing JWT in headers, cookies, query_string or json (Missing Authorization Header; {cookie}; \
         Missing 'jwt' query paramater; Invalid content-type. Must be application/json.)"
    );
    let good = format!("access_token_cookie={}", token(&json!({})));
    let with_cookie = |text| {
        case("/me", "", 401, text)
            .of("cookies")
            .post()
            .with("cookie", &*good)
    };
    vec![
        case("/me", "", 401, cookie).of("cookies"),
        case("/me", "", 401, both).of("two"),
        case("/me", "", 401, all).of("all"),
        with_cookie("Missing CSRF token"),
        with_cookie("CSRF double submit tokens do not match").with("x-csrf-token", "other"),
        case("/me", "", 401, "Missing \"access_token\" key in json data.")
            .of("json")
            .post()
            .with("content-type", "application/json"),
        case("/me", "", 401, "Missing X-Api-Token Header").of("named"),
        case(
            "/me",
            "",
            422,
            "Bad X-Api-Token header. Expected 'X-Api-Token: <JWT>'",
        )
        .of("named")
        .with("x-api-token", "a b"),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = of_headers();
    cases.extend(of_claims());
    cases.extend(of_other_places());
    cases
}

struct Denies;
struct Unknown;

impl FromCaller<(Guard, RefreshGuard)> for Denies {
    async fn from_caller(
        _: &Principal,
        _: &axum::http::request::Parts,
        _: &(Guard, RefreshGuard),
    ) -> Result<Self, Denied> {
        Err(Reason::AccessDenied.into())
    }
}

impl FromCaller<(Guard, RefreshGuard)> for Unknown {
    async fn from_caller(
        _: &Principal,
        _: &axum::http::request::Parts,
        _: &(Guard, RefreshGuard),
    ) -> Result<Self, Denied> {
        Err(Reason::AccountUnknown.into())
    }
}

fn app(which: &str, shape: FlaskJwtExtended) -> Router {
    let guard = Guard::hs256(SECRET).unwrap().remember(1 << 16);
    let guard = guard.token_type("JWT").audience("cakes").issuer("shop");
    let cookie = || {
        (
            TokenCookie::plain("access_token_cookie"),
            Csrf::by_claim(["https://app.test"]),
        )
    };
    let guard = match which {
        "headers" => guard,
        "cookies" => {
            let (cookie, csrf) = cookie();
            let guard = guard.token_from_cookie(cookie, csrf);
            guard.only_from([keystile::Place::Cookie])
        }
        "two" => guard.token_from_cookie(cookie().0, cookie().1),
        "all" => {
            let guard = guard.token_from_cookie(cookie().0, cookie().1);
            guard
                .token_from_query("jwt")
                .token_from_json("access_token")
        }
        "json" => {
            let guard = guard.token_from_json("access_token");
            guard.only_from([keystile::Place::Json])
        }
        "named" => {
            let name = axum::http::HeaderName::from_static("x-api-token");
            guard.token_from_header(RequestHeader::named(name))
        }
        other => panic!("{other}"),
    };
    let revocations = keystile::Revocations::new();
    let tomorrow = keystile::Timestamp::from_seconds(Clock::system().now().as_seconds() + 86_400);
    revocations.revoke_token_id("revoked", tomorrow);
    let guard = guard.revocations(revocations).refusals_as(shape);
    let refresh = RefreshGuard::new(guard.clone(), "type");
    let guard = guard.require_claim("type", "access");
    Router::new()
        .route("/me", any(async |_: Principal| ()))
        .route("/fresh", any(async |_: Require<FreshMark>| ()))
        .route("/refresh", any(async |_: RefreshPrincipal| ()))
        .route("/denied", any(async |_: Loaded<Denies>| ()))
        .route("/unknown", any(async |_: Loaded<Unknown>| ()))
        .with_state((guard, refresh))
}

#[tokio::test]
async fn every_refusal_has_the_librarys_status_and_words() {
    for case in cases() {
        let mut request = Request::builder().method(case.method).uri(case.path);
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let app = app(case.app, FlaskJwtExtended::new());
        let answer = send(&app, request.body(Body::empty()).unwrap()).await;
        let (status, kind) = (
            answer.status.as_u16(),
            answer.header("content-type").map(str::to_owned),
        );
        let said: Value = serde_json::from_str(&answer.text().await).unwrap();
        assert_eq!(
            (status, &said),
            (case.status, &json!({ "msg": case.text })),
            "{} {}",
            case.app,
            case.path
        );
        assert_eq!(kind.as_deref(), Some("application/json"));
    }
}

/// The member has another name where the application says so; the challenge of RFC 6750 is there besides.
#[tokio::test]
async fn the_key_of_the_text_is_settable() {
    let app = app("headers", FlaskJwtExtended::new().error_key("message"));
    let answer = crate::get_with(&app, "/me", &[]).await;
    assert_eq!(answer.challenge, r#"Bearer reason="token_missing""#);
    assert_eq!(
        answer.text().await,
        r#"{"message":"Missing Authorization Header"}"#
    );
}

/// What that library has no words for is told in ours, with a status that says as much.
#[tokio::test]
async fn what_the_library_does_not_know_is_told_in_our_words() {
    let shape = FlaskJwtExtended::default();
    let guard = Guard::hs256(SECRET).unwrap().refusals_as(shape);
    let (parts, ()) = Request::new(()).into_parts();
    for (reason, status) in [
        (Reason::CredentialsAmbiguous, 422),
        (Reason::BodyUnreadable, 422),
        (Reason::BodyTooLarge, 413),
        (Reason::BodyTooSlow, 408),
        (Reason::OriginRefused, 401),
        (Reason::TokenTooLarge, 422),
        (Reason::TokenTypeWrong, 422),
        (Reason::TokenInactive, 401),
        (Reason::ResourceNotOwn, 403),
        (Reason::KeysUnknown, 503),
        (Reason::RevocationUnknown, 503),
        (Reason::AccessUnknown, 503),
    ] {
        let answer: axum::response::Response = guard.answer(&reason.into(), &parts);
        assert_eq!(answer.status().as_u16(), status, "{reason}");
    }
    let app = Router::new()
        .route("/", post(async |_: Principal| ()))
        .with_state(guard);
    let mut two = Request::post("/").body(Body::empty()).unwrap();
    for _ in 0..2 {
        two.headers_mut()
            .append("authorization", "Bearer x".parse().unwrap());
    }
    let answer = send(&app, two).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer
            .text()
            .await
            .contains(Reason::CredentialsAmbiguous.describe())
    );
}

/// Beside the built tests, where `crates/keystile-server/tests/interop/setup` puts it.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let mut places = test
        .ancestors()
        .map(|place| place.join("interop/venv/bin/python"));
    places.find(|python| python.exists())
}

/// The same requests, to the library itself.
#[test]
#[expect(clippy::disallowed_methods, reason = "reads CI")]
fn the_library_itself_says_so() {
    let Some(python) = python() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "run crates/keystile-server/tests/interop/setup"
        );
        eprintln!("Flask-JWT-Extended is not here: nothing was held against it");
        return;
    };
    let cases = cases();
    let asked = cases.iter().map(|case| {
        let headers: serde_json::Map<_, _> = case
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
            .collect();
        json!([case.app, case.method, case.path, headers])
    });
    let said = Command::new(python)
        .args(["-c", FLASK, SECRET, &asked.collect::<Value>().to_string()])
        .output()
        .unwrap();
    let fault = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{fault}");
    let theirs: Vec<(u16, Value)> = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(theirs.len(), cases.len());
    for (case, (status, body)) in cases.iter().zip(theirs) {
        assert_eq!(
            (status, body),
            (case.status, json!({ "msg": case.text })),
            "{} {}",
            case.app,
            case.path
        );
    }
}

const FLASK: &str = r#"
import json, sys
from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required

PLACES = {
    "headers": dict(), "named": dict(JWT_HEADER_NAME="X-Api-Token", JWT_HEADER_TYPE=""),
    "cookies": dict(JWT_TOKEN_LOCATION=["cookies"]), "two": dict(JWT_TOKEN_LOCATION=["headers", "cookies"]),
    "all": dict(JWT_TOKEN_LOCATION=["headers", "cookies", "query_string", "json"]),
    "json": dict(JWT_TOKEN_LOCATION=["json"]),
}

def make(which):
    app = Flask(__name__)
    app.config.update(JWT_SECRET_KEY=sys.argv[1], JWT_DECODE_AUDIENCE="cakes", JWT_DECODE_ISSUER="shop", **PLACES[which])
    manager = JWTManager(app)
    manager.token_in_blocklist_loader(lambda header, claims: claims["jti"] == "revoked")
    state = dict(denies=False, unknown=False)
    manager.token_verification_loader(lambda header, claims: not state["denies"])
    manager.user_lookup_loader(lambda header, claims: None if state["unknown"] else claims["sub"])

    def route(path, denies=False, unknown=False, **asks):
        guarded = jwt_required(**asks)(lambda: {})
        def view():
            state.update(denies=denies, unknown=unknown)
            return guarded()
        app.add_url_rule(path, path, view, methods=["GET", "POST"])

    route("/me")
    route("/fresh", fresh=True)
    route("/refresh", refresh=True)
    route("/denied", denies=True)
    route("/unknown", unknown=True)
    return app

apps = {which: make(which) for which in PLACES}
answers = []
for which, method, path, headers in json.loads(sys.argv[2]):
    answer = apps[which].test_client(use_cookies=False).open(path, method=method, headers=headers)
    answers.append([answer.status_code, answer.get_json()])
print(json.dumps(answers))
"#;
