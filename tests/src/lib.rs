//! What the cross-cutting tests share: where the repository is, and how its text is read.
//!
//! The Rust blocks of the README and of the book are compiled and run as documentation tests of this crate,
//! so that a reader never pastes what does not work.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

pub mod source;

#[cfg(doctest)]
mod documentation;

/// The root of the repository, where the workspace's `Cargo.toml` lies.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Every link of every Markdown document: where it stands, and its target as it is written.
///
/// # Panics
///
/// When a document cannot be read.
pub fn links_of_documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for file in files_below(root()) {
        if file.extension().is_some_and(|e| e == "md") {
            let text = std::fs::read_to_string(&file).expect("Markdown");
            let targets = text.split("](").skip(1);
            let targets = targets.filter_map(|rest| rest.split(')').next());
            found.extend(targets.map(|target| (file.clone(), target.to_owned())));
        }
    }
    found
}

/// Every file of the repository below `folder`, without what is built, fetched or private to a tool, in order of path.
///
/// # Panics
///
/// When a folder cannot be read: a test cannot judge what it does not see.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder's entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let private = [
            "target",
            ".git",
            "node_modules",
            "corpus",
            "artifacts",
            "data",
            "keystile-data",
            "__pycache__",
            ".env",
        ];
        if private.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as it is written in the repository: relative to its root, with forward slashes.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

/// What is wrong with `file.rs::name_of_the_test`; a file without a folder of the repository is below `crates/keystile/tests`.
pub fn fault_of_test(named: &str) -> Option<String> {
    let Some((path, name)) = named.split_once("::") else {
        return Some(format!("{named} names no test"));
    };
    let path = if ["crates/", "examples/", "tests/"]
        .iter()
        .any(|folder| path.starts_with(folder))
    {
        path.to_owned()
    } else {
        format!("crates/keystile/tests/{path}")
    };
    let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
        return Some(format!("{path} is not there"));
    };
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else {
        return Some(format!("{path} has no {name}"));
    };
    let since_the_last = before.rsplit(['}', ';']).next().unwrap_or_default();
    let is_test = ["#[test]", "#[tokio::test"]
        .iter()
        .any(|mark| since_the_last.contains(mark));
    (!is_test).then(|| format!("{name} of {path} is no test"))
}
