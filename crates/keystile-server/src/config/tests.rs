mod anything;
mod browsers;
mod keys;

use super::*;

fn flags(flags: &[(&'static str, &str)]) -> Sources {
    Sources {
        flags: flags
            .iter()
            .map(|(key, value)| (*key, "a flag", (*value).to_owned()))
            .collect(),
        ..Sources::default()
    }
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    Sources {
        environment: variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        ..Sources::default()
    }
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystile.toml");
    std::fs::write(&path, text).unwrap();
    (
        folder,
        Sources {
            config_file: Some(path),
            ..Sources::default()
        },
    )
}

fn subjects(sources: &Sources) -> Vec<String> {
    named(Config::load(sources).unwrap_err())
}

/// What forbids to serve, in the order of the names.
fn subjects_of_serving(sources: &Sources) -> Vec<String> {
    let mut subjects = Config::load_to_serve(sources).map_or_else(named, |_| Vec::new());
    subjects.sort();
    subjects
}

fn named(faults: Faults) -> Vec<String> {
    faults.0.into_iter().map(|fault| fault.subject).collect()
}

#[test]
fn nothing_configured_is_a_whole_configuration() {
    let config = Config::load_to_serve(&Sources::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.database.expose(),
        "sqlite://./keystile-data/keystile.db"
    );
    assert!(config.signup_open);
    assert_eq!(config.connections, 4096);
    assert_eq!(config.tokens.access_lifetime, Duration::from_secs(900));
    assert_eq!(
        config.issuer_at(config.listen).unwrap(),
        "http://127.0.0.1:8080"
    );
}

#[test]
fn flags_over_environment_over_file_over_defaults() {
    let (_folder, mut sources) = file(
        "listen = \"127.0.0.1:1\"\n[tokens]\naccess_lifetime = \"1m\"\nrefresh_lifetime = 7200",
    );
    sources
        .environment
        .insert("KEYSTILE_LISTEN".into(), "127.0.0.1:2".into());
    sources
        .environment
        .insert("KEYSTILE_TOKENS__ACCESS_LIFETIME".into(), "2m".into());
    sources
        .flags
        .push(("listen", "--listen", "127.0.0.1:3".into()));
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.tokens.access_lifetime, Duration::from_secs(120));
    assert_eq!(config.tokens.refresh_lifetime, Duration::from_secs(7200));
    assert_eq!(config.password.min_length, 15);
}

#[test]
fn every_fault_is_reported_at_once() {
    let (_folder, mut sources) =
        file("lisen = \"x\"\nconnections = 0\nsignup = \"maybe\"\n[password]\nmin_length = 3");
    sources
        .environment
        .insert("KEYSTILE_TOKENS__ACCES_LIFETIME".into(), "2m".into());
    sources
        .environment
        .insert("KEYSTILE_TLS__CERT".into(), "cert.pem".into());
    let mut found = subjects(&sources);
    found.sort();
    assert_eq!(
        found,
        [
            "KEYSTILE_TOKENS__ACCES_LIFETIME",
            "connections",
            "lisen",
            "password.min_length",
            "signup",
            "tls.key"
        ]
    );
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let (_folder, sources) = file("[tokens]\nacces_lifetime = \"2m\"");
    let text = Config::load(&sources).unwrap_err().to_string();
    assert!(
        text.contains("Did you mean tokens.access_lifetime?"),
        "{text}"
    );
    let text = Config::load(&environment(&[("KEYSTILE_LISEN", "x")]))
        .unwrap_err()
        .to_string();
    assert!(text.contains("Did you mean KEYSTILE_LISTEN?"), "{text}");
}

#[test]
fn a_file_that_is_not_toml_names_the_line_only() {
    let (_folder, sources) = file("listen = \"127.0.0.1:1\"\ndatabase = postgres://u:hunter2@h/d");
    let text = Config::load(&sources).unwrap_err().to_string();
    assert!(text.contains("line 2"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_named_file_must_exist() {
    let sources = Sources {
        config_file: Some("nowhere/keystile.toml".into()),
        ..Sources::default()
    };
    assert_eq!(subjects(&sources), ["nowhere/keystile.toml"]);
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "sqlite://elsewhere.db\n").unwrap();
    let sources = environment(&[("KEYSTILE_DATABASE_FILE", path.to_str().unwrap())]);
    assert_eq!(
        Config::load(&sources).unwrap().database.expose(),
        "sqlite://elsewhere.db"
    );
    let shown = Shown::all(&sources);
    let database = shown.iter().find(|shown| shown.key == "database").unwrap();
    assert_eq!(database.value.as_deref(), Some("[redacted]"));

    let mut twice = sources;
    let url = "sqlite://third.db".to_owned();
    twice.environment.insert("KEYSTILE_DATABASE".into(), url);
    assert_eq!(subjects(&twice), ["database"]);
    std::fs::write(&path, "\n").unwrap();
    twice.environment.remove("KEYSTILE_DATABASE");
    assert_eq!(subjects(&twice), ["database"], "an empty file");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(subjects(&twice), ["database"], "no file");
}

#[test]
fn our_own_variable_counts_before_the_one_that_many_programs_read() {
    let sources = environment(&[
        ("DATABASE_URL", "sqlite://theirs.db"),
        ("KEYSTILE_DATABASE", "sqlite://ours.db"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.expose(), "sqlite://ours.db");
}

#[test]
fn a_database_password_is_in_no_message() {
    let text = Config::load(&environment(&[("DATABASE_URL", "mysql://u:hunter2@h/d")]))
        .unwrap_err()
        .to_string();
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(
        format!("{:?}", DatabaseUrl("postgres://u:hunter2@h/d".into())),
        "postgres://[redacted]@h/d"
    );
}

#[test]
fn beyond_loopback_needs_tls_or_a_named_proxy_and_an_issuer() {
    let open = flags(&[("listen", "0.0.0.0:8080")]);
    let config = Config::load(&open).unwrap();
    assert!(!config.signup_open, "closed beyond loopback until set");
    assert_eq!(subjects_of_serving(&open), ["issuer", "listen"]);
    for (key, value) in [
        ("trusted_proxies", "10.0.0.0/8"),
        ("issuer", "https://login.example.com"),
    ] {
        let mut sources = open.clone();
        sources.flags.push((key, "a flag", value.into()));
        assert_eq!(subjects_of_serving(&sources).len(), 1, "{key}");
        sources
            .flags
            .push(("trusted_proxies", "a flag", "10.0.0.0/8".into()));
        sources
            .flags
            .push(("issuer", "a flag", "https://login.example.com".into()));
        assert!(Config::load_to_serve(&sources).is_ok());
    }
}

#[test]
fn a_pool_and_a_patience_have_their_ranges() {
    let config = Config::load(&flags(&[])).unwrap();
    assert_eq!(config.postgres.connections, 16);
    assert_eq!(config.postgres.timeout, Duration::from_secs(5));
    for connections in ["2", "1001", "-2", "many"] {
        let sources = flags(&[("postgres.connections", connections)]);
        assert_eq!(subjects(&sources), ["postgres.connections"]);
    }
    for timeout in ["0s", "499ms", "26s", "soon"] {
        let sources = flags(&[("postgres.timeout", timeout)]);
        assert_eq!(subjects(&sources), ["postgres.timeout"]);
    }
    let least = [("postgres.connections", "3"), ("postgres.timeout", "500ms")];
    let config = Config::load(&flags(&least)).unwrap();
    assert_eq!(config.postgres.timeout, Duration::from_millis(500));
}

#[test]
fn a_drain_takes_five_minutes_at_the_most() {
    for (drain, is_right) in [("0s", true), ("5m", true), ("301s", false), ("1h", false)] {
        let sources = environment(&[("KEYSTILE_DRAIN", drain)]);
        let told = Config::load(&sources).map_or_else(named, |_| Vec::new());
        let wrong: &[&str] = if is_right { &[] } else { &["drain"] };
        assert_eq!(told, wrong, "{drain}");
    }
    let sources = environment(&[("KEYSTILE_DRAIN", "5m")]);
    let drain = Config::load(&sources).unwrap().drain;
    assert_eq!(drain, Duration::from_secs(300));
}

#[test]
fn limits_shorter_than_an_access_token_are_refused() {
    assert_eq!(
        subjects(&flags(&[("tokens.idle_limit", "10m")])),
        ["tokens.idle_limit"]
    );
    assert_eq!(
        subjects(&flags(&[("tokens.access_lifetime", "31d")])),
        ["tokens.refresh_lifetime"]
    );
    assert_eq!(
        subjects(&flags(&[("tokens.access_lifetime", "0s")])),
        ["tokens.access_lifetime"]
    );
}

#[test]
fn an_issuer_is_an_url_without_query_or_slash() {
    for wrong in [
        "login.example.com",
        "https://",
        "https://h/?a",
        "https://h/",
        "ftp://h",
        "https://u@h",
        "https://h:x",
        "https://[::1",
        "https://a b",
    ] {
        assert_eq!(
            subjects(&flags(&[("issuer", wrong)])),
            ["issuer"],
            "{wrong}"
        );
    }
    assert!(Config::load(&flags(&[("issuer", "https://h/tenant")])).is_ok());
    assert!(Config::load(&flags(&[("issuer", "http://[::1]:8080")])).is_ok());
}

#[test]
fn what_settings_decide_together_is_told_beside_every_other_fault() {
    let (_folder, sources) = file(
        "listen = \"0.0.0.0:8080\"\nsignup = \"maybe\"\nconnections = 0
         [tokens]\nrefresh_lifetime = \"soon\"\nidle_limit = \"10m\"\nreplay_grace = \"6m\"
         [tls]\ncert = \"no.pem\"\nkey = \"no.key\"",
    );
    assert_eq!(
        subjects_of_serving(&sources),
        [
            "connections",
            "issuer",
            "signup",
            "tls.cert",
            "tls.key",
            "tokens.idle_limit",
            "tokens.refresh_lifetime",
            "tokens.replay_grace"
        ]
    );
    let mut without_serving = subjects(&sources);
    without_serving.sort();
    assert_eq!(
        without_serving,
        [
            "connections",
            "signup",
            "tokens.idle_limit",
            "tokens.refresh_lifetime",
            "tokens.replay_grace"
        ]
    );
}

#[test]
fn nothing_is_concluded_from_a_setting_that_cannot_be_read() {
    for (broken, others) in [
        ("issuer", &[][..]),
        ("trusted_proxies", &[("issuer", "https://h")]),
        ("listen", &[("tokens.idle_limit", "1h")]),
        (
            "tokens.access_lifetime",
            &[("listen", "127.0.0.1:1"), ("tokens.idle_limit", "1s")],
        ),
    ] {
        let mut settings = vec![
            ("listen", "0.0.0.0:8080"),
            ("trusted_proxies", "10.0.0.0/8"),
        ];
        settings.extend(others);
        settings.push((broken, "!"));
        assert_eq!(subjects_of_serving(&flags(&settings)), [broken]);
    }
}

#[test]
fn half_a_certificate_is_one_fault_and_the_file_that_is_there_is_looked_at() {
    let settings = [
        ("listen", "0.0.0.0:8080"),
        ("issuer", "https://h"),
        ("tls.cert", "no.pem"),
    ];
    assert_eq!(
        subjects_of_serving(&flags(&settings)),
        ["tls.cert", "tls.key"]
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let folders = flags(&[("tls.cert", path), ("tls.key", path)]);
    assert_eq!(subjects_of_serving(&folders), ["tls.cert", "tls.key"]);
}

#[test]
fn a_fault_of_several_settings_says_where_its_value_came_from() {
    let faults = Config::load(&environment(&[("KEYSTILE_TOKENS__IDLE_LIMIT", "10m")]));
    let text = faults.unwrap_err().to_string();
    assert!(text.contains("from KEYSTILE_TOKENS__IDLE_LIMIT"), "{text}");
    assert!(text.contains("Give more than 15m"), "{text}");
}

#[test]
fn an_empty_value_says_nothing() {
    for known in SETTINGS {
        let variable = setting::variable(known.key);
        let config = Config::load_to_serve(&environment(&[(variable.as_str(), "")]));
        assert!(config.is_ok(), "{variable}: {config:?}");
    }
    let nameless = environment(&[("KEYSTILE_CONFIG", "")]);
    assert!(Config::load(&nameless).is_ok());
    let (_folder, mut sources) = file("listen = \"127.0.0.1:1\"\nissuer = \"\"");
    sources
        .environment
        .insert("KEYSTILE_LISTEN".into(), String::new());
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.listen.port(), config.issuer), (1, None));
}
