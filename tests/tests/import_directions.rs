//! Holds the directions in which our crates and modules may lean on each other (see ARCHITECTURE.md, "May import").

use std::path::Path;

use keystile_tests::source::{code_only, lines_naming};
use keystile_tests::{files_below, relative, root};

const OURS: [&str; 3] = ["keystile", "keystile-accounts", "keystile-server"];
const DRIVERS: [&str; 6] = [
    "rusqlite",
    "tokio_postgres",
    "deadpool_postgres",
    "tokio_postgres_rustls",
    "sqlx",
    "diesel",
];
/// Crates of HTTP types. `axum_server` is not among them: it listens, and `serve` stops it.
const HTTP: [&str; 7] = [
    "axum",
    "axum_core",
    "http",
    "http_body_util",
    "hyper",
    "hyper_util",
    "tower_service",
];

/// One rule: files at or below `within`, but for those at or below `except`, name none of `paths`.
struct Rule {
    within: &'static str,
    except: &'static [&'static str],
    paths: &'static [&'static str],
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: "crates/",
        except: &["crates/keystile-accounts/src/store/"],
        paths: &DRIVERS,
        reason: "only store/ names a database driver",
    },
    Rule {
        within: "crates/",
        except: &[
            "crates/keystile/src/axum/",
            "crates/keystile/src/http/",
            "crates/keystile-server/src/http/",
        ],
        paths: &HTTP,
        reason: "only the server's http/, and the library's http/ and axum/, name HTTP types",
    },
    Rule {
        within: "crates/keystile/src/",
        // A guard carries how its refusals are answered, as a closed value.
        except: &[
            "crates/keystile/src/axum/",
            "crates/keystile/src/http/",
            "crates/keystile/src/guard.rs",
        ],
        paths: &["crate::http"],
        reason: "the library's core does not know HTTP",
    },
    Rule {
        within: "crates/keystile/src/",
        except: &["crates/keystile/src/axum/"],
        paths: &["crate::axum"],
        reason: "the rest of the library does not know axum",
    },
    Rule {
        within: "crates/",
        except: &["crates/keystile/src/remote/"],
        paths: &["reqwest"],
        reason: "only the library's remote/ asks others",
    },
    Rule {
        within: "crates/keystile/src/",
        // A guard's answer may come later; an entry holds who fetches its keys; a test issuer is followed.
        except: &[
            "crates/keystile/src/remote/",
            "crates/keystile/src/testing/served/follow.rs",
            "crates/keystile/src/guard.rs",
            "crates/keystile/src/entry.rs",
        ],
        paths: &["crate::remote", "crate::Issuer"],
        reason: "the library's core does not know its feature `remote`",
    },
    Rule {
        within: "crates/keystile-accounts/src/store/",
        except: &[],
        paths: &["crate::flow", "crate::password", "crate::Accounts"],
        reason: "the store keeps records; the flows decide",
    },
    Rule {
        within: "crates/keystile-server/src/http/",
        except: &[],
        paths: &[
            "crate::command",
            "super::command",
            "super::super::command",
            "clap",
        ],
        reason: "inside the server: command -> http -> flows, never upwards",
    },
    Rule {
        within: "crates/keystile-server/src/config",
        except: &[],
        paths: &[
            "crate::command",
            "super::command",
            "crate::http",
            "super::http",
        ],
        reason: "the configuration knows neither the commands nor the routes",
    },
    Rule {
        within: "examples/",
        except: &[],
        paths: &["keystile_server"],
        reason: "examples stand on the library and the engine, as a reader's program would",
    },
];

fn manifest(path: &str) -> toml::Table {
    let path = root().join(path).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The names under `[dependencies]` of a package.
fn dependencies(package: &str) -> Vec<String> {
    let manifest = manifest(package);
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table
        .map(|t| t.keys().cloned().collect())
        .unwrap_or_default()
}

fn ours(package: &str) -> Vec<String> {
    dependencies(package)
        .into_iter()
        .filter(|name| OURS.contains(&name.as_str()))
        .collect()
}

/// Where `code`, the text of the file `path`, breaks a rule: one line for each.
fn broken(path: &str, code: &str) -> Vec<String> {
    let applies = |rule: &&Rule| {
        path.starts_with(rule.within) && !rule.except.iter().any(|except| path.starts_with(except))
    };
    let mut found = Vec::new();
    for rule in RULES.iter().filter(applies) {
        for named in rule.paths {
            // The server's own module `http` is no crate of that name.
            if *named == "http" && path.starts_with("crates/keystile-server/") {
                continue;
            }
            for line in lines_naming(code, named) {
                found.push(format!("{path}:{line} names `{named}`: {}", rule.reason));
            }
        }
    }
    found
}

fn sources(folder: &str) -> impl Iterator<Item = (String, String)> {
    let files = files_below(&root().join(folder)).into_iter();
    let rust = files.filter(|f| f.extension().is_some_and(|e| e == "rs"));
    rust.filter(|f| !relative(f).contains("/tests/"))
        .map(|f| (relative(&f), read_code(&f)))
}

fn read_code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    code_only(&text)
}

