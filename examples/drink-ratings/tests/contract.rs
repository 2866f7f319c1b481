//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`. The table is printed.

mod support;

use std::process::ExitCode;
use std::time::Duration;

use examples_common::testing::{Contract, Request, challenge, changed, send_bytes, unsigned};
use keystile_accounts::{ExchangeError, RefreshError};
use serde_json::json;
use support::{Bar, NOW, SECRET, folder, original, signed, user};

/// Case, method, path, `Authorization`, JSON body; then status, whole body, the code of the challenge.
/// Names in capitals stand for tokens.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
    &'static str,
);

/// All rows share one program and stand in their order.
#[rustfmt::skip]
const USERS: &[Row] = &[
    ("the text's user", "POST", "/api/create_user", "", r#"{"username":"caleb","password":"bestpass123"}"#, 201, r#"{"id":1,"username":"caleb"}"#, ""),
    ("a trailing slash", "POST", "/api/create_user/", "", r#"{"username":"ada","password":"bestpass123"}"#, 201, r#"{"id":2,"username":"ada"}"#, ""),
    ("thirty characters, and members that nobody asked for", "POST", "/api/create_user", "", r#"{"username":"abcdefghijklmnopqrstuvwxyz0123","password":"eight888","role":"admin","id":9}"#, 201, r#"{"id":3,"username":"abcdefghijklmnopqrstuvwxyz0123"}"#, ""),
    ("thirty-one characters", "POST", "/api/create_user", "", r#"{"username":"abcdefghijklmnopqrstuvwxyz01234","password":"bestpass123"}"#, 400, r#"{"error":"username: use at most 30 characters"}"#, ""),
    ("characters that no name has", "POST", "/api/create_user", "", r#"{"username":"a b","password":"bestpass123"}"#, 400, r#"{"error":"username: use the letters a to z, digits, and . _ -"}"#, ""),
    ("the name is taken", "POST", "/api/create_user", "", r#"{"username":"caleb","password":"another-pass"}"#, 409, TAKEN, ""),
    ("the name is taken, in another case", "POST", "/api/create_user", "", r#"{"username":"Caleb","password":"another-pass"}"#, 409, TAKEN, ""),
    ("no member", "POST", "/api/create_user", "", "{}", 400, REQUIRED, ""),
    ("no password", "POST", "/api/create_user", "", r#"{"username":"bob"}"#, 400, REQUIRED, ""),
    ("an empty name", "POST", "/api/create_user", "", r#"{"username":"","password":"bestpass123"}"#, 400, REQUIRED, ""),
    ("a name that is a number", "POST", "/api/create_user", "", r#"{"username":7,"password":"bestpass123"}"#, 400, r#"{"error":"username: must be a string"}"#, ""),
    ("seven characters", "POST", "/api/create_user", "", r#"{"username":"bob","password":"seven77"}"#, 400, r#"{"error":"password: use at least 8 characters; a few words in a row are easy to remember"}"#, ""),
    ("an array", "POST", "/api/create_user", "", "[]", 400, NO_OBJECT, ""),
    ("malformed JSON", "POST", "/api/create_user", "", "{", 400, NO_OBJECT, ""),
    ("the text's user", "POST", "/api/login", "", r#"{"username":"caleb","password":"bestpass123"}"#, 200, PAIR, ""),
    ("another case, a trailing slash", "POST", "/api/login/", "", r#"{"username":"CALEB","password":"bestpass123"}"#, 200, PAIR, ""),
    ("no member", "POST", "/api/login", "", "{}", 400, REQUIRED, ""),
    ("no name", "POST", "/api/login", "", r#"{"password":"bestpass123"}"#, 400, REQUIRED, ""),
    ("a password that is null", "POST", "/api/login", "", r#"{"username":"caleb","password":null}"#, 400, REQUIRED, ""),
    ("a password that is an array", "POST", "/api/login", "", r#"{"username":"caleb","password":["bestpass123"]}"#, 400, r#"{"error":"password: must be a string"}"#, ""),
    ("a wrong password", "POST", "/api/login", "", r#"{"username":"caleb","password":"worstpass123"}"#, 400, WRONG, ""),
    ("an unknown user", "POST", "/api/login", "", r#"{"username":"nobody","password":"bestpass123"}"#, 400, WRONG, ""),
    ("a name that nobody can have", "POST", "/api/login", "", r#"{"username":"a@b c","password":"bestpass123"}"#, 400, WRONG, ""),
    ("malformed JSON", "POST", "/api/login", "", "caleb", 400, NO_OBJECT, ""),
];

/// How each route that needs a token refuses. `ROUTE` is put in the path's place.
#[rustfmt::skip]
const REFUSALS: &[Row] = &[
    ("no token", "", "", "", "", 401, r#"{"msg":"Missing Authorization Header"}"#, "token_missing"),
    ("an empty header", "", "", " ", "", 401, r#"{"msg":"Missing Authorization Header"}"#, "authorization_malformed"),
    ("another scheme", "", "", "Basic Y2FsZWI6YmVzdHBhc3MxMjM=", "", 401, NO_BEARER, "token_missing"),
    ("a token without a scheme", "", "", "NAKED", "", 401, NO_BEARER, "authorization_malformed"),
    ("a scheme and nothing else", "", "", "Bearer", "", 422, BAD_HEADER, "authorization_malformed"),
    ("two tokens", "", "", "Bearer a.b.c a.b.c", "", 422, BAD_HEADER, "authorization_malformed"),
    ("no JWT", "", "", "Bearer x", "", 422, r#"{"msg":"Not enough segments"}"#, "token_malformed"),
    ("two parts", "", "", "Bearer e30.e30", "", 422, r#"{"msg":"Not enough segments"}"#, "token_malformed"),
    ("a header that is no base64url", "", "", "Bearer !.e30.AA", "", 422, r#"{"msg":"Invalid header padding"}"#, "token_malformed"),
    ("a header that is no JSON", "", "", "Bearer AAAA.e30.AA", "", 422, r#"{"msg":"Invalid header string: must be a json object"}"#, "token_malformed"),
    ("claims that are no base64url", "", "", "Bearer eyJhbGciOiJIUzI1NiJ9.!.AA", "", 422, r#"{"msg":"Invalid payload padding"}"#, "token_malformed"),
    ("four parts", "", "", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.e30.AA", "", 422, r#"{"msg":"Invalid payload padding"}"#, "token_malformed"),
    ("a signature that is no base64url", "", "", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.!", "", 422, r#"{"msg":"Invalid crypto padding"}"#, "token_malformed"),
    ("one changed character", "", "", "CHANGED", "", 422, FORGED, "token_signature_invalid"),
    ("signed under another secret", "", "", "FOREIGN", "", 422, FORGED, "token_signature_invalid"),
    ("no signature", "", "", "UNSIGNED", "", 422, r#"{"msg":"The specified alg value is not allowed"}"#, "token_algorithm_refused"),
    ("without an expiry", "", "", "ENDLESS", "", 422, r#"{"msg":"Token is missing the \"exp\" claim"}"#, "token_claim_missing"),
    ("a subject that is an object", "", "", "SUBJECT", "", 422, r#"{"msg":"Subject must be a string"}"#, "token_claim_malformed"),
    ("with an audience", "", "", "AUDIENCE", "", 422, r#"{"msg":"Invalid audience"}"#, "token_audience_wrong"),
    ("with an issuer", "", "", "ISSUER", "", 422, r#"{"msg":"Invalid issuer"}"#, "token_issuer_wrong"),
];

/// The same for the routes that take an access token.
#[rustfmt::skip]
const ACCESS_REFUSALS: &[Row] = &[
    ("expired", "", "", "OLD", "", 401, EXPIRED, "token_expired"),
    ("not valid yet", "", "", "EARLY", "", 422, r#"{"msg":"The token is not yet valid (nbf)"}"#, "token_not_yet_valid"),
    ("from the future", "", "", "FUTURE", "", 422, r#"{"msg":"The token is not yet valid (iat)"}"#, "token_issued_in_future"),
    ("logged out", "", "", "OUT", "", 401, REVOKED, "token_revoked"),
    ("a refresh token", "", "", "REFRESH", "", 422, NO_REFRESH, "access_token_needed"),
    ("the original's refresh token", "", "", "THEIRS", "", 422, NO_REFRESH, "access_token_needed"),
    ("another example's, under this secret", "", "", "ANOTHERS", "", 422, r#"{"msg":"Token is missing the \"type\" claim"}"#, "token_claim_missing"),
];

/// And of an account that is not there, or cannot be whose it says.
#[rustfmt::skip]
const OWNER_REFUSALS: &[Row] = &[
    ("of an account that is not there", "", "", "NOBODY", "", 401, REVOKED, "token_revoked"),
    ("older than the account of that number", "", "", "OLDER", "", 401, REVOKED, "token_revoked"),
    ("older than the account of that name", "", "", "NAMED", "", 401, REVOKED, "token_revoked"),
    ("of nobody", "", "", "NAMELESS", "", 401, REVOKED, "token_revoked"),
];

#[rustfmt::skip]
const TESTIMONIALS: &[Row] = &[
    ("none yet", "GET", "/api/testimonials", "", "", 200, r#"{"testimonials":[]}"#, ""),
    ("none yet", "GET", "/api/testimonials/1", "", "", 404, NONE, ""),
    ("a token", "POST", "/api/testimonials", "ADA", r#"{"name":"Ada","testimonial":"Fine."}"#, 201, FINE, ""),
    ("another's, a trailing slash", "POST", "/api/testimonials/", "CALEB", r#"{"name":"Caleb","testimonial":"Čaj."}"#, 201, TEA, ""),
    ("the original's token", "POST", "/api/testimonials", "ORIGINAL", r#"{"name":"Old","testimonial":"Still here."}"#, 201, r#"{"id":3,"name":"Old","testimonial":"Still here."}"#, ""),
    ("no name", "POST", "/api/testimonials", "ADA", r#"{"testimonial":"Fine."}"#, 400, WRITE, ""),
    ("an empty testimonial", "POST", "/api/testimonials", "ADA", r#"{"name":"Ada","testimonial":""}"#, 400, WRITE, ""),
    ("a name that is a number", "POST", "/api/testimonials", "ADA", r#"{"name":1,"testimonial":"Fine."}"#, 400, r#"{"error":"name: must be a string"}"#, ""),
    ("an array", "POST", "/api/testimonials", "ADA", "[]", 400, NO_OBJECT, ""),
    ("all", "GET", "/api/testimonials", "", "", 200, ALL, ""),
    ("all, a trailing slash", "GET", "/api/testimonials/", "", "", 200, ALL, ""),
    ("one", "GET", "/api/testimonials/1", "", "", 200, FINE, ""),
    ("one, a trailing slash", "GET", "/api/testimonials/2/", "", "", 200, TEA, ""),
    ("a number without a testimonial", "GET", "/api/testimonials/9", "", "", 404, NONE, ""),
    ("no number", "GET", "/api/testimonials/tea", "", "", 404, NONE, ""),
    ("other words", "PUT", "/api/testimonials/1", "ADA", r#"{"name":"Ada","testimonial":"Finer."}"#, 200, FINER, ""),
    ("other words, another's token, a trailing slash", "POST", "/api/testimonials/1/", "CALEB", r#"{"name":"Ada","testimonial":"Fine."}"#, 200, FINE, ""),
    ("no testimonial", "PUT", "/api/testimonials/1", "ADA", r#"{"name":"Ada"}"#, 400, WRITE, ""),
    ("no name", "POST", "/api/testimonials/1", "ADA", r#"{"testimonial":"x"}"#, 400, WRITE, ""),
    ("a number without a testimonial", "PUT", "/api/testimonials/9", "ADA", r#"{"name":"Ada","testimonial":"x"}"#, 400, NONE, ""),
    ("no number", "PUT", "/api/testimonials/tea", "ADA", r#"{"name":"Ada","testimonial":"x"}"#, 400, NONE, ""),
    ("a number without a testimonial", "POST", "/api/testimonials/9", "ADA", r#"{"name":"Ada","testimonial":"x"}"#, 400, NONE, ""),
    ("a number without a testimonial", "DELETE", "/api/testimonials/9", "ADA", "", 400, NONE, ""),
    ("no number", "DELETE", "/api/testimonials/tea", "ADA", "", 400, NONE, ""),
    ("a token", "DELETE", "/api/testimonials/1", "ADA", "", 200, "{}", ""),
    ("once more", "DELETE", "/api/testimonials/1", "ADA", "", 400, NONE, ""),
    ("another's token, a trailing slash", "DELETE", "/api/testimonials/2/", "ADA", "", 200, "{}", ""),
    ("what is left", "GET", "/api/testimonials", "", "", 200, r#"{"testimonials":[{"id":3,"name":"Old","testimonial":"Still here."}]}"#, ""),
    ("a token", "GET", "/protected", "ADA", "", 200, r#"{"logged_in_as":{"username":"ada","role":"user"}}"#, ""),
    ("another's token, a trailing slash", "GET", "/protected/", "CALEB", "", 200, CALEB, ""),
    ("the scheme in another case", "GET", "/protected", "LOUD", "", 200, CALEB, ""),
    ("the original's token", "GET", "/protected", "ORIGINAL", "", 200, CALEB, ""),
    ("the original's token, a number for a subject", "GET", "/protected", "NUMBERED", "", 200, CALEB, ""),
    ("the original's token, that says admin", "GET", "/protected", "BOASTING", "", 200, CALEB, ""),
    ("no such route", "GET", "/nowhere", "", "", 404, r#"{"error":"not found"}"#, ""),
    ("no such method", "PATCH", "/api/testimonials/1", "ADA", "", 405, r#"{"error":"method not allowed"}"#, ""),
    ("no such method", "GET", "/api/login", "", "", 405, r#"{"error":"method not allowed"}"#, ""),
];

#[rustfmt::skip]
const PASSWORDS: &[Row] = &[
    ("a token that a refresh gave", "POST", "/api/change_password", "STALE", CHANGE, 401, STALE, "not_fresh"),
    ("the original's token", "POST", "/api/change_password", "NUMBERED", CHANGE, 401, STALE, "not_fresh"),
    ("the original's fresh token", "POST", "/api/change_password", "FRESHLY", CHANGE, 401, STALE, "not_fresh"),
    ("a wrong password", "POST", "/api/change_password", "ADA", r#"{"current_password":"worstpass123","new_password":"betterpass123"}"#, 400, r#"{"error":"current_password: it is wrong"}"#, ""),
    ("seven characters", "POST", "/api/change_password", "ADA", r#"{"current_password":"bestpass123","new_password":"seven77"}"#, 400, r#"{"error":"new_password: use at least 8 characters; a few words in a row are easy to remember"}"#, ""),
    ("no new password", "POST", "/api/change_password", "ADA", r#"{"current_password":"bestpass123"}"#, 400, r#"{"error":"current_password and new_password data required"}"#, ""),
    ("malformed JSON", "POST", "/api/change_password", "ADA", "{", 400, NO_OBJECT, ""),
    ("a fresh token and the password", "POST", "/api/change_password", "ADA", CHANGE, 200, PAIR, ""),
    ("the token from before", "POST", "/api/change_password", "ADA", CHANGE, 401, REVOKED, "token_revoked"),
    ("the old password", "POST", "/api/login", "", r#"{"username":"ada","password":"bestpass123"}"#, 400, WRONG, ""),
    ("the new password", "POST", "/api/login", "", r#"{"username":"ada","password":"betterpass123"}"#, 200, PAIR, ""),
];

#[rustfmt::skip]
const SESSIONS: &[Row] = &[
    ("a refresh token", "POST", "/api/refresh", "REFRESH", "", 200, PAIR, ""),
    ("the same again, its answer was lost", "POST", "/api/refresh/", "REFRESH", "", 200, PAIR, ""),
    ("an access token", "POST", "/api/refresh", "CALEB", "", 422, r#"{"msg":"Only refresh tokens are allowed"}"#, "refresh_token_needed"),
    ("the original's access token", "POST", "/api/refresh", "ORIGINAL", "", 422, r#"{"msg":"Only refresh tokens are allowed"}"#, "refresh_token_needed"),
    ("another example's, under this secret", "POST", "/api/refresh", "ANOTHERS", "", 422, r#"{"msg":"Token is missing the \"type\" claim"}"#, "token_claim_missing"),
    ("never issued here", "POST", "/api/refresh", "UNKNOWN", "", 422, FORGED, "refresh_token_unknown"),
    ("the session has ended", "POST", "/api/refresh", "ENDED", "", 401, REVOKED, "session_ended"),
    ("the original's", "POST", "/api/refresh", "THEIRS", "", 200, PAIR, ""),
    ("the original's, a second time", "POST", "/api/refresh", "THEIRS", "", 401, REVOKED, "exchange_used"),
    ("the original's, expired", "POST", "/api/refresh", "THEIRS-OLD", "", 401, EXPIRED, "token_expired"),
    ("the original's, of an account that is not there", "POST", "/api/refresh", "THEIRS-NOBODY", "", 401, REVOKED, "token_revoked"),
    ("the original's, without an id", "POST", "/api/refresh", "THEIRS-NO-ID", "", 422, r#"{"msg":"A claim that is required here is absent from the token; its issuer must write it."}"#, "exchange_incomplete"),
    ("a session", "DELETE", "/api/logout", "CALEB", "", 200, GOODBYE, ""),
    ("once more", "DELETE", "/api/logout", "CALEB", "", 401, REVOKED, "token_revoked"),
    ("the token of a session that was logged out", "GET", "/protected", "CALEB", "", 401, REVOKED, "token_revoked"),
    ("its refresh token", "POST", "/api/refresh", "CALEB-REFRESH", "", 401, REVOKED, "session_ended"),
    ("the original's token, a trailing slash", "DELETE", "/api/logout/", "ORIGINAL", "", 200, GOODBYE, ""),
    ("the original's token, once more", "DELETE", "/api/logout", "ORIGINAL", "", 401, REVOKED, "token_revoked"),
    ("the original's token without an id", "DELETE", "/api/logout", "NO-ID", "", 400, r#"{"error":"a token without `jti` cannot be revoked"}"#, ""),
];

const PAIR: &str = r#"{"access_token":"«jwt»","refresh_token":"«refresh»"}"#;
const TAKEN: &str = r#"{"error":"username already taken"}"#;
const REQUIRED: &str = r#"{"error":"username and password data required"}"#;
const WRONG: &str = r#"{"error":"invalid username or password"}"#;
const NO_OBJECT: &str = r#"{"error":"The body must be a JSON object"}"#;
const TOO_LONG: &str = r#"{"error":"The body must not be longer than 64 KiB"}"#;
const NOT_JSON: &str = r#"{"error":"Content-Type must be application/json"}"#;
const NO_BEARER: &str = r#"{"msg":"Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"}"#;
const BAD_HEADER: &str =
    r#"{"msg":"Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"}"#;
const FORGED: &str = r#"{"msg":"Signature verification failed"}"#;
const EXPIRED: &str = r#"{"msg":"Token has expired"}"#;
const REVOKED: &str = r#"{"msg":"Token has been revoked"}"#;
const STALE: &str = r#"{"msg":"Fresh token required"}"#;
const NO_REFRESH: &str = r#"{"msg":"Only non-refresh tokens are allowed"}"#;
const GOODBYE: &str = r#"{"msg":"Successfully logged out"}"#;
const CALEB: &str = r#"{"logged_in_as":{"username":"caleb","role":"user"}}"#;
const NONE: &str = r#"{"error":"testimonial not found"}"#;
const WRITE: &str = r#"{"error":"name and testimonial data required"}"#;
const FINE: &str = r#"{"id":1,"name":"Ada","testimonial":"Fine."}"#;
const FINER: &str = r#"{"id":1,"name":"Ada","testimonial":"Finer."}"#;
const TEA: &str = r#"{"id":2,"name":"Caleb","testimonial":"Čaj."}"#;
const ALL: &str = r#"{"testimonials":[{"id":1,"name":"Ada","testimonial":"Fine."},{"id":2,"name":"Caleb","testimonial":"Čaj."},{"id":3,"name":"Old","testimonial":"Still here."}]}"#;
const CHANGE: &str = r#"{"current_password":"bestpass123","new_password":"betterpass123"}"#;
const LIMITED: &str = r#"{"error":"too many wrong passwords; try again later"}"#;
const AWAY: &str = r#"{"error":"the store does not answer at present; try again shortly"}"#;

/// What the names in the rows stand for.
type Tokens = Vec<(&'static str, String)>;

fn main() -> ExitCode {
    let mut contract = Contract::of("drink-ratings");
    let (_folder, file) = folder();
    let bar = Bar::open(&file, SECRET, NOW);
    check(&mut contract, &bar, USERS, &Vec::new());
    let tokens = tokens(&bar);
    refusals(&mut contract, &bar, &tokens);
    check(&mut contract, &bar, TESTIMONIALS, &tokens);
    check(&mut contract, &bar, SESSIONS, &tokens);
    check(&mut contract, &bar, PASSWORDS, &tokens);
    bodies(&mut contract, &bar);
    twice(&mut contract, &bar);
    head(&mut contract, &bar);
    guessing(&mut contract, &bar);
    lapse(&mut contract, &bar);
    store_away(&mut contract, &bar, &file);
    contract.finish()
}

/// `caleb` is 1 and `ada` 2.
fn tokens(bar: &Bar) -> Tokens {
    let (now, mine) = (NOW.as_seconds(), |claims| signed(SECRET, &original(claims)));
    let [caleb, caleb_refresh] = bar.sign_in("caleb");
    let [ada, _] = bar.sign_in("ada");
    let [_, refresh] = bar.sign_in("caleb");
    let [_, used] = bar.sign_in("caleb");
    let [stale, _] = support::pair(&bar.refresh(&used));
    let [out, ended] = bar.sign_in("caleb");
    assert_eq!(bar.logout(&out).status, 200);
    let theirs = |more: serde_json::Value| {
        let mut claims = original(more);
        claims["type"] = json!("refresh");
        signed(SECRET, &claims)
    };
    vec![
        ("NAKED", caleb.replace("Bearer ", "")),
        ("LOUD", caleb.replace("Bearer", "BEARER")),
        ("CHANGED", changed(&caleb, 2)),
        (
            "FOREIGN",
            signed(&SECRET.replace('a', "b"), &original(json!({}))),
        ),
        (
            "UNSIGNED",
            format!("Bearer {}", unsigned("JWT", &original(json!({})))),
        ),
        ("EARLY", mine(json!({ "nbf": now + 61 }))),
        ("FUTURE", mine(json!({ "iat": now + 61 }))),
        ("ENDLESS", mine(json!({ "exp": null }))),
        ("SUBJECT", mine(json!({ "sub": { "username": "caleb" } }))),
        ("AUDIENCE", mine(json!({ "aud": "else" }))),
        ("ISSUER", mine(json!({ "iss": "else" }))),
        ("OLD", mine(json!({ "exp": now }))),
        (
            "ANOTHERS",
            mine(json!({ "type": null, "email": "caleb@example.org" })),
        ),
        ("NOBODY", mine(json!({ "sub": "99" }))),
        ("OLDER", mine(json!({ "iat": now - 1 }))),
        (
            "NAMED",
            mine(json!({ "sub": null, "iat": now - 1, "identity": { "username": "caleb" } })),
        ),
        (
            "NAMELESS",
            mine(json!({ "sub": null, "identity": ["caleb"] })),
        ),
        ("ORIGINAL", mine(json!({}))),
        ("NUMBERED", mine(json!({ "sub": 1, "jti": "another" }))),
        (
            "BOASTING",
            mine(json!({ "sub": null, "identity": { "username": "caleb", "role": "admin" } })),
        ),
        ("FRESHLY", mine(json!({ "fresh": true, "jti": "fresh" }))),
        ("NO-ID", mine(json!({ "jti": null }))),
        ("UNKNOWN", format!("Bearer ksr_{}", "A".repeat(43))),
        ("THEIRS", theirs(json!({ "jti": "theirs" }))),
        ("THEIRS-OLD", theirs(json!({ "exp": now }))),
        ("THEIRS-NOBODY", theirs(json!({ "sub": "99" }))),
        ("THEIRS-NO-ID", theirs(json!({ "jti": null }))),
        ("CALEB-REFRESH", caleb_refresh),
        ("CALEB", caleb),
        ("ADA", ada),
        ("REFRESH", refresh),
        ("STALE", stale),
        ("OUT", out),
        ("ENDED", ended),
    ]
}

fn bearer<'t>(tokens: &'t Tokens, name: &'t str) -> &'t str {
    let found = tokens.iter().find(|(one, _)| *one == name);
    found.map_or(name, |(_, bearer)| bearer)
}

/// The route that a path belongs to, as the README writes it.
fn route(method: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let path = match path.strip_prefix("/api/testimonials/") {
        Some(_) => "/api/testimonials/{id}",
        None => path,
    };
    format!("{method} {path}")
}

/// The challenge of this code: a guard's reason, or why a store refused a refresh token.
fn expected(code: &str) -> Option<String> {
    let why = match code {
        "" => return None,
        "refresh_token_unknown" => RefreshError::Unknown.to_string(),
        "session_ended" => RefreshError::Ended.to_string(),
        "refresh_token_expired" => RefreshError::Expired.to_string(),
        "refresh_token_reused" => RefreshError::Reused.to_string(),
        "exchange_used" => ExchangeError::Used.to_string(),
        "exchange_incomplete" => ExchangeError::Incomplete { claim: "jti" }.to_string(),
        code => return Some(challenge(code)),
    };
    Some(format!(
        r#"Bearer error="invalid_token", error_description="{why}", reason="{code}""#
    ))
}

fn check(contract: &mut Contract, bar: &Bar, rows: &[Row], tokens: &Tokens) {
    for &(case, method, path, authorization, json, status, body, code) in rows {
        let authorization = bearer(tokens, authorization);
        let answer = bar.send(Request {
            method,
            path,
            authorization: Some(authorization).filter(|it| !it.is_empty()),
            body: (!json.is_empty()).then_some(("application/json", json.as_bytes())),
        });
        let challenge = expected(code);
        let cell = (status, body, challenge.as_deref());
        contract.cell(&route(method, path), case, &answer, cell);
    }
}

/// Every way to be refused at every route that asks for a token.
fn refusals(contract: &mut Contract, bar: &Bar, tokens: &Tokens) {
    let at = |rows: &[Row], method, path| -> Vec<Row> {
        let rows = rows.iter();
        rows.map(|row| (row.0, method, path, row.3, row.4, row.5, row.6, row.7))
            .collect()
    };
    for (method, path, owned) in [
        ("POST", "/api/testimonials", true),
        ("POST", "/api/testimonials/1", true),
        ("PUT", "/api/testimonials/1", true),
        ("DELETE", "/api/testimonials/1", true),
        ("DELETE", "/api/logout", true),
        ("GET", "/protected", true),
        ("POST", "/api/change_password", false),
    ] {
        check(contract, bar, &at(REFUSALS, method, path), tokens);
        check(contract, bar, &at(ACCESS_REFUSALS, method, path), tokens);
        if owned {
            check(contract, bar, &at(OWNER_REFUSALS, method, path), tokens);
        }
    }
    check(contract, bar, &at(REFUSALS, "POST", "/api/refresh"), tokens);
}

/// What comes as a body, and how.
fn bodies(contract: &mut Contract, bar: &Bar) {
    let [ada, _] = support::pair(&bar.post(
        "/api/login",
        None,
        r#"{"username":"ada","password":"betterpass123"}"#,
    ));
    let long = vec![b' '; 64 * 1024 + 1];
    for (method, path) in [
        ("POST", "/api/create_user"),
        ("POST", "/api/login"),
        ("POST", "/api/change_password"),
        ("POST", "/api/testimonials"),
        ("PUT", "/api/testimonials/3"),
    ] {
        for (case, content_type, body, status, expected) in [
            ("text", "text/plain", &b"{}"[..], 415, NOT_JSON),
            ("no content type", "", b"{}", 415, NOT_JSON),
            ("more than 64 KiB", "application/json", &long, 413, TOO_LONG),
        ] {
            let answer = bar.send(Request {
                method,
                path,
                authorization: Some(&ada),
                body: Some((content_type, body)),
            });
            contract.cell(
                &route(method, path),
                case,
                &answer,
                (status, expected, None),
            );
        }
    }
}

/// Two headers name two callers.
fn twice(contract: &mut Contract, bar: &Bar) {
    let [caleb, refresh] = bar.sign_in("caleb");
    let ambiguous = challenge("credentials_ambiguous");
    for (method, path, bearer) in [
        ("GET", "/protected", caleb),
        ("POST", "/api/refresh", refresh),
    ] {
        let line = format!("Authorization: {bearer}\r\n");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n");
        let answer = send_bytes(bar.address, head.as_bytes());
        let cell = (422, BAD_HEADER, Some(ambiguous.as_str()));
        contract.cell(&route(method, path), "two headers", &answer, cell);
    }
}

/// `HEAD` answers as `GET` does, without the body.
fn head(contract: &mut Contract, bar: &Bar) {
    let [caleb, _] = bar.sign_in("caleb");
    let missing = challenge("token_missing");
    for (path, bearer, status, expected) in [
        ("/protected", caleb.as_str(), 200, None),
        ("/protected", "", 401, Some(missing.as_str())),
        ("/api/testimonials", "", 200, None),
        ("/api/testimonials/3", "", 200, None),
        ("/api/testimonials/9", "", 404, None),
    ] {
        let (get, head) = (
            bar.bare("GET", path, bearer),
            bar.bare("HEAD", path, bearer),
        );
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        let case = format!("as GET, {status}");
        contract.cell(&route("HEAD", path), &case, &head, (status, "", expected));
    }
}

fn guessing(contract: &mut Contract, bar: &Bar) {
    let wrong = user("caleb").replace("best", "worst");
    for _ in 0..10 {
        assert_eq!(bar.post("/api/login", None, &wrong).status, 400);
    }
    for (case, body) in [
        ("an eleventh guess", wrong),
        ("the right one after ten guesses", user("caleb")),
    ] {
        let answer = bar.post("/api/login", None, &body);
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        contract.cell("POST /api/login", case, &answer, (429, LIMITED, None));
    }
    bar.clock.advance(Duration::from_secs(15 * 60));
    let answer = bar.post("/api/login", None, &user("caleb"));
    contract.cell(
        "POST /api/login",
        "a quarter of an hour later",
        &answer,
        (200, PAIR, None),
    );
}

/// Time passes: the access token lapses, then the refresh token; and one that is used twice ends its session.
fn lapse(contract: &mut Contract, bar: &Bar) {
    let mut cell = |case: &str, answer, status, body, code| {
        let challenge = expected(code);
        contract.cell(
            "POST /api/refresh",
            case,
            &answer,
            (status, body, challenge.as_deref()),
        );
    };
    let [_, stolen] = bar.sign_in("caleb");
    let [_, next] = support::pair(&bar.refresh(&stolen));
    bar.clock.advance(Duration::from_secs(61));
    let code = "refresh_token_reused";
    cell(
        "used before, a minute ago",
        bar.refresh(&stolen),
        401,
        REVOKED,
        code,
    );
    cell(
        "the successor of one used twice",
        bar.refresh(&next),
        401,
        REVOKED,
        "session_ended",
    );
    let [access, refresh] = bar.sign_in("caleb");
    bar.clock.advance(Duration::from_secs(900));
    assert_eq!(bar.who(&access), (401, EXPIRED.to_owned()));
    let [_, refresh] = support::pair(&bar.refresh(&refresh));
    bar.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    let code = "refresh_token_expired";
    cell(
        "not used for thirty days",
        bar.refresh(&refresh),
        401,
        EXPIRED,
        code,
    );
}

/// The table is gone from under the program: the log is told why, the caller only when to come again.
fn store_away(contract: &mut Contract, bar: &Bar, file: &std::path::Path) {
    let connection = rusqlite::Connection::open(file).expect("the file");
    connection
        .execute_batch("DROP TABLE testimonial")
        .expect("dropped");
    for path in ["/api/testimonials", "/api/testimonials/3"] {
        let answer = bar.get(path, None);
        assert_eq!(answer.header("Retry-After"), Some("1"));
        contract.cell(
            &route("GET", path),
            "the store is away",
            &answer,
            (503, AWAY, None),
        );
    }
}
