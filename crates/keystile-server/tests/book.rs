//! The book's lists of settings and commands are the program's own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use keystile_server::config::SETTINGS;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The lines of a page's tables whose first cell begins with `start`, in backticks.
fn rows(text: &str, start: &str) -> String {
    let start = format!("| `{start}");
    text.lines()
        .filter(|line| line.starts_with(&start))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn every_setting_stands_in_the_book_as_it_is() {
    let mut expected = String::new();
    for setting in SETTINGS {
        let default = match setting.default {
            "" => "none".to_owned(),
            default => format!("`{default}`"),
        };
        writeln!(
            expected,
            "| `{}` | {default} | {} |",
            setting.key, setting.about
        )
        .expect("a string");
    }
    assert_eq!(rows(&page("configuration.md"), ""), expected);
}

/// The shell blocks of a page, in order.
fn shell(text: &str) -> String {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.collect::<Vec<_>>().concat()
}

/// Runs a script in a folder with the binary on its path; what it printed.
fn run(script: &str, folder: &Path, kid: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_keystile")).parent();
    let path = format!("{}:/usr/bin:/bin", binary.expect("its folder").display());
    let output = Command::new("sh")
        .args(["-euxc", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("KID", kid)
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_command_of_the_page_on_keys_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = run(
        "keystile migrate >/dev/null; keystile key list",
        folder.path(),
        "",
    );
    let kid = list.lines().nth(1).and_then(|row| row.split(' ').next());
    let script = shell(&page("keys.md"));
    assert!(script.matches("keystile ").count() > 8, "{script}");
    let said = run(&script, folder.path(), kid.expect("a key"));
    for part in ["published", "withdrew", "EdDSA", ", sealed"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// The subcommands that `keystile … --help` names.
fn subcommands(of: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_keystile"))
        .args(of)
        .arg("--help")
        .output();
    let help = String::from_utf8(output.expect("the binary runs").stdout).expect("text");
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default().lines();
    let listed = listed.take_while(|line| !line.is_empty());
    // A command stands at two spaces; the rest of a long description further in.
    let names = listed.filter_map(|line| {
        line.strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
    });
    let names = names
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_command_stands_in_the_book() {
    let mut expected = Vec::new();
    for command in subcommands(&[]) {
        let inner = subcommands(&[&command]);
        if inner.is_empty() {
            expected.push(command);
        } else {
            expected.extend(inner.iter().map(|inner| format!("{command} {inner}")));
        }
    }
    assert!(expected.len() > 10, "{expected:?}");
    let text = page("commands.md");
    let rows = rows(&text, "keystile ");
    let written = rows
        .lines()
        .filter_map(|line| line.strip_prefix("| `keystile ")?.split('`').next());
    assert_eq!(written.collect::<Vec<_>>(), expected);
}
