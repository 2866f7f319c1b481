//! The rows of the contract's table: what is sent, what must come.

/// Case, method, path, `Authorization`, JSON body; then status, whole body, the code of the challenge.
/// `ADA`, `BOB` and so on stand for tokens, `BASIC` for the text's credentials.
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

/// All rows share one shop and stand in their order.
#[rustfmt::skip]
pub(crate) const SIGN_UP: &[Row] = &[
    ("the text's user", "POST", "/users", "", r#"{ "email" : "test@user.com", "password" : "password123" }"#, 201, r#"{"id":1,"email":"test@user.com"}"#, ""),
    ("a trailing slash", "POST", "/users/", "", r#"{"email":"bob@user.com","password":"password123"}"#, 201, r#"{"id":2,"email":"bob@user.com"}"#, ""),
    ("eight characters, and members that nobody asked for", "POST", "/users", "", r#"{"email":"eve@user.com","password":"eight888","id":1,"admin":true}"#, 201, r#"{"id":3,"email":"eve@user.com"}"#, ""),
    ("the address is taken", "POST", "/users", "", r#"{"email":"test@user.com","password":"another-password"}"#, 409, TAKEN, ""),
    ("the address is taken, in another case", "POST", "/users", "", r#"{"email":"TEST@user.COM","password":"another-password"}"#, 409, TAKEN, ""),
    ("no member", "POST", "/users", "", r"{}", 400, NEEDED, ""),
    ("no password", "POST", "/users", "", r#"{"email":"c@user.com"}"#, 400, NEEDED, ""),
    ("no address", "POST", "/users", "", r#"{"password":"password123"}"#, 400, NEEDED, ""),
    ("an empty address", "POST", "/users", "", r#"{"email":"","password":"password123"}"#, 400, NEEDED, ""),
    ("a password that is null", "POST", "/users", "", r#"{"email":"c@user.com","password":null}"#, 400, NEEDED, ""),
    ("a password that is a number", "POST", "/users", "", r#"{"email":"c@user.com","password":12345678}"#, 400, r#"{"error":"password: must be a string"}"#, ""),
    ("an address that is an array", "POST", "/users", "", r#"{"email":["c@user.com"],"password":"password123"}"#, 400, r#"{"error":"email: must be a string"}"#, ""),
    ("seven characters", "POST", "/users", "", r#"{"email":"c@user.com","password":"seven77"}"#, 400, TOO_SHORT, ""),
    ("not an address", "POST", "/users", "", r#"{"email":"no address","password":"password123"}"#, 400, NO_ADDRESS, ""),
    ("an array", "POST", "/users", "", r#"["c@user.com","password123"]"#, 400, NO_OBJECT, ""),
    ("malformed JSON", "POST", "/users", "", r#"{"email":"c@user.com""#, 400, NO_OBJECT, ""),
    ("an empty body", "POST", "/users", "", "", 400, NO_OBJECT, ""),
];

#[rustfmt::skip]
pub(crate) const USERS: &[Row] = &[
    ("the text's credentials", "GET", "/users/login", "BASIC", "", 200, TOKEN, ""),
    ("the text's credentials", "POST", "/users/login", "BASIC", "", 200, TOKEN, ""),
    ("a trailing slash", "GET", "/users/login/", "BASIC", "", 200, TOKEN, ""),
    ("the scheme in another case", "GET", "/users/login", "bAsIc dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyMw==", "", 200, TOKEN, ""),
    ("no credentials", "GET", "/users/login", "", "", 401, UNAUTHORIZED, "Basic"),
    ("no credentials", "POST", "/users/login", "", "", 401, UNAUTHORIZED, "Basic"),
    ("a wrong password", "GET", "/users/login", "Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyNA==", "", 401, UNAUTHORIZED, "Basic"),
    ("a wrong password", "POST", "/users/login", "Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyNA==", "", 401, UNAUTHORIZED, "Basic"),
    ("an unknown user", "GET", "/users/login", "Basic bm9ib2R5QHVzZXIuY29tOnBhc3N3b3JkMTIz", "", 401, UNAUTHORIZED, "Basic"),
    ("another scheme", "GET", "/users/login", "Bearer dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyMw==", "", 401, UNAUTHORIZED, "Basic"),
    ("not base64", "GET", "/users/login", "Basic not base64", "", 401, UNAUTHORIZED, "Basic"),
    ("a scheme and nothing else", "GET", "/users/login", "Basic", "", 401, UNAUTHORIZED, "Basic"),
    ("a token", "GET", "/users", "ADA", "", 200, r#"{"id":1,"email":"test@user.com"}"#, ""),
    ("another's token, a trailing slash", "GET", "/users/", "BOB", "", 200, r#"{"id":2,"email":"bob@user.com"}"#, ""),
    ("the scheme in another case", "GET", "/users", "LOUD", "", 200, r#"{"id":1,"email":"test@user.com"}"#, ""),
];

/// What every guarded route says of a token that does not hold. Each is tried on each route.
#[rustfmt::skip]
pub(crate) const TOKENS: &[(&str, &str, u16, &str, &str)] = &[
    ("no token", "", 401, UNAUTHORIZED, "token_missing"),
    ("another scheme", "BASIC", 401, UNAUTHORIZED, "token_missing"),
    ("a scheme and nothing else", "Bearer", 400, INVALID, "authorization_malformed"),
    ("no JWT", "Bearer x", 401, INVALID, "token_malformed"),
    ("no signature", "UNSIGNED", 401, INVALID, "token_algorithm_refused"),
    ("one changed character", "CHANGED", 401, INVALID, "token_signature_invalid"),
    ("signed under another secret", "FOREIGN", 401, INVALID, "token_key_unknown"),
    ("another program's, under this secret", "ANOTHERS", 401, INVALID, "token_claim_malformed"),
    ("of an account that is not there", "NOBODY", 401, INVALID, "token_revoked"),
    ("expired", "OLD", 401, EXPIRED, "token_expired"),
];

#[rustfmt::skip]
pub(crate) const GUARDED: &[(&str, &str, &str)] = &[
    ("GET", "/users", ""),
    ("POST", "/cupcakes", r#"{"flavor":"Lemon","instructions":"Bake"}"#),
    ("DELETE", "/cupcakes/1", ""),
];

/// `test@user.com` is ADA, `bob@user.com` BOB.
#[rustfmt::skip]
pub(crate) const CUPCAKES: &[Row] = &[
    ("none yet", "GET", "/cupcakes", "", "", 200, "[]", ""),
    ("none yet", "GET", "/cupcakes/1", "", "", 404, NO_CUPCAKE, ""),
    ("a token", "POST", "/cupcakes", "ADA", r#"{"flavor":"Lemon","instructions":"Bake it."}"#, 201, LEMON, ""),
    ("another's token, a trailing slash", "POST", "/cupcakes/", "BOB", r#"{"flavor":"ČOKOLÁDA","instructions":"Míchej."}"#, 201, CHOCOLATE, ""),
    ("no instructions", "POST", "/cupcakes", "ADA", r#"{"flavor":"Lemon"}"#, 400, INCOMPLETE, ""),
    ("no flavor", "POST", "/cupcakes", "ADA", r#"{"instructions":"Bake"}"#, 400, INCOMPLETE, ""),
    ("an empty flavor", "POST", "/cupcakes", "ADA", r#"{"flavor":"","instructions":"Bake"}"#, 400, INCOMPLETE, ""),
    ("a flavor that is a number", "POST", "/cupcakes", "ADA", r#"{"flavor":7,"instructions":"Bake"}"#, 400, r#"{"error":"flavor: must be a string"}"#, ""),
    ("an array", "POST", "/cupcakes", "ADA", "[]", 400, NO_OBJECT, ""),
    ("all", "GET", "/cupcakes", "", "", 200, BOTH, ""),
    ("all, a trailing slash", "GET", "/cupcakes/", "", "", 200, BOTH, ""),
    ("an empty flavor", "GET", "/cupcakes?flavor=", "", "", 200, BOTH, ""),
    ("a flavor in another case", "GET", "/cupcakes?flavor=lEmOn", "", "", 200, JUST_LEMON, ""),
    ("a flavor in another case, not ASCII", "GET", "/cupcakes?flavor=%C4%8Dokol%C3%A1da", "", "", 200, JUST_CHOCOLATE, ""),
    ("a part of a flavor", "GET", "/cupcakes?flavor=lem", "", "", 200, "[]", ""),
    ("two flavors", "GET", "/cupcakes?flavor=a&flavor=b", "", "", 400, r#"{"error":"Write the query as ?flavor=NAME, with one flavor"}"#, ""),
    ("one", "GET", "/cupcakes/1", "", "", 200, LEMON, ""),
    ("one, a trailing slash", "GET", "/cupcakes/2/", "", "", 200, CHOCOLATE, ""),
    ("a number without a cupcake", "GET", "/cupcakes/3", "", "", 404, NO_CUPCAKE, ""),
    ("a negative number", "GET", "/cupcakes/-1", "", "", 404, NO_CUPCAKE, ""),
    ("no number", "GET", "/cupcakes/lemon", "", "", 404, NO_CUPCAKE, ""),
    ("not UTF-8", "GET", "/cupcakes/%ff", "", "", 404, NO_CUPCAKE, ""),
    ("a number beyond all bounds", "GET", "/cupcakes/99999999999999999999", "", "", 404, NO_CUPCAKE, ""),
    ("another's token", "DELETE", "/cupcakes/1", "BOB", "", 403, r#"{"error":"Only its author may delete a cupcake"}"#, ""),
    ("a number without a cupcake", "DELETE", "/cupcakes/3", "BOB", "", 404, NO_CUPCAKE, ""),
    ("no number", "DELETE", "/cupcakes/lemon", "BOB", "", 404, NO_CUPCAKE, ""),
    ("still there", "GET", "/cupcakes/1", "", "", 200, LEMON, ""),
    ("its author's token", "DELETE", "/cupcakes/1", "ADA", "", 204, "", ""),
    ("once more", "DELETE", "/cupcakes/1", "ADA", "", 404, NO_CUPCAKE, ""),
    ("its author's token, a trailing slash", "DELETE", "/cupcakes/2/", "BOB", "", 204, "", ""),
    ("none left", "GET", "/cupcakes", "", "", 200, "[]", ""),
    ("no such route", "GET", "/nowhere", "", "", 404, r#"{"error":"Not found"}"#, ""),
    ("no such method", "PUT", "/cupcakes", "ADA", "", 405, r#"{"error":"Method not allowed"}"#, ""),
    ("no such method", "DELETE", "/users", "ADA", "", 405, r#"{"error":"Method not allowed"}"#, ""),
];

pub(crate) const TOKEN: &str = r#"{"accessToken":"«jwt»"}"#;
pub(crate) const TAKEN: &str = r#"{"error":"User already exists"}"#;
pub(crate) const NEEDED: &str = r#"{"error":"Email and password are required"}"#;
pub(crate) const TOO_SHORT: &str =
    r#"{"error":"password: use at least 8 characters; a few words in a row are easy to remember"}"#;
pub(crate) const NO_ADDRESS: &str = r#"{"error":"email: write it like name@example.org"}"#;
pub(crate) const NO_OBJECT: &str = r#"{"error":"The body must be a JSON object"}"#;
pub(crate) const UNAUTHORIZED: &str = r#"{"error":"Unauthorized"}"#;
pub(crate) const INVALID: &str = r#"{"error":"Token is invalid"}"#;
pub(crate) const EXPIRED: &str = r#"{"error":"Token has expired"}"#;
pub(crate) const NO_CUPCAKE: &str = r#"{"message":"Cupcake not found"}"#;
pub(crate) const INCOMPLETE: &str = r#"{"error":"Flavor and instructions are required fields"}"#;
pub(crate) const LEMON: &str = r#"{"id":1,"flavor":"Lemon","instructions":"Bake it."}"#;
pub(crate) const CHOCOLATE: &str = r#"{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}"#;
pub(crate) const JUST_LEMON: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."}]"#;
pub(crate) const JUST_CHOCOLATE: &str =
    r#"[{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;
pub(crate) const BOTH: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."},{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;

pub(crate) const TOO_LONG: &str = r#"{"error":"The body must not be longer than 64 KiB"}"#;
pub(crate) const NOT_JSON: &str = r#"{"error":"Content-Type must be application/json"}"#;
pub(crate) const UNREADABLE: &str = r#"{"error":"The body could not be read"}"#;
pub(crate) const LIMITED: &str = r#"{"error":"Too many wrong passwords; try again later"}"#;
pub(crate) const BUSY: &str = r#"{"error":"Too many sign-ins at once; try again shortly"}"#;
pub(crate) const AWAY: &str =
    r#"{"error":"The store does not answer at present; try again shortly"}"#;
