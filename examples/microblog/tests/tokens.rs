//! What is in a token, how long it lasts, and what a changed secret does.

mod support;

use std::path::Path;
use std::time::Duration;

use examples_common::testing::{
    Program, Python, assert_kind, challenge, decoded, decoded_by_pyjwt, fastest, run,
};
use keystile::Clock;
use keystile_accounts::Accounts;
use rusqlite::Connection;
use serde_json::json;
use support::{Blog, NOW, SECRET, credentials, folder, json as body_of};

const MICROBLOG: &str = env!("CARGO_BIN_EXE_microblog");
const INVALID: &str = r#"{"status":401,"message":"Invalid token"}"#;
const EXPIRED: &str = r#"{"status":401,"message":"Expired token"}"#;

#[test]
fn each_sign_in_gives_another_token_that_lasts_an_hour() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let (one, other) = (blog.bearer("joey2go"), blog.bearer("joey2go"));
    assert_ne!(one, other, "the clock stands still, and yet they differ");
    let token = one.trim_start_matches("Bearer ");
    assert_kind("microblog", token);
    let claims = decoded(token, 1);
    let now = NOW.as_seconds();
    assert_eq!(
        [
            &claims["sub"],
            &claims["username"],
            &claims["iat"],
            &claims["exp"]
        ],
        [
            &json!("1"),
            &json!("joey2go"),
            &json!(now),
            &json!(now + 3_600)
        ]
    );
    blog.clock.advance(Duration::from_secs(3_599));
    assert_eq!(blog.get("/timeline", Some(&one)).status, 200);
    blog.clock.advance(Duration::from_secs(1));
    let expected = challenge("token_expired");
    let answer = blog.get("/timeline", Some(&one));
    assert_eq!(answer.cell(), (401, EXPIRED, Some(expected.as_str())));
}

#[test]
fn a_changed_secret_logs_everyone_out_and_loses_nothing_else() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let (bearer, refresh_token) = blog.sign_in("joey2go");
    let post = blog.write(&bearer, "It stays");
    drop(blog);
    let blog = Blog::open(&file, SECRET, NOW);
    let answer = blog.get("/timeline", Some(&bearer));
    assert_eq!(answer.status, 200, "a restart logs nobody out");
    drop(blog);

    let blog = Blog::open(&file, &SECRET.replace('a', "b"), NOW);
    let expected = challenge("token_key_unknown");
    let answer = blog.get("/timeline", Some(&bearer));
    assert_eq!(answer.cell(), (401, INVALID, Some(expected.as_str())));
    let body = json!({ "refresh_token": refresh_token }).to_string();
    let answer = blog.post("/refresh", None, &body);
    assert_eq!((answer.status, answer.body.as_str()), (401, INVALID));
    let bearer = blog.bearer("joey2go");
    assert_eq!(blog.ids("/joey2go", &bearer), [post]);
}

#[test]
fn pyjwt_decodes_them() {
    let Some(python) = Python::found() else {
        return;
    };
    let (_folder, file) = folder();
    // PyJWT goes by the machine's clock.
    let blog = Blog::open(&file, SECRET, Clock::system().now());
    let bearer = blog.bearer("joey2go");
    let claims = decoded_by_pyjwt(&python, bearer.trim_start_matches("Bearer "), SECRET);
    assert_eq!(
        (&claims["sub"], &claims["username"]),
        (&json!("1"), &json!("joey2go"))
    );
}

#[test]
fn an_unknown_user_costs_the_work_of_a_wrong_password() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    blog.bearer("joey2go");
    let [known, unknown] = ["joey2go", "nobody"].map(|it| credentials(it, "bestpass124"));
    let ask = |credentials: &str| {
        assert_eq!(blog.post("/login", None, credentials).status, 401);
    };
    let [known, unknown] = fastest([&|| ask(&known), &|| ask(&unknown)]);
    assert!(unknown > known / 3, "known {known:?}, unknown {unknown:?}");
}

