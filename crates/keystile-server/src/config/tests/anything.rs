//! Whatever is written: the configuration is right, or its faults are told, and no secret with them.

use proptest::prelude::*;

use super::*;
use crate::config::show::Shown;

/// What no message may hold.
const MARK: &str = "hunter2";

/// What people write, and what nobody should.
fn value() -> impl Strategy<Value = String> {
    const WRITTEN: &[&str] = &[
        "127.0.0.1:8080",
        "0.0.0.0:1",
        "[::]:0",
        "localhost:99999",
        "sqlite://",
        "sqlite://a?b",
        "https://id.example",
        "https://id.example/",
        "open",
        "auto",
        "true",
        "0",
        "-1",
        "4294967296",
        "15m",
        "1h30m",
        "99999999999999999999d",
        "-5s",
        "1.5s",
        "ES256",
        "HS256",
        "10.0.0.0/8",
        "10.0.0.0/8,,::/129",
        "no.pem",
        ",",
        "[]",
    ];
    prop_oneof![
        3 => prop::sample::select(WRITTEN).prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => "[0-9]{1,20}(ms|s|m|h|d|w)?",
    ]
}

/// A password stands in it, as it should or as it should not.
fn secret() -> impl Strategy<Value = String> {
    let junk = "[-a-zA-Z0-9@:/?#%&=, \\[\\]]{0,8}";
    let sealing = (junk, junk).prop_map(|(before, after)| format!("{before}{MARK}{after}"));
    let url = (
        prop::sample::select(&["postgres", "postgresql", "mysql", "sqlite", ""][..]),
        (junk, junk),
        "\\PC{0,12}",
    )
        .prop_map(|(scheme, (before, after), rest)| {
            format!("{scheme}://keystile:{before}{MARK}{after}@db.example/keystile{rest}")
        });
    let query = "\\PC{0,8}".prop_map(|junk| {
        format!("postgres://keystile@db.example/keystile?sslmode=require&password={MARK}{junk}")
    });
    prop_oneof![sealing, url, query]
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Flag,
    Environment,
    File,
}

fn setting() -> impl Strategy<Value = (Setting, String, Place)> {
    let place = prop::sample::select(&[Place::Flag, Place::Environment, Place::File][..]);
    let setting = prop::sample::select(SETTINGS);
    (setting, value(), secret(), place).prop_map(|(setting, plain, secret, place)| {
        (setting, if setting.secret { secret } else { plain }, place)
    })
}

/// A line of TOML that sets it, as a string or as a list of one.
fn line(key: &str, text: &str, as_list: bool) -> String {
    let text = toml::Value::from(text);
    if as_list {
        format!("{key} = [{text}]\n")
    } else {
        format!("{key} = {text}\n")
    }
}

/// Reads it in every way there is; none of them may break, and none may show a secret.
fn told(sources: &Sources) -> Vec<Fault> {
    let (here, serving) = (Config::load(sources), Config::load_to_serve(sources));
    let shown = serde_json::to_string(&Shown::all(sources)).unwrap();
    for text in [format!("{here:?}"), format!("{serving:?}"), shown] {
        assert!(!text.contains(MARK), "{text}");
    }
    let faults = serving.map_or_else(|faults| faults.0, |_| Vec::new());
    for fault in &faults {
        assert!(!fault.to_string().contains(MARK), "{fault}");
        assert!(
            !fault.problem.is_empty() && !fault.cure.is_empty(),
            "{fault:?}"
        );
    }
    if let Err(here) = here {
        let missing = here.0.iter().find(|fault| !faults.contains(fault));
        assert_eq!(missing, None, "a server is told all that a command is");
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_settings_in_any_place(
        settings in prop::collection::vec(setting(), 0..6),
        as_list in any::<bool>(),
    ) {
        let mut text = String::new();
        let mut sources = Sources::default();
        for (setting, value, place) in &settings {
            match place {
                Place::Flag => sources.flags.push((setting.key, "a flag", value.clone())),
                Place::Environment => {
                    sources.environment.insert(setting::variable(setting.key), value.clone());
                }
                Place::File => text += &line(setting.key, value, as_list),
            }
        }
        let (_folder, of_file) = file(&text);
        sources.config_file = of_file.config_file;
        told(&sources);
    }

    #[test]
    fn any_file(text in "(\\PC|[\n\"=.\\[\\]#']){0,200}") {
        let (_folder, sources) = file(&format!("{text}\ndatabase = \"postgres://u:{MARK}@h/d"));
        // It ends in the middle of a text, so it cannot be right.
        assert!(!told(&sources).is_empty());
    }
}
