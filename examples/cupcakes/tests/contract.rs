//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`. The table is printed.

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use examples_common::testing::{
    Contract, Request, basic, challenge, changed, last_of_a_crowd, send_bytes, tokens_of_the_others,
};
use keystile_accounts::NewAccount;
use serde_json::json;
use support::{BASIC, NOW, SECRET, Shop, folder, import, signed};

/// Case, method, path, `Authorization`, JSON body; then status, whole body, the code of the challenge.
/// `ADA`, `BOB` and so on stand for tokens, `BASIC` for the text's credentials.
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

/// All rows share one shop and stand in their order.
#[rustfmt::skip]
const SIGN_UP: &[Row] = &[
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
const USERS: &[Row] = &[
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
    ("no token", "GET", "/users", "", "", 401, UNAUTHORIZED, "token_missing"),
    ("another scheme", "GET", "/users", "BASIC", "", 401, UNAUTHORIZED, "token_missing"),
    ("a scheme and nothing else", "GET", "/users", "Bearer", "", 400, INVALID, "authorization_malformed"),
    ("no JWT", "GET", "/users", "Bearer x", "", 401, INVALID, "token_malformed"),
    ("one changed character", "GET", "/users", "CHANGED", "", 401, INVALID, "token_signature_invalid"),
    ("signed under another secret", "GET", "/users", "FOREIGN", "", 401, INVALID, "token_key_unknown"),
    ("another program's, under this secret", "GET", "/users", "ANOTHERS", "", 401, INVALID, "token_claim_malformed"),
    ("of an account that is not there", "GET", "/users", "NOBODY", "", 401, INVALID, "token_revoked"),
    ("expired", "GET", "/users", "OLD", "", 401, EXPIRED, "token_expired"),
];

/// `test@user.com` is ADA, `bob@user.com` BOB.
#[rustfmt::skip]
const CUPCAKES: &[Row] = &[
    ("none yet", "GET", "/cupcakes", "", "", 200, "[]", ""),
    ("none yet", "GET", "/cupcakes/1", "", "", 404, NO_CUPCAKE, ""),
    ("no token", "POST", "/cupcakes", "", r#"{"flavor":"Lemon","instructions":"Bake"}"#, 401, UNAUTHORIZED, "token_missing"),
    ("an expired token", "POST", "/cupcakes", "OLD", r#"{"flavor":"Lemon","instructions":"Bake"}"#, 401, EXPIRED, "token_expired"),
    ("a forged token", "POST", "/cupcakes", "FOREIGN", r#"{"flavor":"Lemon","instructions":"Bake"}"#, 401, INVALID, "token_key_unknown"),
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
    ("no token", "DELETE", "/cupcakes/1", "", "", 401, UNAUTHORIZED, "token_missing"),
    ("an expired token", "DELETE", "/cupcakes/1", "OLD", "", 401, EXPIRED, "token_expired"),
    ("a forged token", "DELETE", "/cupcakes/1", "FOREIGN", "", 401, INVALID, "token_key_unknown"),
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

const TOKEN: &str = r#"{"accessToken":"«jwt»"}"#;
const TAKEN: &str = r#"{"error":"User already exists"}"#;
const NEEDED: &str = r#"{"error":"Email and password are required"}"#;
const TOO_SHORT: &str =
    r#"{"error":"password: use at least 8 characters; a few words in a row are easy to remember"}"#;
const NO_ADDRESS: &str = r#"{"error":"email: write it like name@example.org"}"#;
const NO_OBJECT: &str = r#"{"error":"The body must be a JSON object"}"#;
const UNAUTHORIZED: &str = r#"{"error":"Unauthorized"}"#;
const INVALID: &str = r#"{"error":"Token is invalid"}"#;
const EXPIRED: &str = r#"{"error":"Token has expired"}"#;
const NO_CUPCAKE: &str = r#"{"message":"Cupcake not found"}"#;
const INCOMPLETE: &str = r#"{"error":"Flavor and instructions are required fields"}"#;
const LEMON: &str = r#"{"id":1,"flavor":"Lemon","instructions":"Bake it."}"#;
const CHOCOLATE: &str = r#"{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}"#;
const JUST_LEMON: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."}]"#;
const JUST_CHOCOLATE: &str = r#"[{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;
const BOTH: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."},{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;

const TOO_LONG: &str = r#"{"error":"The body must not be longer than 64 KiB"}"#;
const NOT_JSON: &str = r#"{"error":"Content-Type must be application/json"}"#;
const UNREADABLE: &str = r#"{"error":"The body could not be read"}"#;
const LIMITED: &str = r#"{"error":"Too many wrong passwords; try again later"}"#;
const BUSY: &str = r#"{"error":"Too many sign-ins at once; try again shortly"}"#;
const AWAY: &str = r#"{"error":"The store does not answer at present; try again shortly"}"#;

/// What the names in the rows stand for.
type People = Vec<(&'static str, String)>;

fn main() -> ExitCode {
    let mut contract = Contract::of("cupcakes");
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    check(&mut contract, &shop, SIGN_UP, &Vec::new());
    let people = people(&shop);
    check(&mut contract, &shop, USERS, &people);
    check(&mut contract, &shop, CUPCAKES, &people);
    bodies(&mut contract, &shop, &people);
    twice(&mut contract, &shop, &people);
    of_the_others(&mut contract, &shop);
    head(&mut contract, &shop, &people);
    guessing(&mut contract, &shop);
    store_away(&mut contract, &shop, &file);
    drop(shop);
    crowd(&mut contract);
    contract.covers(include_str!("../README.md"));
    contract.finish()
}

fn people(shop: &Shop) -> People {
    let (ada, bob) = (shop.bearer("test@user.com"), shop.bearer("bob@user.com"));
    let (now, later) = (NOW.as_seconds(), NOW.as_seconds() + 60);
    let claims = |sub: &str, exp: i64| json!({ "sub": sub, "email": "test@user.com", "exp": exp });
    vec![
        ("BASIC", BASIC.to_owned()),
        ("LOUD", ada.replace("Bearer", "BEARER")),
        ("CHANGED", changed(&ada, 2)),
        (
            "FOREIGN",
            signed(&SECRET.replace('a', "b"), claims("1", later)),
        ),
        (
            "ANOTHERS",
            signed(SECRET, json!({ "sub": "1", "user": "ada", "exp": later })),
        ),
        ("NOBODY", signed(SECRET, claims("9", later))),
        ("OLD", signed(SECRET, claims("1", now))),
        ("ADA", ada),
        ("BOB", bob),
    ]
}

fn bearer<'p>(people: &'p People, name: &str) -> Option<&'p str> {
    let mut people = people.iter().filter(|(one, _)| *one == name);
    people.next().map(|(_, bearer)| bearer.as_str())
}

/// The route that a path belongs to, as the README writes it.
fn route(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let path = match path.strip_prefix("/cupcakes/") {
        Some(_) => "/cupcakes/{id}",
        None => path,
    };
    format!("{method} {path}")
}

fn check(contract: &mut Contract, shop: &Shop, rows: &[Row], people: &People) {
    for &(case, method, path, authorization, json, status, body, code) in rows {
        let authorization = bearer(people, authorization).unwrap_or(authorization);
        let answer = shop.send(Request {
            method,
            path,
            authorization: Some(authorization).filter(|it| !it.is_empty()),
            body: (method == "POST").then_some(("application/json", json.as_bytes())),
        });
        let expected = match code {
            "" => None,
            "Basic" => Some("Basic".to_owned()),
            code => Some(challenge(code)),
        };
        let expected = (status, body, expected.as_deref());
        contract.cell(&route(method, path), case, &answer, expected);
    }
}

/// Under one secret, another example's token is still none of ours.
fn of_the_others(contract: &mut Contract, shop: &Shop) {
    for (example, token) in tokens_of_the_others("cupcakes", SECRET, NOW) {
        let code = match example {
            "quickstart" => "token_type_wrong",
            _ => "token_claim_malformed",
        };
        let answer = shop.get("/users", Some(&format!("Bearer {token}")));
        let case = format!("{example}: its token, under this secret");
        contract.cell(
            "GET /users",
            &case,
            &answer,
            (401, INVALID, Some(&challenge(code))),
        );
    }
}

/// More sign-ins at once than can be checked in five seconds. Each is another's, so that no limit on guessing counts.
fn crowd(contract: &mut Contract) {
    let (_folder, file) = folder();
    // About a quarter of a second each.
    let hash = bcrypt::hash("password123", 12).expect("bcrypt");
    let name = |number: usize| format!("user{number}@user.com");
    import(
        &file,
        (0..120).map(|number| NewAccount::with_email(name(number)).password_hash(&hash)),
    );
    let shop = Shop::open(&file, SECRET, NOW);
    let wrong: Vec<String> = (0..120)
        .map(|number| basic(&name(number), "password124"))
        .collect();
    assert_eq!(
        shop.get("/users/login", Some(&wrong[0])).status,
        401,
        "now it is known how long one takes"
    );
    let requests = wrong.iter().map(|wrong| Request {
        method: "GET",
        path: "/users/login",
        authorization: Some(wrong),
        body: None,
    });
    let answer = last_of_a_crowd(shop.address, &requests.collect::<Vec<_>>());
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    contract.cell(
        "GET /users/login",
        "more than can be served soon",
        &answer,
        (503, BUSY, None),
    );
}

/// What comes as a body, and how.
fn bodies(contract: &mut Contract, shop: &Shop, people: &People) {
    let long = vec![b' '; 64 * 1024 + 1];
    for path in ["/users", "/cupcakes"] {
        let route = format!("POST {path}");
        let authorization = bearer(people, "ADA").filter(|_| path == "/cupcakes");
        for (case, content_type, body, status, expected) in [
            ("text", "text/plain", &b"{}"[..], 415, NOT_JSON),
            (
                "a form",
                "application/x-www-form-urlencoded",
                b"email=a",
                415,
                NOT_JSON,
            ),
            ("no content type", "", b"{}", 415, NOT_JSON),
            ("more than 64 KiB", "application/json", &long, 413, TOO_LONG),
        ] {
            let body = Some((content_type, body));
            let request = Request {
                method: "POST",
                path,
                authorization,
                body,
            };
            contract.cell(&route, case, &shop.send(request), (status, expected, None));
        }
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: {}\r\n",
            bearer(people, "ADA").unwrap_or_default()
        );
        let broken = format!("{head}Transfer-Encoding: chunked\r\n\r\nno length\r\n");
        let answer = send_bytes(shop.address, broken.as_bytes());
        contract.cell(
            &route,
            "a broken transfer",
            &answer,
            (400, UNREADABLE, None),
        );
    }
}

/// Two headers name two callers.
fn twice(contract: &mut Contract, shop: &Shop, people: &People) {
    let send = |path: &str, name: &str| {
        let line = format!(
            "Authorization: {}\r\n",
            bearer(people, name).unwrap_or_default()
        );
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n");
        send_bytes(shop.address, head.as_bytes())
    };
    let (tokens, passwords) = (send("/users", "ADA"), send("/users/login", "BASIC"));
    let ambiguous = challenge("credentials_ambiguous");
    contract.cell(
        "GET /users",
        "two headers",
        &tokens,
        (400, INVALID, Some(&ambiguous)),
    );
    contract.cell(
        "GET /users/login",
        "two headers",
        &passwords,
        (401, UNAUTHORIZED, Some("Basic")),
    );
}

/// `HEAD` answers as `GET` does, without the body.
fn head(contract: &mut Contract, shop: &Shop, people: &People) {
    let ada = bearer(people, "ADA");
    shop.post(
        "/cupcakes",
        ada,
        r#"{"flavor":"Lemon","instructions":"Bake it."}"#,
    );
    let missing = challenge("token_missing");
    for (path, authorization, status, expected) in [
        ("/users", ada, 200, None),
        ("/users", None, 401, Some(missing.as_str())),
        ("/users/login", None, 401, Some("Basic")),
        ("/cupcakes", None, 200, None),
        ("/cupcakes/3", None, 200, None),
        ("/cupcakes/4", None, 404, None),
    ] {
        let ask = |method| {
            shop.send(Request {
                method,
                path,
                authorization,
                body: None,
            })
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        let case = format!("as GET, {status}");
        contract.cell(&route("HEAD", path), &case, &head, (status, "", expected));
    }
}

fn guessing(contract: &mut Contract, shop: &Shop) {
    let (wrong, right) = (
        basic("bob@user.com", "password124"),
        basic("bob@user.com", "password123"),
    );
    for _ in 0..10 {
        assert_eq!(shop.get("/users/login", Some(&wrong)).status, 401);
    }
    for (case, credentials) in [
        ("an eleventh guess", &wrong),
        ("the right one after ten guesses", &right),
    ] {
        let answer = shop.get("/users/login", Some(credentials));
        assert!(answer.header("Retry-After").is_some(), "{answer:?}");
        contract.cell("GET /users/login", case, &answer, (429, LIMITED, None));
    }
    shop.clock.advance(Duration::from_secs(15 * 60));
    let answer = shop.get("/users/login", Some(&right));
    contract.cell(
        "GET /users/login",
        "a quarter of an hour later",
        &answer,
        (200, TOKEN, None),
    );
}

/// The table is gone from under the program: the log is told why, the caller only when to come again.
fn store_away(contract: &mut Contract, shop: &Shop, file: &Path) {
    let connection = rusqlite::Connection::open(file).expect("the file");
    connection
        .execute_batch("DROP TABLE cupcake")
        .expect("dropped");
    for path in ["/cupcakes", "/cupcakes/1"] {
        let answer = shop.get(path, None);
        assert_eq!(answer.header("Retry-After"), Some("1"));
        contract.cell(
            &route("GET", path),
            "the store is away",
            &answer,
            (503, AWAY, None),
        );
    }
}
