use crate::keystile::{Folder, finish};

#[test]
fn every_fault_is_reported_at_once() {
    let folder = Folder::new();
    folder.write(
        "keystile.toml",
        "lisen = \"x\"\n[password]\nmin_length = 2\n",
    );
    let mut command = folder.command("config check");
    command.env("KEYSTILE_TOKENS__ACCESS_LIFETIME", "soon");
    let said = finish(command, "").failed("3 faults");
    for part in [
        "Did you mean listen?",
        "password.min_length",
        "tokens.access_lifetime",
        "KEYSTILE_TOKENS__ACCESS_LIFETIME",
    ] {
        assert!(said.err.contains(part), "{}", said.err);
    }
    let json = folder.run("config check --json");
    assert_eq!(
        (json.code, json.json()["faults"].as_array().unwrap().len()),
        (1, 2)
    );
    folder.write("keystile.toml", "");
    folder.run("config check").worked();
}

#[test]
fn faults_of_several_settings_are_reported_with_the_others() {
    let folder = Folder::new();
    folder.write(
        "keystile.toml",
        "listen = \"0.0.0.0:8080\"\nsignup = \"maybe\"\n[tokens]\nidle_limit = \"1m\"\n",
    );
    for line in ["config check", "serve"] {
        let said = folder.run(line).failed("4 faults");
        for subject in [
            "- listen (",
            "- issuer:",
            "- signup (",
            "- tokens.idle_limit (",
        ] {
            assert!(said.err.contains(subject), "{line}: {}", said.err);
        }
    }
    let said = folder.run("doctor").failed("one thing is wrong");
    assert!(said.out.contains("4 faults"), "{}", said.out);
}

#[test]
fn what_counts_is_printed_without_secrets() {
    let folder = Folder::new();
    let mut command = folder.command("config print --json");
    command.env("DATABASE_URL", "sqlite://hunter2.db");
    let said = finish(command, "").worked();
    assert!(!said.out.contains("hunter2"));
    let settings = said.json();
    let listen = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["key"] == "listen")
        .unwrap();
    assert_eq!(listen["value"], "127.0.0.1:8080");
    assert!(
        folder
            .run("config print")
            .worked()
            .out
            .contains("tokens.access_lifetime")
    );
}

#[test]
fn doctor_says_what_is_wrong_and_how_to_mend_it() {
    let folder = Folder::new();
    let before = folder.run("doctor").worked();
    assert!(
        before.out.contains("there is none yet") && !folder.0.path().join("keystile-data").exists()
    );
    folder.run("migrate").worked();
    let right = folder.run("doctor --json").worked().json();
    let subjects: Vec<&str> = right
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c["subject"].as_str())
        .collect();
    assert_eq!(
        subjects,
        [
            "clock",
            "configuration",
            "port",
            "data folder",
            "disk space",
            "database",
            "signing key"
        ]
    );

    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.0.path().join("keystile-data"), open).unwrap();
    let said = folder.run("doctor").failed("one thing is wrong");
    assert!(said.out.contains("chmod 700"), "{}", said.out);
    // A log that was left beside the database would mend it.
    for file in std::fs::read_dir(folder.0.path().join("keystile-data")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    std::fs::write(
        folder.0.path().join("keystile-data/keystile.db"),
        "not a database, but long enough to look",
    )
    .unwrap();
    folder.run("doctor").failed("2 things are wrong");
}

/// The files of the data folder, each with what is in it.
fn files(folder: &Folder) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    std::fs::read_dir(folder.0.path().join("keystile-data"))
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

#[test]
fn doctor_changes_nothing() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let database = folder.0.path().join("keystile-data/keystile.db");
    {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute("DELETE FROM signing_key", []).unwrap();
    }
    let before = files(&folder);
    let said = folder.run("doctor").worked();
    assert!(
        said.out.contains("signing key: there is none yet"),
        "{}",
        said.out
    );
    assert!(said.out.contains("keystile key import"), "{}", said.out);
    assert_eq!(files(&folder), before);

    for (file, _) in before {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::write(&database, "").unwrap();
    let before = files(&folder);
    let said = folder.run("doctor").worked();
    assert!(said.out.contains("it has no tables yet"), "{}", said.out);
    assert!(said.out.contains("keystile migrate"), "{}", said.out);
    assert_eq!(files(&folder), before);
}

#[test]
fn help_completions_and_the_document_are_printed() {
    let folder = Folder::new();
    for line in [
        "--help",
        "serve --help",
        "account create --help",
        "token inspect --help",
        "--version",
    ] {
        assert!(folder.run(line).worked().out.len() > 10, "{line}");
    }
    assert!(folder.run("--help").out.contains("Exit codes"));
    assert!(
        folder
            .run("completions bash")
            .worked()
            .out
            .contains("keystile")
    );
    assert!(
        folder.run("openapi").worked().json()["openapi"]
            .as_str()
            .unwrap()
            .starts_with("3.1")
    );
    assert_eq!(folder.run("").code, 2);
    assert_eq!(folder.run("nonsense").code, 2);
}

#[test]
fn a_certificate_that_cannot_be_read_is_found_before_the_start() {
    let folder = Folder::new();
    folder.write(
        "keystile.toml",
        "[tls]\ncert = \"no.pem\"\nkey = \"nokey.pem\"\n",
    );
    let said = folder.run("config check").failed("2 faults");
    assert!(
        said.err.contains("no.pem") && said.err.contains("tls.key"),
        "{}",
        said.err
    );
}

#[test]
fn what_is_no_database_is_said_once() {
    let folder = Folder::new();
    folder.write("junk.db", &"no database ".repeat(1000));
    let said = folder
        .run("account list --database sqlite://junk.db")
        .failed("not a database");
    assert_eq!(
        said.err.matches("not a database").count(),
        1,
        "{}",
        said.err
    );
}

#[test]
fn doctor_tells_a_file_from_a_folder() {
    let folder = Folder::new();
    folder.write("file", "");
    let said = folder.run("doctor --data file");
    assert!(said.out.contains("file is a file"), "{}", said.out);
    let mut command = folder.command("config print");
    command.env("KEYSTILE_LOG__LEVEL", "warn");
    let printed = finish(command, "").worked().out;
    assert!(
        printed.contains("KEYSTILE_LOG__LEVEL") && !printed.contains("from KEYSTILE"),
        "{printed}"
    );
}