/// The original kept its users in a table of SQLite, with bcrypt hashes.
#[test]
fn the_original_s_users_move_in_with_their_numbers_and_are_there_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = bcrypt::hash("short", 4).expect("bcrypt");
    let old = Connection::open(folder.path().join("old.db")).expect("a file");
    old.execute_batch(&format!(
        "CREATE TABLE Users (id INTEGER PRIMARY KEY, username TEXT, password TEXT);
         INSERT INTO Users VALUES (7, 'joey2go', '{hash}'), (9, 'mira', '{hash}'), (11, 'no one', '{hash}');"
    ))
    .expect("the table");
    let environment = [("JWT_SIGNING_KEY", SECRET)];
    let words = ["take-over", "old.db"];
    let (done, said, errors) = run(MICROBLOG, folder.path(), &words, &environment, "");
    assert!(done, "{errors}");
    assert!(said.contains("Took over 2;"), "{said}");

    let program = Program::start(MICROBLOG, folder.path(), &[], &environment);
    let profile = program.get("/mira", None);
    assert_eq!(body_of(&profile)["userid"], 9, "who has not signed in yet");
    let sign_in = program.post("/login", None, &credentials("joey2go", "short"));
    let (bearer, _) = support::tokens(&sign_in);
    let answer = program.post("/follow", Some(&bearer), r#"{"followee":9}"#);
    let expected = r#"{"status":200,"message":"Added joey2go as a follower to mira"}"#;
    assert_eq!(answer.cell(), (200, expected, None));
    assert_eq!(stored_hash(folder.path(), "joey2go")[..9], *"$argon2id");
    assert_eq!(stored_hash(folder.path(), "mira"), hash);
    // The next number is nobody's.
    let new = credentials("sol", "bestpass123");
    assert_eq!(program.post("/signup", None, &new).status, 200);
    assert_eq!(body_of(&program.get("/sol", None))["userid"], 10);
}

fn stored_hash(folder: &Path, username: &str) -> String {
    let connection = Connection::open(folder.join("microblog.db")).expect("the file");
    let sql = "SELECT password_hash FROM account WHERE username_key = ?1";
    connection
        .query_row(sql, [username], |row| row.get(0))
        .expect("a hash")
}

/// The file was replaced and the secret was not: whoever is number 1 now is not who was, though the name be the same.
#[test]
fn a_token_of_another_file_under_the_same_secret_is_nobody_s() {
    let (_folder, file) = folder();
    let bearer = Blog::open(&file, SECRET, NOW).bearer("joey2go");
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let another = blog.bearer("joey2go");
    let expected = challenge("token_revoked");
    let answer = blog.get("/timeline", Some(&bearer));
    assert_eq!(answer.cell(), (401, INVALID, Some(expected.as_str())));
    assert_eq!(blog.get("/timeline", Some(&another)).status, 200);
}

/// The accounts are deleted behind the microblog's back; what was written stays, and the name is free.
#[test]
fn a_deleted_account_s_name_is_free_and_its_posts_are_nobody_else_s() {
    let (_folder, file) = folder();
    let blog = Blog::open(&file, SECRET, NOW);
    let bearer = blog.bearer("joey2go");
    let post = blog.write(&bearer, "Before");
    drop(blog);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite://{}", file.display());
        let accounts = Accounts::builder(&url).clock(Clock::manual(NOW));
        let accounts = accounts.open().await.expect("the accounts");
        accounts.delete(None, &"1".into()).await.expect("deleted");
        accounts.close().await;
    });
    let blog = Blog::open(&file, SECRET, NOW);
    let answer = blog.get("/timeline", Some(&bearer));
    assert_eq!((answer.status, answer.body.as_str()), (401, INVALID));
    let another = blog.bearer("Joey2go");
    assert!(blog.ids("/joey2go", &another).is_empty());
    assert_eq!(blog.write(&another, "After"), post + 1);
    let path = format!("/post?postid={post}");
    assert_eq!(blog.ask("DELETE", &path, &another, "").status, 403);
    assert_eq!(body_of(&blog.get(&path, None))["username"], "(1)");
}
