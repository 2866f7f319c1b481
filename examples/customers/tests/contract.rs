//! Every cell of the contract's table, over real TCP: status, whole body, `WWW-Authenticate`.

mod rows;
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use examples_common::testing::{
    Answer, Contract, Request, challenge, changed, last_of_a_crowd, send_bytes,
    tokens_of_the_others, unsigned,
};
use keystile_accounts::{Accounts, NewAccount};
use rows::{
    ADA, AWAY, BOB, BOTH, BUSY, Cell, EXPIRED, JUST_ADA, LIMITED, MISSING, NEED_ADMIN, NO_JSON,
    NOBODY, NOT_BEARER, NOT_YOURS, PAGES, REVOKED, Row, SIGN_INS, SIGN_UPS, SIGNED_IN, TOO_LONG,
    TWICE, UNREADABLE, WRONG, invalid,
};
use serde_json::json;
use support::{NOW, PASSWORD, SECRET, Shop, folder, person, runtime, signed};

struct Table {
    shop: Shop,
    contract: Contract,
}

impl Table {
    fn cell(&mut self, route: &str, case: &str, answer: &Answer, (status, body, code): Cell) {
        let expected = code.map(challenge);
        self.contract
            .cell(route, case, answer, (status, body, expected.as_deref()));
    }

    fn send(&self, route: &str, path: &str, bearer: Option<&str>, json: Option<&[u8]>) -> Answer {
        let method = route.split(' ').next().unwrap_or_default();
        let body = json.map(|json| ("application/json", json));
        self.shop.send(Request {
            method,
            path,
            authorization: bearer,
            body,
        })
    }

    /// A request with a token.
    fn case(&mut self, route: &str, case: &str, path: &str, bearer: &str, expected: Cell) {
        let answer = self.send(route, path, Some(bearer), None);
        self.cell(route, case, &answer, expected);
    }

    /// A request with a body.
    fn post(&mut self, route: &str, case: &str, json: &str, expected: Cell) {
        let path = route.split(' ').nth(1).unwrap_or_default();
        let answer = self.send(route, path, None, Some(json.as_bytes()));
        self.cell(route, case, &answer, expected);
    }

