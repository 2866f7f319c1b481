//! What the contract's cells send and expect.

/// What a cell expects: status, whole body, and the code of the reason in `WWW-Authenticate`.
pub(crate) type Cell = (u16, &'static str, Option<&'static str>);

pub(crate) const ADA: &str = r#"{"id":1,"name":"Ada Lovelace","email":"ada@example.org","phone":"+44 20 7946 0018","username":"ada"}"#;
pub(crate) const BOB: &str = r#"{"id":2,"name":"bob the customer","email":"bob@example.org","phone":"+44 20 7946 0018","username":"bob"}"#;
pub(crate) const BOTH: &str = r#"[{"id":1,"name":"Ada Lovelace","email":"ada@example.org","phone":"+44 20 7946 0018","username":"ada"},{"id":2,"name":"bob the customer","email":"bob@example.org","phone":"+44 20 7946 0018","username":"bob"}]"#;
pub(crate) const JUST_ADA: &str = r#"[{"id":1,"name":"Ada Lovelace","email":"ada@example.org","phone":"+44 20 7946 0018","username":"ada"}]"#;

pub(crate) const MISSING: Cell = (
    401,
    r#"{"message":"Authentication token missing"}"#,
    Some("token_missing"),
);
pub(crate) const EXPIRED: Cell = (
    401,
    r#"{"message":"Token has expired"}"#,
    Some("token_expired"),
);
pub(crate) const NEED_ADMIN: Cell = (
    403,
    r#"{"message":"Need Admin permissions"}"#,
    Some("role_missing"),
);
pub(crate) const fn invalid(code: &'static str) -> Cell {
    (401, r#"{"message":"Invalid Token"}"#, Some(code))
}
pub(crate) const REVOKED: Cell = invalid("token_revoked");
pub(crate) const NOT_BEARER: Cell = (
    400,
    r#"{"message":"Invalid Token"}"#,
    Some("authorization_malformed"),
);
pub(crate) const TWICE: Cell = (
    400,
    r#"{"message":"Invalid Token"}"#,
    Some("credentials_ambiguous"),
);
pub(crate) const UNREADABLE: Cell = (400, r#"{"message":"The body could not be read"}"#, None);
pub(crate) const LIMITED: Cell = (
    429,
    r#"{"message":"Too many wrong passwords; try again later"}"#,
    None,
);
pub(crate) const BUSY: Cell = (
    503,
    r#"{"message":"Too many sign-ins at once; try again shortly"}"#,
    None,
);
pub(crate) const AWAY: Cell = (
    503,
    r#"{"message":"The store does not answer at present; try again shortly"}"#,
    None,
);
pub(crate) const NOT_YOURS: Cell = (
    403,
    r#"{"message":"Only your own record is yours to see"}"#,
    None,
);
pub(crate) const NOBODY: Cell = (404, r#"{"message":"Customer not found"}"#, None);
pub(crate) const WRONG: Cell = (
    404,
    r#"{"status":"error","message":"invalid username or password"}"#,
    None,
);
pub(crate) const NO_OBJECT: Cell = (400, r#"{"message":"The body must be a JSON object"}"#, None);
pub(crate) const NO_JSON: Cell = (
    415,
    r#"{"message":"Content-Type must be application/json"}"#,
    None,
);
pub(crate) const TOO_LONG: Cell = (
    413,
    r#"{"message":"The body must not be longer than 64 KiB"}"#,
    None,
);
pub(crate) const SIGNED_IN: Cell = (
    200,
    r#"{"status":"success","message":"successfully logged in","token":"«jwt»"}"#,
    None,
);

/// A case's name, the body that is sent, and what comes back. In order: the rows share one shop.
pub(crate) type Row = (&'static str, &'static str, Cell);

pub(crate) const fn bad(body: &'static str) -> Cell {
    (400, body, None)
}

#[rustfmt::skip]
pub(crate) const SIGN_UPS: &[Row] = &[
    ("a customer", r#"{"name":"Ada Lovelace","email":"ada@example.org","phone":"+44 20 7946 0018","username":"ada","password":"bestpass123"}"#, (201, ADA, None)),
    ("a taken e-mail, in any case", r#"{"name":"Eve","email":"ADA@Example.org","phone":"555-0100","username":"eve","password":"bestpass123"}"#, (409, r#"{"email":["Another customer has this email; choose another."]}"#, None)),
    ("a taken username, in any case", r#"{"name":"Eve","email":"eve@example.org","phone":"555-0100","username":"Ada","password":"bestpass123"}"#, (409, r#"{"username":["Another customer has this username; choose another."]}"#, None)),
    ("both taken", r#"{"name":"Eve","email":"ada@example.org","phone":"555-0100","username":"ada","password":"bestpass123"}"#, (409, r#"{"email":["Another customer has this email; choose another."],"username":["Another customer has this username; choose another."]}"#, None)),
    ("no password", r#"{"name":"Eve","email":"eve@example.org","phone":"555-0100","username":"eve"}"#, bad(r#"{"password":["Missing data for required field."]}"#)),
    ("nothing", "{}", bad(r#"{"email":["Missing data for required field."],"name":["Missing data for required field."],"password":["Missing data for required field."],"phone":["Missing data for required field."],"username":["Missing data for required field."]}"#)),
    ("an administrator of one's own making", r#"{"name":"Eve","email":"eve@example.org","phone":"555-0100","username":"eve","password":"bestpass123","admin":true}"#, bad(r#"{"admin":["Unknown field."]}"#)),
    ("an id and a role of one's own choice", r#"{"id":1,"role":"admin","name":"Eve","email":"eve@example.org","phone":"555-0100","username":"eve","password":"bestpass123"}"#, bad(r#"{"id":["Unknown field."],"role":["Unknown field."]}"#)),
    ("every field null", r#"{"name":null,"email":null,"phone":null,"username":null,"password":null}"#, bad(r#"{"email":["Field may not be null."],"name":["Field may not be null."],"password":["Field may not be null."],"phone":["Field may not be null."],"username":["Field may not be null."]}"#)),
    ("every field no string", r#"{"name":1,"email":[],"phone":5550100,"username":{},"password":true}"#, bad(r#"{"email":["Not a valid string."],"name":["Not a valid string."],"password":["Not a valid string."],"phone":["Not a valid string."],"username":["Not a valid string."]}"#)),
    ("every field empty", r#"{"name":"","email":"","phone":"","username":"","password":""}"#, bad(r#"{"email":["Not a valid email address."],"name":["Length must be between 1 and 100."],"password":["Shorter than minimum length 8."],"phone":["Not a valid phone number: write 5 to 15 digits, as in +44 20 7946 0018."],"username":["Length must be between 1 and 64."]}"#)),
    ("every kind of fault at once", r#"{"name":7,"email":"eve","phone":null,"username":"a b","admin":false}"#, bad(r#"{"admin":["Unknown field."],"email":["Not a valid email address."],"name":["Not a valid string."],"password":["Missing data for required field."],"phone":["Field may not be null."],"username":["Not a valid username: use the letters a to z, digits, and . _ -."]}"#)),
    ("a password of seven characters", r#"{"name":"Eve","email":"eve@example.org","phone":"555-0100","username":"eve","password":"seven77"}"#, bad(r#"{"password":["Shorter than minimum length 8."]}"#)),
    ("an e-mail address as the username", r#"{"name":"Eve","email":"eve@example.org","phone":"555-0100","username":"eve@example.org","password":"bestpass123"}"#, bad(r#"{"username":["Not a valid username: a username has no @; give an e-mail address as such."]}"#)),
    ("letters for a phone number", r#"{"name":"Eve","email":"eve@example.org","phone":"call me","username":"eve","password":"bestpass123"}"#, bad(r#"{"phone":["Not a valid phone number: write 5 to 15 digits, as in +44 20 7946 0018."]}"#)),
    ("an array", r#"["eve"]"#, NO_OBJECT),
    ("null", "null", NO_OBJECT),
    ("half a body", r#"{"name":"Eve""#, NO_OBJECT),
    ("no body", "", NO_OBJECT),
];

#[rustfmt::skip]
pub(crate) const SIGN_INS: &[Row] = &[
    ("e-mail and password", r#"{"email":"ada@example.org","password":"bestpass123"}"#, SIGNED_IN),
    ("the e-mail in another case", r#"{"email":"ADA@example.ORG","password":"bestpass123"}"#, SIGNED_IN),
    ("a wrong password", r#"{"email":"ada@example.org","password":"bestpass124"}"#, WRONG),
    ("an unknown e-mail", r#"{"email":"nobody@example.org","password":"bestpass123"}"#, WRONG),
    ("no address for an e-mail", r#"{"email":"ada","password":"bestpass123"}"#, WRONG),
    ("empty fields", r#"{"email":"","password":""}"#, WRONG),
    ("no password", r#"{"email":"ada@example.org"}"#, bad(r#"{"password":["Missing data for required field."]}"#)),
    ("nothing", "{}", bad(r#"{"email":["Missing data for required field."],"password":["Missing data for required field."]}"#)),
    ("null and a number", r#"{"email":null,"password":12345678}"#, bad(r#"{"email":["Field may not be null."],"password":["Not a valid string."]}"#)),
    ("a field too many", r#"{"email":"ada@example.org","password":"bestpass123","admin":true}"#, bad(r#"{"admin":["Unknown field."]}"#)),
    ("an array", r#"["ada@example.org","bestpass123"]"#, NO_OBJECT),
    ("half a body", r#"{"email":"#, NO_OBJECT),
];

pub(crate) const OVER_100: &str =
    r#"{"per_page":["Must be greater than or equal to 1 and less than or equal to 100."]}"#;
pub(crate) const OVER_1000: &str =
    r#"{"page":["Must be greater than or equal to 1 and less than or equal to 1000."]}"#;

/// A case's name, the query, and what a signed-in customer is answered.
#[rustfmt::skip]
pub(crate) const PAGES: &[Row] = &[
    ("the first page", "", (200, BOTH, None)),
    ("a page of one", "?page=1&per_page=1", (200, JUST_ADA, None)),
    ("the most in a page", "?per_page=100", (200, BOTH, None)),
    ("a page after the last", "?page=7&per_page=100", (200, "[]", None)),
    ("the deepest page", "?page=1000&per_page=100", (200, "[]", None)),
    ("something else in the query", "?admin=true", (200, BOTH, None)),
    ("a page too deep", "?page=1001&per_page=100", bad(OVER_1000)),
    ("page 0", "?page=0", bad(r#"{"page":["Must be greater than or equal to 1 and less than or equal to 10000."]}"#)),
    ("a negative page", "?page=-1&per_page=100", bad(OVER_1000)),
    ("more than 100 a page", "?per_page=101", bad(OVER_100)),
    ("none a page", "?per_page=0", bad(OVER_100)),
    ("no numbers", "?page=x&per_page=", bad(r#"{"page":["Not a valid integer."],"per_page":["Not a valid integer."]}"#)),
    ("a page twice", "?page=1&page=2", bad(r#"{"page":["Give page once."]}"#)),
];
