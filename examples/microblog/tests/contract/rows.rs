//! The rows of the table, and the bodies that occur in it.

/// Case, method, path, `Authorization`, JSON body; then status, whole body, the code of the challenge.
/// `JOEY`, `MIRA` and so on stand for tokens.
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

/// All rows share one microblog and stand in their order.
#[rustfmt::skip]
pub(crate) const SIGN_UP: &[Row] = &[
    ("the text's payload", "POST", "/signup", "", r#"{ "username":"joey2go", "password":"bestpass123" }"#, 200, CREATED_USER, ""),
    ("a trailing slash", "POST", "/signup/", "", r#"{"username":"mira","password":"bestpass123"}"#, 200, CREATED_USER, ""),
    ("eight characters, and members that nobody asked for", "POST", "/signup", "", r#"{"username":"sol","password":"eight888","id":1,"admin":true}"#, 200, CREATED_USER, ""),
    ("the name is taken", "POST", "/signup", "", r#"{"username":"joey2go","password":"another-password"}"#, 409, UNAVAILABLE, ""),
    ("the name is taken, in another case", "POST", "/signup", "", r#"{"username":"JOEY2GO","password":"another-password"}"#, 409, UNAVAILABLE, ""),
    ("no member", "POST", "/signup", "", r"{}", 400, r#"{"status":400,"message":"Invalid parameters","detail":"username: send a string"}"#, ""),
    ("no password", "POST", "/signup", "", r#"{"username":"ada"}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"password: send a string"}"#, ""),
    ("a password that is null", "POST", "/signup", "", r#"{"username":"ada","password":null}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"password: send a string"}"#, ""),
    ("a name that is a number", "POST", "/signup", "", r#"{"username":7,"password":"bestpass123"}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"username: send a string"}"#, ""),
    ("an empty name", "POST", "/signup", "", r#"{"username":"","password":"bestpass123"}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"username: send a string"}"#, ""),
    ("seven characters", "POST", "/signup", "", r#"{"username":"ada","password":"seven77"}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"password: use at least 8 characters; a few words in a row are easy to remember"}"#, ""),
    ("a name with a wildcard", "POST", "/signup", "", r#"{"username":"jo%","password":"bestpass123"}"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"username: use the letters a to z, digits, and . _ -"}"#, ""),
    ("the name of a route", "POST", "/signup", "", r#"{"username":"timeline","password":"bestpass123"}"#, 400, OWN_WORD, ""),
    ("the name of a route, in another case", "POST", "/signup", "", r#"{"username":"LogIn","password":"bestpass123"}"#, 400, OWN_WORD, ""),
    ("a name that paths swallow", "POST", "/signup", "", r#"{"username":"..","password":"bestpass123"}"#, 400, OWN_WORD, ""),
    ("an array", "POST", "/signup", "", r#"["ada","bestpass123"]"#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"The body must be a JSON object"}"#, ""),
    ("malformed JSON", "POST", "/signup", "", r#"{"username":"ada""#, 400, r#"{"status":400,"message":"Invalid parameters","detail":"The body must be a JSON object"}"#, ""),
];

#[rustfmt::skip]
pub(crate) const SIGN_IN: &[Row] = &[
    ("the text's payload", "POST", "/login", "", r#"{ "username":"joey2go", "password":"bestpass123" }"#, 200, PAIR, ""),
    ("a trailing slash, the name in another case", "POST", "/login/", "", r#"{"username":"Joey2Go","password":"bestpass123"}"#, 200, PAIR, ""),
    ("a wrong password", "POST", "/login", "", r#"{"username":"joey2go","password":"bestpass124"}"#, 401, WRONG, WRONG_CODE),
    ("an unknown user", "POST", "/login", "", r#"{"username":"nobody","password":"bestpass123"}"#, 401, WRONG, WRONG_CODE),
    ("no password", "POST", "/login", "", r#"{"username":"joey2go"}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"password: send a string"}"#, ""),
    ("a password that is an object", "POST", "/login", "", r#"{"username":"joey2go","password":{}}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"password: send a string"}"#, ""),
    ("an empty body", "POST", "/login", "", "", 400, NO_OBJECT, ""),
    ("no token", "POST", "/refresh", "", r"{}", 400, r#"{"status":400,"message":"Invalid POST body","detail":"refresh_token: send a string"}"#, ""),
    ("not the form of a refresh token", "POST", "/refresh", "", r#"{"refresh_token":"x"}"#, 401, INVALID, "refresh_token_malformed"),
    ("one that nobody gave out", "POST", "/refresh", "", r#"{"refresh_token":"ksr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, 401, INVALID, "refresh_token_unknown"),
];

/// What every guarded route says of a token that does not hold. Each is tried on each route.
#[rustfmt::skip]
pub(crate) const TOKENS: &[(&str, &str, u16, &str, &str)] = &[
    ("no token", "", 401, NOT_PRESENT, "token_missing"),
    ("another scheme", "Basic am9leTJnbzpiZXN0cGFzczEyMw==", 401, NOT_PRESENT, "token_missing"),
    ("a token without a scheme", "UNSCHEMED", 400, BAD_HEADER, "authorization_malformed"),
    ("no JWT", "Bearer x", 401, INVALID, "token_malformed"),
    ("one changed character", "CHANGED", 401, INVALID, "token_signature_invalid"),
    ("not signed at all", "UNSIGNED", 401, INVALID, "token_algorithm_refused"),
    ("signed under another secret", "FOREIGN", 401, INVALID, "token_key_unknown"),
    ("expired", "OLD", 401, EXPIRED, "token_expired"),
    ("an integer subject, as the original's", "INTEGER", 401, INVALID, "token_claim_malformed"),
    ("without a name", "NAMELESS", 401, INVALID, "token_claim_malformed"),
    ("without an id of its own", "IDLESS", 401, INVALID, "token_claim_missing"),
    ("without the time of its issue", "TIMELESS", 401, INVALID, "token_claim_missing"),
    ("without a session", "SESSIONLESS", 401, INVALID, "token_claim_missing"),
    ("of a user that is not there", "NOBODY", 401, INVALID, "token_revoked"),
    ("of a session that is not there", "ENDED", 401, INVALID, "token_revoked"),
];

#[rustfmt::skip]
pub(crate) const GUARDED: &[(&str, &str, &str)] = &[
    ("POST", "/logout", ""),
    ("POST", "/post", r#"{"content":"x"}"#),
    ("DELETE", "/post?postid=1", ""),
    ("POST", "/follow", r#"{"followee":1}"#),
    ("DELETE", "/follow", r#"{"followee":1}"#),
    ("GET", "/timeline", ""),
];

/// `joey2go` (1) is JOEY, `mira` (2) MIRA, `sol` (3) SOL.
#[rustfmt::skip]
pub(crate) const POSTS: &[Row] = &[
    ("none yet", "GET", "/post?postid=1", "", "", 404, NO_POST, ""),
    ("none yet", "GET", "/joey2go", "", "", 200, r#"{"status":200,"userid":1,"username":"joey2go","posts":[],"before":null}"#, ""),
    ("none yet", "GET", "/timeline", "MIRA", "", 200, r#"{"status":200,"posts":[],"before":null}"#, ""),
    ("a token", "POST", "/post", "JOEY", r#"{"content":"My first post"}"#, 200, r#"{"status":200,"message":"Created post","postid":1}"#, ""),
    ("another's token, a trailing slash", "POST", "/post/", "MIRA", "{\"content\":\"Zwei\\nZeilen: \\\"ä\\\"\"}", 200, r#"{"status":200,"message":"Created post","postid":2}"#, ""),
    ("the scheme in another case", "POST", "/post", "LOUD", r#"{"content":"<b>My third post</b>"}"#, 200, r#"{"status":200,"message":"Created post","postid":3}"#, ""),
    ("no content", "POST", "/post", "JOEY", r"{}", 400, CONTENT, ""),
    ("empty content", "POST", "/post", "JOEY", r#"{"content":""}"#, 400, CONTENT, ""),
    ("content that is an array", "POST", "/post", "JOEY", r#"{"content":["x"]}"#, 400, CONTENT, ""),
    ("content of spaces", "POST", "/post", "JOEY", r#"{"content":" \n\t "}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"content: write something"}"#, ""),
    ("content with a control character", "POST", "/post", "JOEY", r#"{"content":"a\u001b[2Jb"}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"content: leave out control characters, but line breaks (\\n) and tabs"}"#, ""),
    ("malformed JSON", "POST", "/post", "JOEY", "{", 400, NO_OBJECT, ""),
    ("half a surrogate pair", "POST", "/post", "JOEY", r#"{"content":"\ud800"}"#, 400, NO_OBJECT, ""),
    ("a post", "GET", "/post?postid=1", "", "", 200, FIRST_ALONE, ""),
    ("a post, a trailing slash", "GET", "/post/?postid=2", "", "", 200, r#"{"status":200,"postid":2,"userid":2,"username":"mira","content":"Zwei\nZeilen: \"ä\"","created":"2026-11-22T12:00:00Z"}"#, ""),
    ("no number", "GET", "/post?postid=first", "", "", 400, BAD_ID, ""),
    ("no postid", "GET", "/post", "", "", 400, BAD_ID, ""),
    ("two", "GET", "/post?postid=1&postid=2", "", "", 400, BAD_ID, ""),
    ("a number beyond all bounds", "GET", "/post?postid=99999999999999999999", "", "", 400, BAD_ID, ""),
    ("a number without a post", "GET", "/post?postid=99", "", "", 404, NO_POST, ""),
    ("a negative number", "GET", "/post?postid=-1", "", "", 404, NO_POST, ""),
    ("newest first", "GET", "/joey2go", "", "", 200, JOEYS, ""),
    ("a trailing slash, the name in another case", "GET", "/JOEY2GO/", "", "", 200, JOEYS, ""),
    ("a page of one", "GET", "/joey2go?limit=1", "", "", 200, r#"{"status":200,"userid":1,"username":"joey2go","posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"}],"before":3}"#, ""),
    ("the page behind it", "GET", "/joey2go?limit=2&before=3", "", "", 200, r#"{"status":200,"userid":1,"username":"joey2go","posts":[{"postid":1,"userid":1,"username":"joey2go","content":"My first post","created":"2026-11-22T12:00:00Z"}],"before":null}"#, ""),
    ("a page of none", "GET", "/joey2go?limit=0", "", "", 400, BAD_PAGE, ""),
    ("nobody of that name", "GET", "/nobody", "", "", 404, NO_USER, ""),
    ("a wildcard", "GET", "/joey%25", "", "", 404, NO_USER, ""),
    ("a wildcard", "GET", "/joey2g_", "", "", 404, NO_USER, ""),
    ("a quote", "GET", "/joey2go'--", "", "", 404, NO_USER, ""),
    ("not UTF-8", "GET", "/%ff", "", "", 404, NO_USER, ""),
    ("NUL", "GET", "/%00", "", "", 404, NO_USER, ""),
];

#[rustfmt::skip]
pub(crate) const FOLLOWS: &[Row] = &[
    ("another user", "POST", "/follow", "MIRA", r#"{"followee":1}"#, 200, r#"{"status":200,"message":"Added mira as a follower to joey2go"}"#, ""),
    ("another user, a trailing slash", "POST", "/follow/", "JOEY", r#"{"followee":2}"#, 200, r#"{"status":200,"message":"Added joey2go as a follower to mira"}"#, ""),
    ("already", "POST", "/follow", "MIRA", r#"{"followee":1}"#, 409, r#"{"status":409,"message":"You already follow joey2go"}"#, ""),
    ("oneself", "POST", "/follow", "MIRA", r#"{"followee":2}"#, 400, YOURSELF, ""),
    ("no such user", "POST", "/follow", "MIRA", r#"{"followee":99}"#, 404, NO_USER, ""),
    ("nobody named", "POST", "/follow", "MIRA", r"{}", 400, r#"{"status":400,"message":"Invalid POST body","detail":"followee: send a whole number"}"#, ""),
    ("a name in place of the number", "POST", "/follow", "MIRA", r#"{"followee":"joey2go"}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"followee: send a whole number"}"#, ""),
    ("a broken number", "POST", "/follow", "MIRA", r#"{"followee":1.5}"#, 400, r#"{"status":400,"message":"Invalid POST body","detail":"followee: send a whole number"}"#, ""),
    ("an array", "POST", "/follow", "MIRA", "[1]", 400, NO_OBJECT, ""),
    ("newest first", "GET", "/timeline", "MIRA", "", 200, MIRAS_TIMELINE, ""),
    ("a trailing slash, defaults spelt out", "GET", "/timeline/?limit=20&before=9223372036854775807", "MIRA", "", 200, MIRAS_TIMELINE, ""),
    ("a page of one", "GET", "/timeline?limit=1", "MIRA", "", 200, r#"{"status":200,"posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"}],"before":3}"#, ""),
    ("the page behind it", "GET", "/timeline?limit=1&before=3", "MIRA", "", 200, r#"{"status":200,"posts":[{"postid":1,"userid":1,"username":"joey2go","content":"My first post","created":"2026-11-22T12:00:00Z"}],"before":1}"#, ""),
    ("behind the last", "GET", "/timeline?limit=1&before=1", "MIRA", "", 200, r#"{"status":200,"posts":[],"before":null}"#, ""),
    ("a hundred", "GET", "/timeline?limit=100", "MIRA", "", 200, MIRAS_TIMELINE, ""),
    ("a hundred and one", "GET", "/timeline?limit=101", "MIRA", "", 400, BAD_PAGE, ""),
    ("none", "GET", "/timeline?limit=0", "MIRA", "", 400, BAD_PAGE, ""),
    ("a negative limit", "GET", "/timeline?limit=-1", "MIRA", "", 400, BAD_PAGE, ""),
    ("a limit that is no number", "GET", "/timeline?limit=all", "MIRA", "", 400, BAD_PAGE, ""),
    ("a place that is no number", "GET", "/timeline?before=x", "MIRA", "", 400, BAD_PAGE, ""),
    ("two limits", "GET", "/timeline?limit=1&limit=2", "MIRA", "", 400, BAD_PAGE, ""),
    ("one's own posts are not in it", "GET", "/timeline", "JOEY", "", 200, r#"{"status":200,"posts":[{"postid":2,"userid":2,"username":"mira","content":"Zwei\nZeilen: \"ä\"","created":"2026-11-22T12:00:00Z"}],"before":null}"#, ""),
    ("one who is followed", "DELETE", "/follow", "JOEY", r#"{"followee":2}"#, 200, r#"{"status":200,"message":"Removed joey2go as a follower of mira"}"#, ""),
    ("once more", "DELETE", "/follow", "JOEY", r#"{"followee":2}"#, 404, r#"{"status":404,"message":"You don't follow mira"}"#, ""),
    ("oneself", "DELETE", "/follow", "JOEY", r#"{"followee":1}"#, 400, YOURSELF, ""),
    ("no such user", "DELETE", "/follow/", "JOEY", r#"{"followee":99}"#, 404, NO_USER, ""),
    ("nobody named", "DELETE", "/follow", "JOEY", r"{}", 400, r#"{"status":400,"message":"Invalid DELETE body","detail":"followee: send a whole number"}"#, ""),
    ("malformed JSON", "DELETE", "/follow", "JOEY", "{", 400, r#"{"status":400,"message":"Invalid DELETE body","detail":"The body must be a JSON object"}"#, ""),
    ("whoever was followed is gone from it", "GET", "/timeline", "JOEY", "", 200, r#"{"status":200,"posts":[],"before":null}"#, ""),
];

#[rustfmt::skip]
pub(crate) const DELETIONS: &[Row] = &[
    ("another's", "DELETE", "/post?postid=1", "MIRA", "", 403, r#"{"status":403,"message":"Unauthorized"}"#, ""),
    ("still there", "GET", "/post?postid=1", "", "", 200, FIRST_ALONE, ""),
    ("one's own", "DELETE", "/post?postid=1", "JOEY", "", 200, r#"{"status":200,"message":"Deleted post 1"}"#, ""),
    ("once more", "DELETE", "/post?postid=1", "JOEY", "", 404, NO_POST, ""),
    ("another's that is deleted", "DELETE", "/post?postid=1", "MIRA", "", 404, NO_POST, ""),
    ("deleted", "GET", "/post?postid=1", "", "", 404, NO_POST, ""),
    ("deleted", "GET", "/joey2go", "", "", 200, r#"{"status":200,"userid":1,"username":"joey2go","posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"}],"before":null}"#, ""),
    ("deleted", "GET", "/timeline", "MIRA", "", 200, r#"{"status":200,"posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"}],"before":null}"#, ""),
    ("deleted before one followed", "POST", "/follow", "SOL", r#"{"followee":1}"#, 200, r#"{"status":200,"message":"Added sol as a follower to joey2go"}"#, ""),
    ("deleted before one followed", "GET", "/timeline", "SOL", "", 200, r#"{"status":200,"posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"}],"before":null}"#, ""),
    ("one's own, a trailing slash", "DELETE", "/post/?postid=3", "JOEY", "", 200, r#"{"status":200,"message":"Deleted post 3"}"#, ""),
    ("a number without a post", "DELETE", "/post?postid=99", "JOEY", "", 404, NO_POST, ""),
    ("no number", "DELETE", "/post?postid=first", "JOEY", "", 400, BAD_DELETE, ""),
    ("no postid", "DELETE", "/post", "JOEY", "", 400, BAD_DELETE, ""),
    ("no such route", "GET", "/joey2go/posts", "", "", 404, r#"{"status":404,"message":"Not found"}"#, ""),
    ("no such route", "GET", "/", "", "", 404, r#"{"status":404,"message":"Not found"}"#, ""),
    ("no such method", "PUT", "/post", "JOEY", "", 405, NO_METHOD, ""),
    ("no such method", "GET", "/login", "", "", 405, NO_METHOD, ""),
    ("no such method", "POST", "/joey2go", "JOEY", "", 405, NO_METHOD, ""),
];

pub(crate) const CREATED_USER: &str = r#"{"status":200,"message":"Created user"}"#;
pub(crate) const UNAVAILABLE: &str = r#"{"status":409,"message":"Username unavailable"}"#;
pub(crate) const OWN_WORD: &str = r#"{"status":400,"message":"Invalid parameters","detail":"username: this name is one of the microblog's own words; choose another"}"#;
pub(crate) const PAIR: &str = r#"{"status":200,"token":"«jwt»","refresh_token":"«refresh»"}"#;
pub(crate) const WRONG: &str = r#"{"status":401,"message":"Wrong username or password"}"#;
pub(crate) const WRONG_CODE: &str = r#"Bearer reason="credentials_wrong""#;
pub(crate) const LOGGED_OUT: &str = r#"{"status":200,"message":"Logged out"}"#;
pub(crate) const NO_OBJECT: &str =
    r#"{"status":400,"message":"Invalid POST body","detail":"The body must be a JSON object"}"#;
pub(crate) const NOT_PRESENT: &str =
    r#"{"status":401,"message":"Authorization header not present"}"#;
pub(crate) const INVALID: &str = r#"{"status":401,"message":"Invalid token"}"#;
pub(crate) const EXPIRED: &str = r#"{"status":401,"message":"Expired token"}"#;
pub(crate) const BAD_HEADER: &str = r#"{"status":400,"message":"Invalid token"}"#;
pub(crate) const CONTENT: &str =
    r#"{"status":400,"message":"Invalid POST body","detail":"content: send a string"}"#;
pub(crate) const NO_POST: &str = r#"{"status":404,"message":"No such post"}"#;
pub(crate) const NO_USER: &str = r#"{"status":404,"message":"No such user"}"#;
pub(crate) const BAD_ID: &str = r#"{"status":400,"message":"Invalid parameters","detail":"write the query as ?postid=N, with the number that creating the post answered"}"#;
pub(crate) const BAD_DELETE: &str = r#"{"status":400,"message":"Invalid DELETE body","detail":"write the query as ?postid=N, with the number that creating the post answered"}"#;
pub(crate) const BAD_PAGE: &str = r#"{"status":400,"message":"Invalid parameters","detail":"write the query as ?before=N&limit=M: before as the former page says it, limit from 1 to 100"}"#;
pub(crate) const YOURSELF: &str = r#"{"status":400,"message":"You can't follow yourself"}"#;
pub(crate) const NO_METHOD: &str = r#"{"status":405,"message":"Method not allowed"}"#;
pub(crate) const FIRST_ALONE: &str = r#"{"status":200,"postid":1,"userid":1,"username":"joey2go","content":"My first post","created":"2026-11-22T12:00:00Z"}"#;
pub(crate) const JOEYS: &str = r#"{"status":200,"userid":1,"username":"joey2go","posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"},{"postid":1,"userid":1,"username":"joey2go","content":"My first post","created":"2026-11-22T12:00:00Z"}],"before":null}"#;
pub(crate) const MIRAS_TIMELINE: &str = r#"{"status":200,"posts":[{"postid":3,"userid":1,"username":"joey2go","content":"<b>My third post</b>","created":"2026-11-22T12:00:00Z"},{"postid":1,"userid":1,"username":"joey2go","content":"My first post","created":"2026-11-22T12:00:00Z"}],"before":null}"#;
pub(crate) const TOO_LONG: &str =
    r#"{"status":413,"message":"The body must not be longer than 64 KiB"}"#;
pub(crate) const NOT_JSON: &str =
    r#"{"status":415,"message":"Content-Type must be application/json"}"#;
pub(crate) const LIMITED: &str =
    r#"{"status":429,"message":"Too many wrong passwords; try again later"}"#;
pub(crate) const BUSY: &str =
    r#"{"status":503,"message":"Too many sign-ins at once; try again shortly"}"#;
pub(crate) const AWAY: &str =
    r#"{"status":503,"message":"The store does not answer at present; try again shortly"}"#;