#[test]
fn manifests_lean_one_way() {
    assert_eq!(ours("crates/keystile"), Vec::<String>::new());
    assert_eq!(ours("crates/keystile-accounts"), ["keystile"]);
    assert_eq!(
        ours("crates/keystile-server"),
        ["keystile", "keystile-accounts"]
    );
    for folder in std::fs::read_dir(root().join("examples")).expect("examples/") {
        let path = relative(&folder.expect("an example").path());
        if root().join(&path).join("Cargo.toml").exists() {
            assert!(
                !ours(&path).contains(&"keystile-server".to_owned()),
                "{path} needs the server"
            );
        }
    }
}

#[test]
fn the_engine_takes_the_library_without_features() {
    let accounts = manifest("crates/keystile-accounts");
    let entry = &accounts["dependencies"]["keystile"];
    assert!(
        entry.get("features").is_none(),
        "keystile-accounts turns on a feature of keystile: {entry}"
    );
    let workspace = manifest("");
    let shared = &workspace["workspace"]["dependencies"]["keystile"];
    assert_eq!(
        shared
            .get("default-features")
            .and_then(toml::Value::as_bool),
        Some(false)
    );
    let library = manifest("crates/keystile");
    assert_eq!(
        library["features"]["default"].as_array().map(Vec::len),
        Some(0)
    );
}

#[test]
fn only_the_store_depends_on_a_driver() {
    for package in ["crates/keystile", "crates/keystile-server"] {
        for name in dependencies(package) {
            assert!(
                !DRIVERS.contains(&name.replace('-', "_").as_str()),
                "{package} depends on {name}"
            );
        }
    }
}

#[test]
fn sources_lean_one_way() {
    let mut files = 0;
    let mut found = Vec::new();
    for (path, code) in sources("crates").chain(sources("examples")) {
        files += 1;
        found.extend(broken(&path, &code));
    }
    assert!(files > 5, "only {files} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_folder_that_a_rule_names_exists() {
    for path in RULES
        .iter()
        .flat_map(|rule| rule.except.iter().chain([&rule.within]))
    {
        let there = root().join(path).exists() || root().join(format!("{path}.rs")).exists();
        assert!(there, "{path} is gone: a rule that guards nothing");
    }
}

/// Statuses of success, which any endpoint may answer with.
const SUCCESS: [&str; 5] = ["OK", "CREATED", "ACCEPTED", "NO_CONTENT", "NOT_MODIFIED"];

fn error_statuses(code: &str) -> Vec<String> {
    let after = code
        .match_indices("StatusCode::")
        .map(|(at, found)| &code[at + found.len()..]);
    let constant = |rest: &str| -> String {
        rest.chars()
            .take_while(|c| c.is_ascii_uppercase() || *c == '_')
            .collect()
    };
    after
        .map(constant)
        .filter(|name| name.len() > 1 && !SUCCESS.contains(&name.as_str()))
        .collect()
}

#[test]
fn only_problem_turns_an_error_into_a_status() {
    for (path, code) in sources("crates/keystile-server/src/http") {
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        if !path.contains("/http/problem") {
            assert_eq!(
                error_statuses(code),
                Vec::<String>::new(),
                "{path} answers with an error's status itself"
            );
        }
    }
}

#[test]
fn a_broken_direction_is_seen() {
    for (path, code) in [
        (
            "crates/keystile/src/verify.rs",
            "use axum_core::extract::FromRequestParts;",
        ),
        (
            "crates/keystile/src/guard.rs",
            "fn f(h: &http::HeaderMap) {}",
        ),
        (
            "crates/keystile/src/verify.rs",
            "use crate::{axum::Principal, key::KeyId};",
        ),
        (
            "crates/keystile/src/http/layer.rs",
            "use crate::axum::Principal;",
        ),
        (
            "crates/keystile/src/verify.rs",
            "use crate::http::TokenCookie;",
        ),
        ("crates/keystile/src/verify.rs", "use crate::remote::later;"),
        (
            "crates/keystile-server/src/http/login.rs",
            "fn f(c: &reqwest::Client) {}",
        ),
        (
            "crates/keystile-accounts/src/flow/sign_in.rs",
            "use rusqlite::Connection;",
        ),
        (
            "crates/keystile-accounts/src/store/session.rs",
            "use crate::flow::sign_in;",
        ),
        (
            "crates/keystile-server/src/http/login.rs",
            "use crate::command::serve;",
        ),
        (
            "crates/keystile-server/src/http/login.rs",
            "use clap::Parser;",
        ),
        (
            "crates/keystile-server/src/command/serve.rs",
            "use axum::Router;",
        ),
        (
            "crates/keystile-server/src/config.rs",
            "use crate::http::router;",
        ),
        (
            "examples/quickstart/src/main.rs",
            "keystile_server::router();",
        ),
    ] {
        assert_eq!(broken(path, code).len(), 1, "{path}: {code}");
    }
    assert_eq!(
        error_statuses("StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::from_u16"),
        ["NOT_FOUND"]
    );
}
