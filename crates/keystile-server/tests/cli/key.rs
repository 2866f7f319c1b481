use serde_json::{Value, json};

use crate::keystile::{Folder, PASSWORD, finish};

const ONE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TWO: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn states(folder: &Folder) -> Vec<(String, String)> {
    let list = folder.run("key list --json").worked().json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = list.as_array().unwrap().iter();
    keys.map(|key| (text(&key["kid"]), text(&key["state"])))
        .collect()
}

#[test]
fn keys_are_listed_exported_and_imported() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let list = folder.run("key list --json").worked().json();
    assert_eq!(
        (&list[0]["alg"], &list[0]["state"], &list[0]["next"]),
        (&json!("ES256"), &json!("signing"), &json!(null))
    );
    let kid = list[0]["kid"].as_str().unwrap();
    let pem = folder.run(&format!("key export {kid}")).worked().out;
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));

    // Where there was no database nobody can be surprised.
    let other = Folder::new();
    let imported = other.run_with("key import - --json", &pem).worked().json();
    assert_eq!(imported[0]["kid"], kid);
    assert_eq!(states(&other)[0], (kid.to_owned(), "signing".to_owned()));

    folder
        .run("key export nonsense")
        .failed("keystile key list");
    folder
        .run_with("key import -", &pem)
        .failed("in the store already");
    folder.run_with("key import -", "nonsense").failed("PEM");
    folder.run("key import nowhere.pem").failed("nowhere.pem");
}

fn pem() -> String {
    let (algorithm, random) = (::keystile::Algorithm::EdDsa, ::keystile::Random::system());
    let key = ::keystile::SigningKey::generate(algorithm, &random).unwrap();
    key.to_pem().unwrap().to_string()
}

#[test]
fn an_imported_key_is_published_first_and_signs_at_once_only_when_told() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let first = folder
        .run_with("key import - --json", &pem())
        .worked()
        .json();
    assert_eq!(first[0]["state"], "published");
    assert_eq!(first[0]["next"]["step"], "signs");
    let now = folder
        .run_with("key import - --now --json", &pem())
        .worked()
        .json();
    assert_eq!(now[0]["state"], "signing");
    let states = states(&folder);
    assert_eq!(
        states.len(),
        2,
        "the published one was forgotten: {states:?}"
    );

    folder.write("keystile.toml", "[tokens]\nalgorithm = \"ES256\"\n");
    folder
        .run_with("key import -", &pem())
        .failed("set it to EdDSA");
}

#[test]
fn an_imported_key_goes_on_signing_whatever_starts_later() {
    let folder = Folder::new();
    let made = folder.serve("");
    folder.run_with("key import - --now", &pem()).worked();
    drop(made);
    let server = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let states = folder.run("key list --json").worked().json();
    assert_eq!(
        (&states[0]["alg"], &states[0]["state"]),
        (&"EdDSA".into(), &"signing".into())
    );
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    let shown = folder.run(&format!("token inspect {token} --json"));
    assert_eq!(shown.worked().json()["header"]["alg"], "EdDSA");
    assert_eq!(server.me(token), 200);
}

#[test]
fn a_rotation_is_published_and_told_with_its_next_step() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let next = folder
        .run("key rotate --algorithm EdDSA --json")
        .worked()
        .json();
    assert_eq!(
        (&next[0]["alg"], &next[0]["state"], &next[0]["next"]["step"]),
        (&json!("EdDSA"), &json!("published"), &json!("signs"))
    );
    let again = folder.run("key rotate --json").worked().json();
    assert_eq!(again, next, "the same rotation");
    let list = folder.run("key list").worked().out;
    assert!(
        list.contains("retires 2") && list.contains("signs 2"),
        "{list}"
    );
    let now = folder.run("key rotate --now --json").worked().json();
    assert_eq!(
        (&now[0]["kid"], &now[0]["state"]),
        (&next[0]["kid"], &json!("signing"))
    );
    folder
        .run("key rotate --algorithm HS256")
        .failed("name ES256");
    folder.write("keystile.toml", "[tokens]\nalgorithm = \"EdDSA\"\n");
    folder
        .run("key rotate --algorithm ES256")
        .failed("set it to ES256");
    folder
        .run("key rotate --data wrong")
        .failed("there is no database");
}

