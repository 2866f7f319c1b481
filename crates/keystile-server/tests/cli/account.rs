use crate::keystile::{Folder, PASSWORD};

#[test]
fn the_first_administrator_is_made_before_the_first_start_and_beside_a_server() {
    let folder = Folder::new();
    let make = "account create --username root --role admin --password-stdin --data data --json";
    let made = folder
        .run_with(make, &format!("{PASSWORD}\n"))
        .worked()
        .json();
    assert_eq!(made["roles"][0], "admin");

    let server = folder.serve("--data data");
    let beside =
        "account create --username second --email s@example.com --password-stdin --data data";
    folder.run_with(beside, PASSWORD).worked();
    for name in ["root", "second"] {
        assert_eq!(server.sign_in(name).0, 200, "{name}");
    }
    let (_, tokens) = server.sign_in("root");
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        tokens["access_token"].as_str().unwrap()
    );
    assert_eq!(server.ask("GET", "/v1/admin/accounts", &bearer, "").0, 200);
}

#[test]
fn accounts_are_listed_shown_and_changed() {
    let folder = Folder::new();
    for name in ["ada", "eve"] {
        let line = format!("account create --username {name} --role baker --password-stdin");
        folder.run_with(&line, PASSWORD).worked();
    }
    let list = folder.run("account list --json").worked().json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(
        folder
            .run("account list --starts-with AD --json")
            .worked()
            .json()[0]["username"],
        "ada"
    );
    let shown = folder.run("account show ada").worked();
    assert!(
        shown.out.contains("ada") && shown.out.contains("baker"),
        "{}",
        shown.out
    );
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(
        folder
            .run(&format!("account show {id} --json"))
            .worked()
            .json()["username"],
        "ada"
    );

    assert!(folder.run("account disable ada --json").worked().json()["disabled_at"].is_string());
    assert_eq!(
        folder
            .run("account list --disabled --json")
            .worked()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(folder.run("account enable ada --json").worked().json()["disabled_at"].is_null());
    assert_eq!(
        folder
            .run("account set-roles ada a b --json")
            .worked()
            .json()["roles"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    folder
        .run_with(
            "account set-password ada --password-stdin",
            "a quite different sentence",
        )
        .worked();
    folder.run("account delete ada").failed("--yes");
    folder.run("account delete ada --yes").worked();
    folder.run("account show ada").failed("there is no account");
}

#[test]
fn what_is_wrong_is_said_once_and_without_the_password() {
    let folder = Folder::new();
    let short = folder.run_with("account create --username ada --password-stdin", "hunter2");
    let short = short.failed("password");
    assert!(!short.err.contains("hunter2"));
    folder
        .run("account create --username ada")
        .failed("--password-stdin");
    folder
        .run_with("account create --username a@b --password-stdin", PASSWORD)
        .failed("username");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    folder
        .run_with("account create --username ADA --password-stdin", PASSWORD)
        .failed("taken");
    assert_eq!(
        folder
            .run("account create --username ada --password x")
            .code,
        2,
        "never as an argument"
    );
    let nameless = folder.run("account create --password-stdin");
    assert_eq!(nameless.code, 2);
    assert!(
        nameless.err.contains("--username") && nameless.err.contains("--email"),
        "{}",
        nameless.err
    );
}

#[test]
fn a_command_that_looks_for_something_makes_no_database() {
    let folder = Folder::new();
    for line in [
        "account list --data wrong",
        "account show ada --data wrong",
        "account disable ada --data wrong",
        "account delete ada --yes --data wrong",
        "key list --data wrong",
        "key export some --data wrong",
    ] {
        folder
            .run(line)
            .failed("there is no database at sqlite://wrong");
    }
    assert!(!folder.0.path().join("wrong").exists());
    folder.write("file", "");
    folder
        .run_with(
            "account create --username ada --password-stdin --data file",
            PASSWORD,
        )
        .failed("file is a file");
}

#[test]
fn a_deleted_account_is_not_shown_as_a_living_one() {
    let folder = Folder::new();
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let said = folder.run("account delete ada --yes").worked();
    assert!(said.out.starts_with("deleted account "), "{}", said.out);
}

#[test]
fn commas_separate_roles_as_spaces_do() {
    let folder = Folder::new();
    let line = "account create --username ada --role admin,cook --password-stdin --json";
    let made = folder.run_with(line, PASSWORD).worked().json();
    assert_eq!(made["roles"], serde_json::json!(["admin", "cook"]));
    let set = folder.run("account set-roles ada baker,cook --json");
    assert_eq!(
        set.worked().json()["roles"],
        serde_json::json!(["baker", "cook"])
    );
}
