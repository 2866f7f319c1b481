//! The contract's rows.

/// Case, method, path, `Authorization`, JSON body; then status, whole body, the code of the challenge.
/// Names in capitals stand for tokens.
pub(crate) type Row = (
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
pub(crate) const USERS: &[Row] = &[
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
pub(crate) const REFUSALS: &[Row] = &[
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
pub(crate) const ACCESS_REFUSALS: &[Row] = &[
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
pub(crate) const OWNER_REFUSALS: &[Row] = &[
    ("of an account that is not there", "", "", "NOBODY", "", 401, REVOKED, "token_revoked"),
    ("older than the account of that number", "", "", "OLDER", "", 401, REVOKED, "token_revoked"),
    ("older than the account of that name", "", "", "NAMED", "", 401, REVOKED, "token_revoked"),
    ("of a name in another case", "", "", "CASED", "", 401, REVOKED, "token_revoked"),
    ("of a number and another's name", "", "", "CROSSED", "", 401, REVOKED, "token_revoked"),
    ("of nobody", "", "", "NAMELESS", "", 401, REVOKED, "token_revoked"),
];

#[rustfmt::skip]
pub(crate) const TESTIMONIALS: &[Row] = &[
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
pub(crate) const PASSWORDS: &[Row] = &[
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
pub(crate) const SESSIONS: &[Row] = &[
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

pub(crate) const PAIR: &str = r#"{"access_token":"«jwt»","refresh_token":"«refresh»"}"#;
pub(crate) const TAKEN: &str = r#"{"error":"username already taken"}"#;
pub(crate) const REQUIRED: &str = r#"{"error":"username and password data required"}"#;
pub(crate) const WRONG: &str = r#"{"error":"invalid username or password"}"#;
pub(crate) const NO_OBJECT: &str = r#"{"error":"The body must be a JSON object"}"#;
pub(crate) const TOO_LONG: &str = r#"{"error":"The body must not be longer than 64 KiB"}"#;
pub(crate) const NOT_JSON: &str = r#"{"error":"Content-Type must be application/json"}"#;
pub(crate) const NO_BEARER: &str = r#"{"msg":"Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"}"#;
pub(crate) const BAD_HEADER: &str =
    r#"{"msg":"Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"}"#;
pub(crate) const FORGED: &str = r#"{"msg":"Signature verification failed"}"#;
pub(crate) const EXPIRED: &str = r#"{"msg":"Token has expired"}"#;
pub(crate) const REVOKED: &str = r#"{"msg":"Token has been revoked"}"#;
pub(crate) const STALE: &str = r#"{"msg":"Fresh token required"}"#;
pub(crate) const NO_REFRESH: &str = r#"{"msg":"Only non-refresh tokens are allowed"}"#;
pub(crate) const GOODBYE: &str = r#"{"msg":"Successfully logged out"}"#;
pub(crate) const CALEB: &str = r#"{"logged_in_as":{"username":"caleb","role":"user"}}"#;
pub(crate) const NONE: &str = r#"{"error":"testimonial not found"}"#;
pub(crate) const WRITE: &str = r#"{"error":"name and testimonial data required"}"#;
pub(crate) const FINE: &str = r#"{"id":1,"name":"Ada","testimonial":"Fine."}"#;
pub(crate) const FINER: &str = r#"{"id":1,"name":"Ada","testimonial":"Finer."}"#;
pub(crate) const TEA: &str = r#"{"id":2,"name":"Caleb","testimonial":"Čaj."}"#;
pub(crate) const ALL: &str = r#"{"testimonials":[{"id":1,"name":"Ada","testimonial":"Fine."},{"id":2,"name":"Caleb","testimonial":"Čaj."},{"id":3,"name":"Old","testimonial":"Still here."}]}"#;
pub(crate) const CHANGE: &str =
    r#"{"current_password":"bestpass123","new_password":"betterpass123"}"#;
pub(crate) const LIMITED: &str = r#"{"error":"too many wrong passwords; try again later"}"#;
pub(crate) const BUSY: &str = r#"{"error":"too many passwords at once; try again shortly"}"#;
pub(crate) const NO_TYPE: &str = r#"{"msg":"Token is missing the \"type\" claim"}"#;
pub(crate) const NO_JWT: &str = r#"{"msg":"The 'typ' in the token's header is not the one that is accepted here; send an access token, which has at+jwt there unless this service says otherwise."}"#;
pub(crate) const AWAY: &str =
    r#"{"error":"the store does not answer at present; try again shortly"}"#;