    /// A route that takes a body: the rows, and what comes as a body and how.
    fn posts(&mut self, route: &str, rows: &[Row]) {
        for &(case, json, expected) in rows {
            self.post(route, case, json, expected);
        }
        let path = route.split(' ').nth(1).unwrap_or_default();
        for (case, content_type) in [
            ("text", "text/plain"),
            ("a form", "application/x-www-form-urlencoded"),
            ("no content type", ""),
        ] {
            let body = Some((content_type, &b"{}"[..]));
            let answer = self.shop.send(Request {
                method: "POST",
                path,
                authorization: None,
                body,
            });
            self.cell(route, case, &answer, NO_JSON);
        }
        let long = " ".repeat(64 * 1024 + 1);
        self.post(route, "more than 64 KiB", &long, TOO_LONG);
        let broken = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\nno length\r\n"
        );
        let broken = send_bytes(self.shop.address, broken.as_bytes());
        self.cell(route, "a broken transfer", &broken, UNREADABLE);
    }

    /// What every guarded route answers to somebody without a token that holds.
    fn guarded(&mut self, ada: &str) {
        let now = NOW.as_seconds();
        let claims = |exp: i64| json!({ "sub": "1", "admin": true, "sid": "x", "gen": 0, "iat": now, "exp": exp });
        let forged = signed(&SECRET.replace('a', "b"), &claims(now + 60));
        let expired = signed(SECRET, &claims(now));
        let anothers = signed(
            SECRET,
            &json!({ "sub": "1", "email": "ada@example.org", "exp": now + 60 }),
        );
        let altered = changed(ada, 2);
        let nobodys = format!("Bearer {}", unsigned("JWT", &claims(now + 60)));
        for (route, path) in [
            ("GET /customers/", "/customers/"),
            ("GET /customers/{id}", "/customers/1"),
            ("DELETE /customers/{id}", "/customers/1"),
        ] {
            let none = self.send(route, path, None, None);
            self.cell(route, "no token", &none, MISSING);
            for (case, authorization, expected) in [
                ("another scheme", "Basic YWRhOmJlc3RwYXNzMTIz", MISSING),
                ("a scheme and nothing else", "Bearer", NOT_BEARER),
                ("no JWT", "Bearer abc", invalid("token_malformed")),
                (
                    "one changed character",
                    &altered,
                    invalid("token_signature_invalid"),
                ),
                (
                    "signed under another secret",
                    &forged,
                    invalid("token_key_unknown"),
                ),
                (
                    "another program's, under this secret",
                    &anothers,
                    invalid("token_claim_malformed"),
                ),
                ("no signature", &nobodys, invalid("token_algorithm_refused")),
                ("expired", &expired, EXPIRED),
            ] {
                self.case(route, case, path, authorization, expected);
            }
            self.of_the_others(route, path);
            let method = route.split(' ').next().unwrap_or_default();
            let line = format!("Authorization: {ada}\r\n");
            let twice = format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}{line}\r\n"
            );
            let twice = send_bytes(self.shop.address, twice.as_bytes());
            self.cell(route, "two headers", &twice, TWICE);
        }
    }

    /// Under one secret, another example's token is still none of ours.
    fn of_the_others(&mut self, route: &str, path: &str) {
        for (example, token) in tokens_of_the_others("customers", SECRET, NOW) {
            let code = match example {
                "quickstart" => "token_type_wrong",
                _ => "token_claim_malformed",
            };
            let case = format!("{example}: its token, under this secret");
            self.case(
                route,
                &case,
                path,
                &format!("Bearer {token}"),
                invalid(code),
            );
        }
    }

    /// What another customer and an administrator may do. Bob's path is `bob_at`.
    fn roles(&mut self, ada: &str, bob: &str, bob_at: &str) {
        let (show, delete) = ("GET /customers/{id}", "DELETE /customers/{id}");
        self.case(
            show,
            "one's own record",
            "/customers/1",
            ada,
            (200, ADA, None),
        );
        self.case(
            show,
            "one's own record, a trailing slash",
            "/customers/1/",
            ada,
            (200, ADA, None),
        );
        for (case, path) in [
            ("another's record", "/customers/1"),
            ("an id that nobody has", "/customers/99"),
            ("no number", "/customers/ada"),
            ("not UTF-8", "/customers/%ff"),
        ] {
            self.case(show, case, path, bob, NOT_YOURS);
            self.case(delete, case, path, bob, NEED_ADMIN);
        }
        self.case(delete, "one's own record", bob_at, bob, NEED_ADMIN);
    }

    /// What an administrator may do, until Bob is gone.
    fn administrator(&mut self, ada: &str, bob: &str, bob_at: &str) {
        let (show, delete) = ("GET /customers/{id}", "DELETE /customers/{id}");
        self.case(
            show,
            "another's record, for an administrator",
            bob_at,
            ada,
            (200, BOB, None),
        );
        for (case, path) in [
            (
                "an id that nobody has, for an administrator",
                "/customers/99",
            ),
            ("a negative number, for an administrator", "/customers/-1"),
            ("no number, for an administrator", "/customers/ada"),
            (
                "a number beyond all bounds, for an administrator",
                "/customers/99999999999999999999",
            ),
        ] {
            self.case(show, case, path, ada, NOBODY);
            self.case(delete, case, path, ada, NOBODY);
        }
        self.case(delete, "an administrator", bob_at, ada, (204, "", None));
        self.case(delete, "once more", bob_at, ada, NOBODY);
        self.case(
            "GET /customers/",
            "the token of whoever was deleted",
            "/customers/",
            bob,
            REVOKED,
        );
        self.case(
            show,
            "whoever was deleted, their own record",
            bob_at,
            bob,
            REVOKED,
        );
        self.case(
            "GET /customers/",
            "after a deletion",
            "/customers/",
            ada,
            (200, JUST_ADA, None),
        );
        let gone = r#"{"email":"bob@example.org","password":"bestpass123"}"#;
        self.post("POST /customers/login", "whoever was deleted", gone, WRONG);
    }

    /// `HEAD` answers as `GET` does, without the body.
    fn head(&mut self, ada: &str) {
        for (route, path, bearer) in [
            ("HEAD /customers/", "/customers/", Some(ada)),
            ("HEAD /customers/", "/customers/", None),
            ("HEAD /customers/", "/customers/?page=0", Some(ada)),
            ("HEAD /customers/{id}", "/customers/1", Some(ada)),
            ("HEAD /customers/{id}", "/customers/2", Some(ada)),
        ] {
            let (get, head) = (
                self.send("GET", path, bearer, None),
                self.send("HEAD", path, bearer, None),
            );
            for name in ["Content-Type", "Content-Length"] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
            let case = format!("as GET, {}", get.status);
            let expected = (get.status, "", get.header("WWW-Authenticate"));
            self.contract.cell(route, &case, &head, expected);
        }
    }

    fn guessing(&mut self) {
        let route = "POST /customers/login";
        let wrong = r#"{"email":"ada@example.org","password":"bestpass124"}"#;
        let right = r#"{"email":"ada@example.org","password":"bestpass123"}"#;
        for _ in 0..10 {
            let answer = self.send(route, "/customers/login", None, Some(wrong.as_bytes()));
            assert_eq!(answer.status, 404);
        }
        for (case, json) in [
            ("an eleventh guess", wrong),
            ("the right one after ten guesses", right),
        ] {
            let answer = self.send(route, "/customers/login", None, Some(json.as_bytes()));
            assert!(answer.header("Retry-After").is_some(), "{answer:?}");
            self.cell(route, case, &answer, LIMITED);
        }
        self.shop.clock.advance(Duration::from_secs(15 * 60));
        self.post(route, "a quarter of an hour later", right, SIGNED_IN);
    }

    /// The table is gone from under the program: the log is told why, the caller only when to come again.
    fn store_away(&mut self, file: &Path, bob: &str) {
        let connection = rusqlite::Connection::open(file).expect("the file");
        connection
            .execute_batch("DROP VIEW listed; DROP TABLE customer")
            .expect("dropped");
        for (route, path) in [
            ("GET /customers/", "/customers/"),
            ("GET /customers/{id}", "/customers/1"),
            ("DELETE /customers/{id}", "/customers/1"),
        ] {
            let answer = self.send(route, path, Some(bob), None);
            assert_eq!(answer.header("Retry-After"), Some("1"));
            self.cell(route, "the store is away", &answer, AWAY);
        }
        let person = person("carol").to_string();
        self.post("POST /customers/", "the store is away", &person, AWAY);
        let right = r#"{"email":"bob@example.org","password":"bestpass123"}"#;
        self.post("POST /customers/login", "the store is away", right, AWAY);
    }
}

