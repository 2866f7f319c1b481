//! The program is killed between the steps of sign-ups and deletions, and clients go away: nobody is half a customer.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use examples_common::testing::{Program, Request, run};
use serde_json::Value;
use support::{NOW, SECRET, Shop, folder, person, post, sign_in, token};

const CUSTOMERS: &str = env!("CARGO_BIN_EXE_customers");
const ENVIRONMENT: [(&str, &str); 1] = [("SECRET_KEY", SECRET)];

fn start(folder: &Path) -> Program {
    Program::start(CUSTOMERS, folder, &[], &ENVIRONMENT)
}

/// Sends a request and waits for nothing.
fn fire(address: SocketAddr, method: &str, path: &str, bearer: &str, json: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {bearer}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
        json.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

/// When the program is killed.
#[derive(Clone, Copy)]
enum When {
    /// So many requests are answered; the others are under way.
    Answered(usize),
    /// A row is between two steps.
    Between,
}

impl When {
    fn kill(self, file: &Path, mut streams: Vec<TcpStream>, program: Program) -> usize {
        let answers = match self {
            Self::Answered(answers) => answers,
            Self::Between => {
                let between = (0..10_000).any(|_| unsettled(file) > 0);
                assert!(between, "no row was ever between two steps");
                0
            }
        };
        for stream in &mut streams[..answers] {
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer");
            assert!(
                answer.starts_with(b"HTTP/1.1 20"),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
        drop(program);
        answers
    }
}

/// Rows that are not settled.
fn unsettled(file: &Path) -> i64 {
    let connection = rusqlite::Connection::open(file).expect("the file");
    let sql = "SELECT count(*) FROM customer WHERE standing <> 'here'";
    connection
        .query_row(sql, [], |row| row.get(0))
        .expect("a count")
}

/// Everybody's id and username, as this customer sees them.
fn listed(program: &Program, bearer: &str) -> Vec<(i64, String)> {
    let request = Request {
        method: "GET",
        path: "/customers/?per_page=100",
        authorization: Some(bearer),
        body: None,
    };
    let answer = program.send(request);
    let customers: Vec<Value> = serde_json::from_str(&answer.body).expect("a list");
    let customers = customers.iter();
    customers
        .map(|it| {
            (
                it["id"].as_i64().expect("an id"),
                it["username"].as_str().expect("a name").to_owned(),
            )
        })
        .collect()
}

fn bearer(program: &Program, username: &str) -> String {
    format!("Bearer {}", token(&sign_in(program.address, username)))
}

/// Whoever could not sign up, is a customer: signs in, and is listed once.
fn everyone_is_whole(program: &Program, names: &[String]) {
    for name in names {
        let status = post(program.address, "/customers/", &person(name)).status;
        assert!(status == 201 || status == 409, "{name}: {status}");
        assert_eq!(sign_in(program.address, name).status, 200, "{name}");
    }
    let listed = listed(program, &bearer(program, &names[0]));
    for name in names {
        let times = listed
            .iter()
            .filter(|(_, username)| username == name)
            .count();
        assert_eq!(times, 1, "{name} in {listed:?}");
    }
}

#[test]
fn a_program_that_is_killed_while_people_sign_up_leaves_no_half_customer() {
    let (folder, file) = folder();
    let rounds = [
        When::Between,
        When::Answered(1),
        When::Answered(4),
        When::Answered(7),
        When::Between,
    ];
    for (round, when) in rounds.into_iter().enumerate() {
        let program = start(folder.path());
        let names: Vec<String> = (0..9).map(|n| format!("customer-{round}-{n}")).collect();
        let streams = names.iter().map(|name| {
            fire(
                program.address,
                "POST",
                "/customers/",
                "",
                &person(name).to_string(),
            )
        });
        when.kill(&file, streams.collect(), program);
        let program = start(folder.path());
        assert_eq!(unsettled(&file), 0, "the start has settled what was left");
        everyone_is_whole(&program, &names);
    }
}

#[test]
fn a_program_that_is_killed_while_it_deletes_leaves_nobody_who_signs_in_unlisted() {
    let (folder, file) = folder();
    let program = start(folder.path());
    assert_eq!(
        post(program.address, "/customers/", &person("root")).status,
        201
    );
    let made = run(
        CUSTOMERS,
        folder.path(),
        &["make-admin", "root"],
        &ENVIRONMENT,
        "",
    );
    assert!(made.0, "{made:?}");
    drop(program);
    let rounds = [
        When::Between,
        When::Answered(1),
        When::Answered(3),
        When::Between,
    ];
    for (round, when) in rounds.into_iter().enumerate() {
        let program = start(folder.path());
        let names: Vec<String> = (0..7).map(|n| format!("customer-{round}-{n}")).collect();
        for name in &names {
            assert_eq!(
                post(program.address, "/customers/", &person(name)).status,
                201
            );
        }
        let root = bearer(&program, "root");
        let doomed: Vec<_> = listed(&program, &root)
            .into_iter()
            .filter(|(_, name)| names.contains(name))
            .collect();
        let streams = doomed.iter().map(|(id, _)| {
            fire(
                program.address,
                "DELETE",
                &format!("/customers/{id}"),
                &root,
                "",
            )
        });
        let answers = when.kill(&file, streams.collect(), program);

        let program = start(folder.path());
        assert_eq!(unsettled(&file), 0);
        let left = listed(&program, &root);
        for (place, (id, name)) in doomed.iter().enumerate() {
            let is_listed = left.iter().any(|(other, _)| other == id);
            assert!(
                !is_listed || place >= answers,
                "{name} was answered to be gone"
            );
            let expected = if is_listed { 200 } else { 404 };
            assert_eq!(sign_in(program.address, name).status, expected, "{name}");
        }
        everyone_is_whole(&program, &names);
    }
}

#[test]
fn a_client_that_goes_away_leaves_no_half_customer() {
    let (folder, file) = folder();
    let program = start(folder.path());
    let names: Vec<String> = (0..6).map(|n| format!("customer-{n}")).collect();
    for name in &names {
        let json = person(name).to_string();
        let stream = fire(program.address, "POST", "/customers/", "", &json);
        assert!(
            (0..10_000).any(|_| unsettled(&file) > 0),
            "{name} is on the way"
        );
        drop(stream);
    }
    everyone_is_whole(&program, &names);
    for _ in 0..1_000 {
        if unsettled(&file) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} rows are not settled", unsettled(&file));
}

#[test]
fn of_equal_sign_ups_at_once_one_succeeds() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    for name in ["ada", "bob"] {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| post(shop.address, "/customers/", &person(name)).status))
                .collect();
            all.into_iter()
                .map(|one| one.join().expect("an answer"))
                .collect()
        });
        let won = statuses.iter().filter(|status| **status == 201).count();
        let lost = statuses.iter().filter(|status| **status == 409).count();
        assert_eq!((won, lost), (1, 5), "{statuses:?}");
    }
    let names: Vec<String> = shop
        .listed(&shop.bearer("ada"))
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(
        (names, unsettled(&file)),
        (vec!["ada".to_owned(), "bob".to_owned()], 0)
    );
}

/// The last step of a sign-up failed while the program went on: the disk was full, say.
#[test]
fn whoever_signs_in_is_listed_though_their_sign_up_was_not_told_so() {
    let (_folder, file) = folder();
    let shop = Shop::open(&file, SECRET, NOW);
    assert_eq!(shop.sign_up("ada"), 1);
    let connection = rusqlite::Connection::open(&file).expect("the file");
    let changed = connection.execute("UPDATE customer SET standing = 'arriving'", []);
    assert_eq!(changed, Ok(1));
    let ada = shop.bearer("ada");
    assert_eq!(shop.get("/customers/1", Some(&ada)).status, 200);
    assert_eq!(shop.listed(&ada), [(1, "ada".to_owned())]);
}
