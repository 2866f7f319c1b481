//! Beside the real packages: Flask-JWT-Extended's tokens here, ours there, the same words for the same faults, and the
//! users of a Flask-Bcrypt table.

mod support;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drink_ratings::Lifetimes;
use examples_common::testing::{Python, changed, decoded, decoded_by_pyjwt, run, unsigned};
use keystile::Clock;
use serde_json::{Value, json};
use support::{Bar, PASSWORD, SECRET, folder, pair, signed, user};

const PROGRAM: &str = env!("CARGO_BIN_EXE_drink-ratings");

/// The original's side. Its clock is the machine's, and so is that of the program here.
struct Original(Python);

impl Original {
    fn found() -> Option<Self> {
        Python::found().map(Self)
    }

    fn ask(&self, arguments: &[&str], input: &Value) -> Value {
        let script = include_str!("originals.py");
        let said = self.0.run(script, arguments, &input.to_string());
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
    }

    /// Tokens, each behind `Bearer`.
    fn make<const N: usize>(&self, wishes: &[Value; N]) -> [String; N] {
        let made = self.ask(
            &["make"],
            &json!({ "secret": SECRET, "wishes": wishes.as_slice() }),
        );
        let tokens = made.as_array().expect("tokens").iter();
        let tokens: Vec<_> = tokens
            .map(|token| format!("Bearer {}", token.as_str().expect("text")))
            .collect();
        tokens.try_into().expect("as many as were wished for")
    }

    /// The status and the whole body that the Flask route answers.
    fn judge(&self, requests: &Value) -> Vec<(u64, Value)> {
        let judged = self.ask(
            &["judge"],
            &json!({ "secret": SECRET, "requests": requests }),
        );
        let answers = judged.as_array().expect("answers").iter();
        answers
            .map(|it| (it[0].as_u64().expect("a status"), it[1].clone()))
            .collect()
    }

    fn users(&self, file: &Path, users: &Value) {
        let file = file.to_str().expect("text");
        self.ask(&["users", file], &json!({ "users": users }));
    }
}

fn bar(file: &Path) -> Bar {
    Bar::by(file, SECRET, Lifetimes::default(), Clock::system())
}