/// More sign-ins at once than can be checked in five seconds. Each is another's, so that no limit on guessing counts.
fn crowd(table: &mut Table) {
    let (_folder, file) = folder();
    // About a quarter of a second each.
    let hash = bcrypt::hash(PASSWORD, 12).expect("bcrypt");
    let email = |number: usize| format!("user{number}@example.org");
    runtime().block_on(async {
        let url = format!("sqlite://{}", file.display());
        let accounts = Accounts::builder(&url).open().await.expect("the accounts");
        for number in 0..120 {
            let account = NewAccount::with_email(email(number)).password_hash(&hash);
            accounts.import_account(account).await.expect("taken over");
        }
        accounts.close().await;
    });
    table.shop = Shop::open(&file, SECRET, NOW);
    let wrong = |number| json!({ "email": email(number), "password": "bestpass124" }).to_string();
    let wrong: Vec<String> = (0..120).map(wrong).collect();
    let first = table.shop.post("/customers/login", None, &wrong[0]);
    assert_eq!(first.status, 404, "now it is known how long one takes");
    let requests = wrong.iter().map(|wrong| Request {
        method: "POST",
        path: "/customers/login",
        authorization: None,
        body: Some(("application/json", wrong.as_bytes())),
    });
    let requests: Vec<_> = requests.collect();
    let answer = last_of_a_crowd(table.shop.address, &requests);
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    let case = "more than can be served soon";
    table.cell("POST /customers/login", case, &answer, BUSY);
}

fn main() -> ExitCode {
    let contract = Contract::of("customers");
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    let mut table = Table { shop, contract };

    table.posts("POST /customers/", SIGN_UPS);
    table.posts("POST /customers/login", SIGN_INS);
    let person = person("bob").to_string();
    table.post(
        "POST /customers",
        "no trailing slash",
        &person,
        (201, BOB, None),
    );
    let right = r#"{"email":"ada@example.org","password":"bestpass123"}"#;
    table.post(
        "POST /customers/login/",
        "a trailing slash",
        right,
        SIGNED_IN,
    );

    let (ada, bob) = (table.shop.bearer("ada"), table.shop.bearer("bob"));
    let bob_at = format!("/customers/{}", table.shop.listed(&ada)[1].0);
    table.guarded(&ada);
    for &(case, query, expected) in PAGES {
        table.case(
            "GET /customers/",
            case,
            &format!("/customers/{query}"),
            &bob,
            expected,
        );
    }
    let loud = ada.replace("Bearer", "BEARER");
    table.case(
        "GET /customers",
        "no trailing slash, the scheme in another case",
        "/customers",
        &loud,
        (200, BOTH, None),
    );
    table.roles(&ada, &bob, &bob_at);

    let ada = table.shop.make_admin(&file, "ada");
    table.administrator(&ada, &bob, &bob_at);
    table.head(&ada);
    table.case(
        "GET /nowhere",
        "no such route",
        "/nowhere",
        &ada,
        (404, r#"{"message":"Not found"}"#, None),
    );
    for route in ["PUT /customers/", "GET /customers/login"] {
        let path = route.split(' ').nth(1).unwrap_or_default();
        table.case(
            route,
            "no such method",
            path,
            &ada,
            (405, r#"{"message":"Method not allowed"}"#, None),
        );
    }
    table.shop.clock.advance(Duration::from_secs(60 * 60));
    table.case(
        "GET /customers/",
        "a token of an hour ago",
        "/customers/",
        &ada,
        EXPIRED,
    );
    table.guessing();

    table.shop.sign_up("bob");
    let bob = table.shop.make_admin(&file, "bob");
    let (ada, route) = (table.shop.bearer("ada"), "DELETE /customers/{id}");
    table.case(
        route,
        "an administrator's own record",
        "/customers/1/",
        &ada,
        (204, "", None),
    );
    table.case(
        "GET /customers/",
        "and the token with it",
        "/customers/",
        &ada,
        REVOKED,
    );
    table.store_away(&file, &bob);
    crowd(&mut table);
    table.contract.covers(include_str!("../README.md"));
    table.contract.finish()
}
