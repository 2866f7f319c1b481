//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`.

mod support;

use examples_common::testing::{Answer, Request};
use support::{BASIC, NOW, SECRET, Shop, folder, token};

/// Method, path, `Authorization`, JSON body; then status, whole body, `WWW-Authenticate`.
/// `ADA` and `BOB` stand for the tokens of two people.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
    &'static str,
);

const ASK_BASIC: &str = "Basic";
const ASK_TOKEN: &str = r#"Bearer reason="token_missing""#;

/// `POST /users` and the two sign-ins, in order: the rows share one shop.
#[rustfmt::skip]
const USERS: &[Row] = &[
    ("POST", "/users", "", r#"{ "email" : "test@user.com", "password" : "password123" }"#, 201, r#"{"id":1,"email":"test@user.com"}"#, ""),
    ("POST", "/users", "", r#"{"email":"test@user.com","password":"another-password"}"#, 409, r#"{"error":"User already exists"}"#, ""),
    ("POST", "/users", "", r#"{"email":"TEST@user.COM","password":"another-password"}"#, 409, r#"{"error":"User already exists"}"#, ""),
    ("POST", "/users/", "", r#"{"email":"bob@user.com","password":"eight888"}"#, 201, r#"{"id":2,"email":"bob@user.com"}"#, ""),
    ("POST", "/users", "", r"{}", 400, NEEDED, ""),
    ("POST", "/users", "", r#"{"email":"c@user.com"}"#, 400, NEEDED, ""),
    ("POST", "/users", "", r#"{"password":"password123"}"#, 400, NEEDED, ""),
    ("POST", "/users", "", r#"{"email":"","password":"password123"}"#, 400, NEEDED, ""),
    ("POST", "/users", "", r#"{"email":"c@user.com","password":null}"#, 400, NEEDED, ""),
    ("POST", "/users", "", r#"{"email":"c@user.com","password":12345678}"#, 400, r#"{"error":"password: must be a string"}"#, ""),
    ("POST", "/users", "", r#"{"email":["c@user.com"],"password":"password123"}"#, 400, r#"{"error":"email: must be a string"}"#, ""),
    ("POST", "/users", "", r#"["c@user.com","password123"]"#, 400, NO_OBJECT, ""),
    ("POST", "/users", "", r#"{"email":"c@user.com""#, 400, NO_OBJECT, ""),
    ("POST", "/users", "", "", 400, NO_OBJECT, ""),
    ("POST", "/users", "", r#"{"email":"c@user.com","password":"seven77"}"#, 400, TOO_SHORT, ""),
    ("POST", "/users", "", r#"{"email":"no address","password":"password123"}"#, 400, NO_ADDRESS, ""),
    ("GET", "/users/login", "", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("POST", "/users/login", "", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("GET", "/users/login", "Basic dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyNA==", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("GET", "/users/login", "Basic bm9ib2R5QHVzZXIuY29tOnBhc3N3b3JkMTIz", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("GET", "/users/login", "Bearer dGVzdEB1c2VyLmNvbTpwYXNzd29yZDEyMw==", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("GET", "/users/login", "Basic not base64", "", 401, UNAUTHORIZED, ASK_BASIC),
    ("GET", "/users/login", "Basic", "", 401, UNAUTHORIZED, ASK_BASIC),
];

/// The token's own routes. `test@user.com` is 1 and `bob@user.com` 2.
#[rustfmt::skip]
const CUPCAKES: &[Row] = &[
    ("GET", "/users", "ADA", "", 200, r#"{"id":1,"email":"test@user.com"}"#, ""),
    ("GET", "/users/", "BOB", "", 200, r#"{"id":2,"email":"bob@user.com"}"#, ""),
    ("GET", "/users", "", "", 401, UNAUTHORIZED, ASK_TOKEN),
    ("GET", "/cupcakes", "", "", 200, "[]", ""),
    ("GET", "/cupcakes/1", "", "", 404, NO_CUPCAKE, ""),
    ("POST", "/cupcakes", "", r#"{"flavor":"Lemon","instructions":"Bake"}"#, 401, UNAUTHORIZED, ASK_TOKEN),
    ("POST", "/cupcakes", "ADA", r#"{"flavor":"Lemon","instructions":"Bake it."}"#, 201, LEMON, ""),
    ("POST", "/cupcakes/", "BOB", r#"{"flavor":"ČOKOLÁDA","instructions":"Míchej."}"#, 201, CHOCOLATE, ""),
    ("POST", "/cupcakes", "ADA", r#"{"flavor":"Lemon"}"#, 400, INCOMPLETE, ""),
    ("POST", "/cupcakes", "ADA", r#"{"flavor":"","instructions":"Bake"}"#, 400, INCOMPLETE, ""),
    ("POST", "/cupcakes", "ADA", r#"{"flavor":7,"instructions":"Bake"}"#, 400, r#"{"error":"flavor: must be a string"}"#, ""),
    ("POST", "/cupcakes", "ADA", "[]", 400, NO_OBJECT, ""),
    ("GET", "/cupcakes", "", "", 200, BOTH, ""),
    ("GET", "/cupcakes/", "", "", 200, BOTH, ""),
    ("GET", "/cupcakes?flavor=", "", "", 200, BOTH, ""),
    ("GET", "/cupcakes?flavor=lEmOn", "", "", 200, JUST_LEMON, ""),
    ("GET", "/cupcakes?flavor=%C4%8Dokol%C3%A1da", "", "", 200, JUST_CHOCOLATE, ""),
    ("GET", "/cupcakes?flavor=lem", "", "", 200, "[]", ""),
    ("GET", "/cupcakes?flavor=a&flavor=b", "", "", 400, r#"{"error":"Write the query as ?flavor=NAME, with one flavor"}"#, ""),
    ("GET", "/cupcakes/1", "", "", 200, LEMON, ""),
    ("GET", "/cupcakes/2/", "", "", 200, CHOCOLATE, ""),
    ("GET", "/cupcakes/3", "", "", 404, NO_CUPCAKE, ""),
    ("GET", "/cupcakes/-1", "", "", 404, NO_CUPCAKE, ""),
    ("GET", "/cupcakes/lemon", "", "", 404, NO_CUPCAKE, ""),
    ("GET", "/cupcakes/%ff", "", "", 404, NO_CUPCAKE, ""),
    ("GET", "/cupcakes/99999999999999999999", "", "", 404, NO_CUPCAKE, ""),
    ("DELETE", "/cupcakes/1", "", "", 401, UNAUTHORIZED, ASK_TOKEN),
    ("DELETE", "/cupcakes/1", "BOB", "", 403, r#"{"error":"Only its author may delete a cupcake"}"#, ""),
    ("DELETE", "/cupcakes/3", "BOB", "", 404, NO_CUPCAKE, ""),
    ("DELETE", "/cupcakes/lemon", "BOB", "", 404, NO_CUPCAKE, ""),
    ("GET", "/cupcakes/1", "", "", 200, LEMON, ""),
    ("DELETE", "/cupcakes/1", "ADA", "", 204, "", ""),
    ("DELETE", "/cupcakes/1", "ADA", "", 404, NO_CUPCAKE, ""),
    ("DELETE", "/cupcakes/2/", "BOB", "", 204, "", ""),
    ("GET", "/cupcakes", "", "", 200, "[]", ""),
    ("GET", "/nowhere", "", "", 404, r#"{"error":"Not found"}"#, ""),
    ("PUT", "/cupcakes", "ADA", "", 405, r#"{"error":"Method not allowed"}"#, ""),
];

const NEEDED: &str = r#"{"error":"Email and password are required"}"#;
const TOO_SHORT: &str =
    r#"{"error":"password: use at least 8 characters; a few words in a row are easy to remember"}"#;
const NO_ADDRESS: &str = r#"{"error":"email: write it like name@example.org"}"#;
const NO_OBJECT: &str = r#"{"error":"The body must be a JSON object"}"#;
const UNAUTHORIZED: &str = r#"{"error":"Unauthorized"}"#;
const NO_CUPCAKE: &str = r#"{"message":"Cupcake not found"}"#;
const INCOMPLETE: &str = r#"{"error":"Flavor and instructions are required fields"}"#;
const LEMON: &str = r#"{"id":1,"flavor":"Lemon","instructions":"Bake it."}"#;
const CHOCOLATE: &str = r#"{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}"#;
const JUST_LEMON: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."}]"#;
const JUST_CHOCOLATE: &str = r#"[{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;
const BOTH: &str = r#"[{"id":1,"flavor":"Lemon","instructions":"Bake it."},{"id":2,"flavor":"ČOKOLÁDA","instructions":"Míchej."}]"#;

fn send(shop: &Shop, row: &Row, people: &[(&str, &str)]) -> Answer {
    let &(method, path, authorization, json, ..) = row;
    let person = people.iter().find(|(name, _)| *name == authorization);
    let authorization = person.map_or(authorization, |(_, bearer)| bearer);
    shop.send(Request {
        method,
        path,
        authorization: Some(authorization).filter(|it| !it.is_empty()),
        body: (method == "POST" || method == "PUT")
            .then_some(("application/json", json.as_bytes())),
    })
}

fn check(shop: &Shop, rows: &[Row], people: &[(&str, &str)]) {
    for row in rows {
        let answer = send(shop, row, people);
        let challenge = Some(row.6).filter(|it| !it.is_empty());
        assert_eq!(answer.cell(), (row.4, row.5, challenge), "{row:?}");
    }
}

#[test]
fn users() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    check(&shop, USERS, &[]);
    for path in ["/users/login", "/users/login/"] {
        for method in ["GET", "POST"] {
            for basic in [BASIC.to_owned(), BASIC.replace("Basic", "bAsIc")] {
                let request = Request {
                    method,
                    path,
                    authorization: Some(&basic),
                    body: None,
                };
                token(&shop.send(request));
            }
        }
    }
}

#[test]
fn cupcakes() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let (ada, bob) = (shop.bearer("test@user.com"), shop.bearer("bob@user.com"));
    check(&shop, CUPCAKES, &[("ADA", &ada), ("BOB", &bob)]);
}

#[test]
fn another_content_type_and_a_long_body() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    let long = vec![b' '; 64 * 1024 + 1];
    for path in ["/users", "/cupcakes"] {
        let post = |content_type, body| {
            let body = Some((content_type, body));
            shop.send(Request {
                method: "POST",
                path,
                authorization: Some(&bearer),
                body,
            })
        };
        for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let answer = post(content_type, b"{}");
            assert_eq!(
                answer.cell(),
                (
                    415,
                    r#"{"error":"Content-Type must be application/json"}"#,
                    None
                )
            );
        }
        let answer = post("application/json", &long);
        assert_eq!(
            answer.cell(),
            (
                413,
                r#"{"error":"The body must not be longer than 64 KiB"}"#,
                None
            )
        );
    }
}

#[test]
fn head_answers_as_get_without_the_body() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let bearer = shop.bearer("test@user.com");
    shop.post(
        "/cupcakes",
        Some(&bearer),
        r#"{"flavor":"Lemon","instructions":"Bake it."}"#,
    );
    for (path, authorization) in [
        ("/users", bearer.as_str()),
        ("/users/", ""),
        ("/users/login/", ""),
        ("/cupcakes", ""),
        ("/cupcakes/1", ""),
        ("/cupcakes/2/", ""),
    ] {
        let authorization = Some(authorization).filter(|it| !it.is_empty());
        let ask = |method| {
            shop.send(Request {
                method,
                path,
                authorization,
                body: None,
            })
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        for name in ["WWW-Authenticate", "Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}