fn logged_in(name: &str) -> (u16, String) {
    let body = format!(r#"{{"logged_in_as":{{"username":"{name}","role":"user"}}}}"#);
    (200, body)
}

fn told(words: &str) -> Value {
    json!({ "msg": words })
}

#[test]
fn its_access_tokens_pass_here() {
    let Some(original) = Original::found() else {
        return;
    };
    let (_folder, file) = folder();
    let bar = bar(&file);
    bar.sign_up("caleb");
    let number = json!({ "JWT_VERIFY_SUB": false });
    let text = json!({ "JWT_IDENTITY_CLAIM": "identity" });
    let [plain, fresh, numbered, named, refresh, lapsed] = original.make(&[
        json!({ "type": "access", "identity": "1" }),
        json!({ "type": "access", "identity": "1", "fresh": true }),
        json!({ "type": "access", "identity": 1, "settings": number }),
        json!({ "type": "access", "identity": { "username": "caleb", "role": "admin" }, "settings": text }),
        json!({ "type": "refresh", "identity": "1" }),
        json!({ "type": "access", "identity": "1", "lifetime": -1 }),
    ]);
    assert_eq!(decoded(&numbered, 1)["sub"], 1, "an integer indeed");
    assert!(decoded(&named, 1).get("sub").is_none(), "none at all");
    for token in [&plain, &fresh, &numbered, &named] {
        assert_eq!(bar.who(token), logged_in("caleb"), "{}", decoded(token, 1));
        let written = bar.post(
            "/api/testimonials",
            Some(token),
            r#"{"name":"C","testimonial":"T"}"#,
        );
        assert_eq!(written.status, 201);
    }
    let refused = |token: &str| {
        let (status, body) = bar.who(token);
        (status, serde_json::from_str(&body).expect("JSON"))
    };
    assert_eq!(
        refused(&refresh),
        (422, told("Only non-refresh tokens are allowed"))
    );
    assert_eq!(refused(&lapsed), (401, told("Token has expired")));
    assert_eq!(bar.logout(&plain).status, 200);
    assert_eq!(refused(&plain), (401, told("Token has been revoked")));
    assert_eq!(
        bar.who(&numbered),
        logged_in("caleb"),
        "that one token only"
    );
}

#[test]
fn our_tokens_pass_there() {
    let Some(original) = Original::found() else {
        return;
    };
    let (_folder, file) = folder();
    let bar = bar(&file);
    let [fresh, refresh] = bar.bearers("caleb");
    let [stale, _] = pair(&bar.refresh(&refresh));
    let requests = json!([
        ["required", fresh],
        ["required", stale],
        ["fresh", fresh],
        ["fresh", stale],
        ["refresh", fresh],
        ["refresh", stale],
        ["required", refresh],
        ["refresh", refresh],
        ["required", changed(&fresh, 2)],
        ["required", null],
    ]);
    let answers = original.judge(&requests);
    for (answer, token) in [
        (&answers[0], &fresh),
        (&answers[1], &stale),
        (&answers[2], &fresh),
    ] {
        assert_eq!(answer, &(200, decoded(token, 1)), "it reads what we wrote");
    }
    assert_eq!(answers[3], (401, told("Fresh token required")));
    assert_eq!(answers[4], (422, told("Only refresh tokens are allowed")));
    assert_eq!(answers[5], (422, told("Only refresh tokens are allowed")));
    assert_eq!(
        answers[6],
        (422, told("Not enough segments")),
        "our refresh token is no JWT"
    );
    assert_eq!(answers[7], (422, told("Not enough segments")));
    assert_eq!(answers[8], (422, told("Signature verification failed")));
    assert_eq!(answers[9], (401, told("Missing Authorization Header")));

    let token = fresh.strip_prefix("Bearer ").expect("a scheme");
    let claims = decoded_by_pyjwt(&original.0, token, SECRET);
    assert_eq!(claims, decoded(token, 1));
    assert_eq!(
        (&claims["sub"], &claims["type"], &claims["fresh"]),
        (&json!("1"), &json!("access"), &json!(true))
    );
    assert_eq!(claims["nbf"], claims["iat"]);
    assert_eq!(
        claims["identity"],
        json!({ "username": "caleb", "role": "user" })
    );
}

#[test]
fn its_refresh_token_is_exchanged_once() {
    let Some(original) = Original::found() else {
        return;
    };
    let (_folder, file) = folder();
    let bar = bar(&file);
    bar.sign_up("caleb");
    let wish = json!({ "type": "refresh", "identity": "1" });
    let text = json!({ "JWT_IDENTITY_CLAIM": "identity" });
    let named = json!({ "type": "refresh", "identity": { "username": "caleb", "role": "admin" }, "settings": text });
    let stranger = json!({ "type": "refresh", "identity": "2" });
    let [one, many, named, stranger] = original.make(&[wish.clone(), wish, named, stranger]);
    let [access, refresh] = pair(&bar.refresh(&one));
    assert_eq!(bar.who(&access), logged_in("caleb"));
    assert_eq!(
        decoded(&access, 1)["fresh"],
        false,
        "nobody gave a password"
    );
    let again = bar.refresh(&one);
    assert_eq!(
        (again.status, again.body.as_str()),
        (401, r#"{"msg":"Token has been revoked"}"#)
    );
    let [next, _] = pair(&bar.refresh(&refresh));
    assert_eq!(
        bar.who(&next),
        logged_in("caleb"),
        "from then on it is a session like any"
    );
    let [access, _] = pair(&bar.refresh(&named));
    assert_eq!(
        bar.who(&access),
        logged_in("caleb"),
        "whatever role it says"
    );
    assert_eq!(bar.refresh(&stranger).status, 401);

    let won = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| bar.refresh(&many)))
            .collect();
        let answers = tries.into_iter().map(|one| one.join().expect("an answer"));
        answers
            .filter(|answer| {
                assert!(
                    answer.status == 200 || answer.body == again.body,
                    "{answer:?}"
                );
                answer.status == 200
            })
            .count()
    });
    assert_eq!(won, 1, "of twenty at once");
    let opened = rusqlite::Connection::open(&file).expect("the file");
    let sessions: i64 = opened
        .query_row("SELECT count(*) FROM session", [], |row| row.get(0))
        .expect("sessions");
    assert_eq!(sessions, 3);
}

/// One token's claims under another's signature.
fn swapped(signature: &str, claims: &str) -> String {
    let (_, signature) = signature.rsplit_once('.').expect("a signature");
    let (claims, _) = claims.rsplit_once('.').expect("claims");
    format!("{claims}.{signature}")
}

