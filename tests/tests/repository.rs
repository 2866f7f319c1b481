//! Rules that the repository's own files keep, so that a clone works anywhere.

use keystile_tests::{files_below, links_of_documents, relative, root};

/// Beginnings of paths that exist on one machine only. Written in two halves, or this file would break its own rule.
const MACHINE_PATHS: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/t", "mp/"),
    concat!("C:\\Us", "ers"),
];

/// Hosts of package registries: which one is used is each machine's configuration, not ours.
const REGISTRIES: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("static.rust-", "lang.org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
];

fn is_lock(path: &str) -> bool {
    path == "Cargo.lock" || path.ends_with("/Cargo.lock") || path.ends_with("package-lock.json")
}

/// What `text` names that it should not, one line for each.
fn strangers(path: &str, text: &str) -> Vec<String> {
    let forbidden = MACHINE_PATHS.iter().chain(if is_lock(path) {
        [].iter()
    } else {
        REGISTRIES.iter()
    });
    let found = forbidden.flat_map(|word| text.match_indices(word).map(move |(at, _)| (at, word)));
    found
        .map(|(at, word)| format!("{path}:{}: {word}", 1 + text[..at].matches('\n').count()))
        .collect()
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let mut found = Vec::new();
    let mut files = 0;
    for file in files_below(root()) {
        // What is not text (an image, say) names nothing.
        if let Ok(text) = std::fs::read_to_string(&file) {
            files += 1;
            found.extend(strangers(&relative(&file), &text));
        }
    }
    assert!(files > 20, "only {files} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_stranger_is_seen() {
    let text = format!("one\ntwo {}x and {}\n", MACHINE_PATHS[0], REGISTRIES[0]);
    assert_eq!(strangers("a.md", &text).len(), 2);
    assert_eq!(strangers("Cargo.lock", &text).len(), 1);
    assert_eq!(
        strangers("a.md", "frame/works and docs.rs/"),
        Vec::<String>::new()
    );
}

#[test]
fn published_crates_say_what_they_are() {
    let workspace: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml");
    let shared = &workspace["workspace"]["package"];
    for word in [
        "license",
        "repository",
        "rust-version",
        "edition",
        "version",
    ] {
        assert!(shared.get(word).is_some(), "workspace.package lacks {word}");
    }
    for name in ["keystile", "keystile-accounts", "keystile-server"] {
        let manifest: toml::Table = read(&format!("crates/{name}/Cargo.toml"))
            .parse()
            .expect(name);
        let package = &manifest["package"];
        for word in ["description", "readme", "keywords", "categories"] {
            assert!(
                package.get(word).is_some(),
                "crates/{name}/Cargo.toml lacks {word}"
            );
        }
        let readme = package["readme"].as_str().expect("a path");
        assert!(
            root().join("crates").join(name).join(readme).exists(),
            "{name}: {readme} is missing"
        );
    }
}

#[test]
fn every_member_takes_the_workspace_lints() {
    for file in files_below(root())
        .iter()
        .filter(|f| f.ends_with("Cargo.toml"))
    {
        let manifest: toml::Table = std::fs::read_to_string(file)
            .expect("Cargo.toml")
            .parse()
            .expect("TOML");
        // One that is a workspace of its own, as cargo-fuzz wants it, is no member.
        let member = relative(file) == "Cargo.toml" || !manifest.contains_key("workspace");
        if member && manifest.contains_key("package") {
            let lints = manifest
                .get("lints")
                .and_then(|l| l.get("workspace"))
                .and_then(toml::Value::as_bool);
            assert_eq!(lints, Some(true), "{}", relative(file));
        }
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut links = 0;
    for (file, target) in links_of_documents() {
        let target = target.split('#').next().unwrap_or_default();
        if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        links += 1;
        let there = file.parent().expect("a folder").join(target);
        assert!(
            there.exists(),
            "{} links to {target}, which does not exist",
            relative(&file)
        );
    }
    assert!(links > 10, "only {links} links were followed");
}

#[test]
fn the_map_of_the_sources_shows_what_is_there() {
    let text = read("ARCHITECTURE.md");
    let map = text.split("```text\n").nth(1).expect("the map");
    let map = map.split("```").next().unwrap_or_default();
    let mut folder = "";
    let mut places = 0;
    for line in map.lines() {
        let Some(entry) = line.strip_prefix("  ") else {
            folder = line;
            continue;
        };
        let names = entry.split("  ").next().unwrap_or_default();
        for name in names.split(", ") {
            places += 1;
            let path = format!("{folder}{name}");
            assert!(
                root().join(&path).exists(),
                "{path} is on the map, and nowhere else"
            );
        }
    }
    assert!(places > 15, "only {places} places are on the map");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Whoever has the library has the keys of its test issuer: no program that is shipped may trust them.
#[test]
fn the_test_issuer_is_for_tests_only() {
    let mut allowed = 0;
    for file in files_below(root()) {
        if file.file_name().is_none_or(|name| name != "Cargo.toml") {
            continue;
        }
        let manifest: toml::Table = read(&relative(&file)).parse().expect("a manifest");
        allowed += usize::from(turns_on_testing(&manifest, "dev-dependencies"));
        let shipped = turns_on_testing(&manifest, "dependencies");
        assert!(!shipped, "{} ships it", relative(&file));
    }
    assert!(allowed > 0, "our own tests use it");
}

fn turns_on_testing(manifest: &toml::Table, section: &str) -> bool {
    let dependency = manifest
        .get(section)
        .and_then(|section| section.get("keystile"));
    let features = dependency.and_then(|keystile| keystile.get("features")?.as_array());
    features.is_some_and(|features| features.iter().any(|name| name.as_str() == Some("testing")))
}
