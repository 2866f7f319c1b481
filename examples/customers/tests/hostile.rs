//! No input gives a 500, and every 401 says how to do better.

mod support;

use std::time::Duration;

use examples_common::testing::Request;
use serde_json::{Value, json};
use support::{NOW, SECRET, Shop, folder, person, post};

const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

const PATHS: [&str; 18] = [
    "/",
    "/customers",
    "/customers//",
    "/customers/login",
    "/customers/login/x",
    "/customers?page=%00",
    "/customers?page=%ff&per_page=%ff",
    "/customers?page[]=1",
    "/customers?page=1e3&per_page=0x10",
    "/customers/?page=18446744073709551616",
    "/customers/?per_page=4294967296&page=-9223372036854775808",
    "/customers/?page=%F0%9F%A7%81&x&&=",
    "/customers/0",
    "/customers/9223372036854775807",
    "/customers/9223372036854775808",
    "/customers/%00",
    "/customers/1%2F2",
    "/customers/1;DROP",
];

const AUTHORIZATIONS: [&str; 11] = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer e30.e30.e30",
    "Bearer a b",
    "Bearer\ta",
    "Token abc",
    "Basic Og==",
    "Digest x=y",
];

const BODIES: [(&str, &[u8]); 12] = [
    ("application/json", b""),
    ("application/json", b"null"),
    (
        "application/json",
        b"{\"email\":\"\\ud800\",\"password\":\"12345678\"}",
    ),
    (
        "application/json",
        b"{\"email\":\"a\\u0000@b.c\",\"password\":\"12345678\"}",
    ),
    (
        "application/json",
        b"{\"name\":\"\\u0000\",\"phone\":\"\\u202e\",\"username\":\"..\"}",
    ),
    ("application/json", b"{\"email\":1e999,\"password\":true}"),
    (
        "application/json",
        b"{\"password\":\"12345678\",\"password\":{}}",
    ),
    ("application/json", b"\xff\xfe"),
    ("application/json; charset=utf-16", b"{}"),
    (
        "application/vnd.x+json",
        b"{\"email\":{},\"password\":[],\"\":0,\"__proto__\":{}}",
    ),
    ("text/html", b"<p>"),
    ("é", b"{}"),
];

/// An error is an object: `message` (and the text's `status`), or fields with lists of messages.
fn is_error(body: &str) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_str(body) else {
        return false;
    };
    match members.get("message") {
        Some(Value::String(_)) => {
            members.len() == 1 || members.get("status") == Some(&json!("error"))
        }
        _ => {
            !members.is_empty()
                && members
                    .values()
                    .all(|value| value.as_array().is_some_and(|list| !list.is_empty()))
        }
    }
}

#[test]
fn no_input_gives_a_500() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let (ada, admin) = (shop.bearer("ada"), shop.make_admin(&file, "ada"));
    let authorizations = AUTHORIZATIONS
        .iter()
        .copied()
        .chain([ada.as_str(), admin.as_str()]);
    let mut refused = 0;
    for authorization in authorizations {
        for method in METHODS {
            for path in PATHS {
                let bodies = if method == "POST" {
                    &BODIES[..]
                } else {
                    &BODIES[..1]
                };
                for &body in bodies {
                    let authorization = Some(authorization).filter(|it| !it.is_empty());
                    let request = Request {
                        method,
                        path,
                        authorization,
                        body: Some(body),
                    };
                    let answer = shop.send(request);
                    assert!(answer.status < 500, "{request:?} {answer:?}");
                    assert!(
                        !answer.body.contains("12345678"),
                        "the password comes back: {request:?} {answer:?}"
                    );
                    if answer.status == 401 {
                        refused += 1;
                        assert!(
                            answer.header("WWW-Authenticate").is_some(),
                            "{request:?} {answer:?}"
                        );
                    }
                    if answer.status >= 400 && method != "HEAD" {
                        assert!(is_error(&answer.body), "{request:?} {answer:?}");
                    }
                }
            }
        }
    }
    assert!(
        refused > 250,
        "only {refused} requests were refused with 401"
    );
}

/// Odd, and yet what a person may be called.
#[test]
fn what_is_stored_comes_back_as_it_was_sent() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    for (place, name) in [
        "Robert'); DROP TABLE customer;--",
        "<script>alert(1)</script>",
        "Ада Лавлейс",
        "{\"admin\":true}",
        "😀",
    ]
    .into_iter()
    .enumerate()
    {
        let person = json!({
            "name": name,
            "email": format!("o'brien+{place}@bücher.example"),
            "phone": "(020) 7946.0018",
            "username": format!("._-{place}"),
            "password": "pass\u{0}word 🔑",
        });
        let answer = post(shop.address, "/customers/", &person);
        assert_eq!(answer.status, 201, "{answer:?}");
        let mut expected = person.clone();
        let members = expected.as_object_mut().expect("an object");
        let password = members.remove("password");
        members.insert("id".to_owned(), json!(place + 1));
        let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(answer, expected);
        let credentials = json!({ "email": person["email"], "password": password });
        assert_eq!(
            post(shop.address, "/customers/login", &credentials).status,
            200
        );
    }
}

/// An account of one's own is no way to somebody else's: what differs in case or in form is the same address.
#[test]
fn a_lookalike_of_a_taken_address_is_taken() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let person = |email: &str, username: &str| json!({ "name": "x", "email": email, "phone": "555-0100", "username": username, "password": "bestpass123" });
    assert_eq!(
        post(
            shop.address,
            "/customers/",
            &person("josé@example.org", "jose")
        )
        .status,
        201
    );
    for (place, email) in ["JOSÉ@example.org", "jose\u{301}@EXAMPLE.org"]
        .into_iter()
        .enumerate()
    {
        let answer = post(
            shop.address,
            "/customers/",
            &person(email, &format!("other{place}")),
        );
        assert_eq!(answer.status, 409, "{email}");
    }
    for email in [
        "josé\u{200b}@example.org",
        " josé@example.org",
        "josé@example.org\n",
    ] {
        let answer = post(shop.address, "/customers/", &person(email, "other"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, r#"{"email":["Not a valid email address."]}"#)
        );
    }
}

/// A backup that holds the file's lock, or many who sign up, delay nobody who reads.
#[test]
fn the_list_is_read_while_a_sign_up_waits_for_the_file() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    shop.sign_up("ada");
    let ada = shop.bearer("ada");
    let other = rusqlite::Connection::open(&file).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| post(shop.address, "/customers/", &person("bob")).status);
        for _ in 0..20 {
            assert_eq!(shop.listed(&ada), [(1, "ada".to_owned())]);
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!waits.is_finished(), "it waits");
        other.execute_batch("ROLLBACK").expect("no lock");
        assert_eq!(waits.join().expect("an answer"), 201);
    });
    assert_eq!(shop.listed(&ada).len(), 2);
}