/// Headers, and what is wrong with each. Where the library's decoder stops at another fault first, it is left out here.
fn faulty(original: &Original) -> Vec<Option<String>> {
    let now = Clock::system().now().as_seconds();
    let claims = |more: Value| {
        let mut all = json!({ "sub": "1", "fresh": false, "iat": now, "nbf": now, "exp": now + 900, "jti": "j", "type": "access" });
        for (name, value) in more.as_object().expect("an object") {
            all[name] = value.clone();
        }
        all
    };
    let sign = |more: Value| signed(SECRET, &claims(more));
    let good = sign(json!({}));
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let [refresh] = original.make(&[json!({ "type": "refresh", "identity": "1" })]);
    let headers = vec![
        String::new(),
        "Basic Y2FsZWI6YmVzdHBhc3MxMjM=".to_owned(),
        "Digest x".to_owned(),
        good.replace("Bearer ", ""),
        "Bearer".to_owned(),
        "Bearer a.b.c a.b.c".to_owned(),
        "Bearer x".to_owned(),
        "Bearer a.b".to_owned(),
        "Bearer a.b.c.d".to_owned(),
        format!("Bearer {header}.!.AAAA"),
        format!("Bearer {header}.e30.e30.AAAA"),
        format!("Bearer {header}.e30.!"),
        format!("Bearer {header}.e30."),
        format!("Bearer {header}.e30.AAAA"),
        swapped(&good, &sign(json!({ "sub": "2" }))),
        changed(&good, 2),
        signed(&SECRET.to_uppercase(), &claims(json!({}))),
        format!("Bearer {}", unsigned("JWT", &claims(json!({})))),
        sign(json!({ "exp": now - 1 })),
        sign(json!({ "nbf": now + 3_600 })),
        sign(json!({ "iat": now + 3_600 })),
        sign(json!({ "sub": { "username": "caleb" } })),
        sign(json!({ "sub": ["1"] })),
        sign(json!({ "jti": 7 })),
        sign(json!({ "exp": "tomorrow" })),
        sign(json!({ "nbf": "today" })),
        sign(json!({ "iat": "today" })),
        refresh,
    ];
    std::iter::once(None)
        .chain(headers.into_iter().map(Some))
        .collect()
}

#[test]
fn the_same_fault_has_the_same_status_and_the_same_words() {
    let Some(original) = Original::found() else {
        return;
    };
    let (_folder, file) = folder();
    let bar = bar(&file);
    bar.sign_up("caleb");
    let headers = faulty(&original);
    let requests: Vec<_> = headers
        .iter()
        .map(|header| json!(["required", header]))
        .collect();
    let theirs = original.judge(&json!(requests));
    for (header, (status, body)) in headers.iter().zip(theirs) {
        assert!(status >= 400, "{header:?} passes there");
        let ours = bar.get("/protected", header.as_deref());
        let said: Value = serde_json::from_str(&ours.body).expect("JSON");
        assert_eq!((u64::from(ours.status), said), (status, body), "{header:?}");
        assert!(ours.header("WWW-Authenticate").is_some(), "{header:?}");
    }
}

/// The hash that the file has for a name.
fn stored(file: &Path, name: &str) -> (String, String) {
    let connection = rusqlite::Connection::open(file).expect("the file");
    let sql = "SELECT id, password_hash FROM account WHERE username = ?1";
    connection
        .query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("a row")
}

fn take_over(folder: &Path, old: &Path, file: &Path) -> String {
    let place = [
        ("JWT_SECRET_KEY", SECRET),
        ("DRINK_RATINGS_DB", file.to_str().expect("text")),
    ];
    let words = ["take-over", old.to_str().expect("text")];
    let (done, said, errors) = run(PROGRAM, folder, &words, &place, "");
    assert!(done, "{errors}");
    said
}

#[test]
fn its_users_move_in_with_their_numbers_passwords_and_tokens() {
    let Some(original) = Original::found() else {
        return;
    };
    let (folder, file) = folder();
    let old: PathBuf = folder.path().join("old.db");
    original.users(
        &old,
        &json!([[5, "caleb", PASSWORD], [9, "ada", "another-pass"]]),
    );
    let [access, refresh] = original.make(&[
        json!({ "type": "access", "identity": "5" }),
        json!({ "type": "refresh", "identity": "9" }),
    ]);
    let said = take_over(folder.path(), &old, &file);
    assert!(said.starts_with("Took over 2;"), "{said}");
    let (number, hash) = stored(&file, "caleb");
    assert_eq!(number, "5");
    assert!(hash.starts_with("$2b$12$"), "{hash}");

    let bar = bar(&file);
    assert_eq!(
        bar.who(&access),
        logged_in("caleb"),
        "its token, from before"
    );
    let [ada, _] = pair(&bar.refresh(&refresh));
    assert_eq!(bar.who(&ada), logged_in("ada"));
    let wrong = bar.post("/api/login", None, &user("ada"));
    assert_eq!(
        (wrong.status, wrong.body.as_str()),
        (400, r#"{"error":"invalid username or password"}"#)
    );
    let [caleb, _] = bar.sign_in("caleb");
    assert_eq!(bar.who(&caleb), logged_in("caleb"));
    let (number, hash) = stored(&file, "caleb");
    assert_eq!(number, "5");
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert!(
        stored(&file, "ada").1.starts_with("$2b$12$"),
        "who did not sign in keeps it"
    );
    bar.sign_in("caleb");

    let next = bar.sign_up("eve");
    assert_eq!(
        next.body, r#"{"id":10,"username":"eve"}"#,
        "numbers go on behind theirs"
    );
    assert!(take_over(folder.path(), &old, &file).contains("Took over 0; 2 had an account"));
}