#[test]
fn a_withdrawal_says_whom_it_touches_asks_and_is_felt_by_the_server() {
    let folder = Folder::new();
    let server = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.me(token), 200);
    let (kid, _) = states(&folder).remove(0);
    let asked = folder.run(&format!("key withdraw {kid}"));
    asked.failed("one session").failed("--yes");
    assert_eq!(states(&folder).len(), 1, "nothing was withdrawn");
    let line = format!("key withdraw {kid} --yes");
    let said = folder.run(&line).worked().out;
    assert!(
        said.starts_with(&format!("withdrew {kid}: one session")),
        "{said}"
    );
    let felt = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        server.me(token) == 401
    });
    assert!(felt, "the server refuses it");
    let body = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
    let json = "content-type: application/json\r\n";
    let (status, body) = server.ask("POST", "/v1/refresh", json, &body);
    assert_eq!(status, 200, "the session goes on");
    let fresh: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(server.me(fresh["access_token"].as_str().unwrap()), 200);
    let again = folder.run(&line).worked().out;
    let said = format!("{kid} was withdrawn before, and nothing was changed; ");
    assert!(again.starts_with(&said), "{again}");
    folder
        .run("key withdraw nobodys --yes")
        .failed("there is no key");
}

#[test]
fn a_sealing_key_is_taken_up_changed_and_missed_with_its_cure() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let with = |line: &str, present: &str, previous: &str| {
        let mut command = folder.command(line);
        command.env("KEYSTILE_KEYS__SEALING_KEY", present);
        command.env("KEYSTILE_KEYS__SEALING_KEY_PREVIOUS", previous);
        finish(command, "")
    };
    let doctor = with("doctor", ONE, "");
    assert!(doctor.out.contains("is not sealed"), "{}", doctor.out);
    let (kid, _) = states(&folder).remove(0);
    with("key list", ONE, "").worked();
    folder.run("key list").failed("no sealing key is given");
    with("key list", TWO, "").failed("another sealing key");
    let doctor = folder.run("doctor");
    assert!(doctor.out.contains("WRONG signing key"), "{}", doctor.out);
    assert!(doctor.out.contains("keys.sealing_key"), "{}", doctor.out);
    let doctor = with("doctor", TWO, "");
    assert!(
        doctor.out.contains("keys.sealing_key_previous"),
        "{}",
        doctor.out
    );
    with("key list", TWO, ONE).worked();
    let pem = with(&format!("key export {kid}"), TWO, "").worked().out;
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    let doctor = with("doctor", TWO, "");
    assert!(doctor.out.contains("sealed"), "{}", doctor.out);
    assert!(!doctor.out.contains("WRONG signing key"), "{}", doctor.out);
    for said in [&doctor.out, &doctor.err] {
        assert!(!said.contains(TWO));
    }
    with("key list", "hunter2", "").failed("openssl rand -hex 32");
}

#[test]
fn keys_of_files_sign_and_are_changed_there() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    folder.write("mine.pem", &pem());
    folder.write("keystile.toml", "[keys]\nfiles = [\"mine.pem\"]\n");
    let (mine, state) = states(&folder).pop().unwrap();
    assert_eq!(state, "signing");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let server = folder.serve("");
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.me(token), 200);
    let shown = folder.run(&format!("token inspect {token} --json"));
    assert_eq!(shown.worked().json()["header"]["kid"], mine);
    let listed: Vec<_> = states(&folder)
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    assert_eq!(listed, ["retired", "signing"], "the stored one retired");
    folder.run("key rotate").failed("kept outside the store");
    folder
        .run(&format!("key withdraw {mine} --yes"))
        .failed("kept outside the store");
    let doctor = folder.run("doctor").out;
    assert!(doctor.contains("from a file"), "{doctor}");
}
