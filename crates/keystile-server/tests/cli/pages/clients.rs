//! The page on clients, pasted into one shell beside a running server.

use std::process::Stdio;

use super::page;
use crate::keystile::{Folder, finish};

/// The blocks of the page, in order.
pub(super) fn blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

/// What stands behind a word in what a command printed.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let rest = text
        .split_once(word)
        .unwrap_or_else(|| panic!("no {word} in {text}"));
    let marks = |c: char| c.is_whitespace() || matches!(c, '"' | ':' | ',');
    let rest = rest.1.trim_start_matches(marks);
    rest.split(marks).next().unwrap_or_default()
}

#[test]
fn every_command_of_the_page_works() {
    let folder = Folder::new();
    let server = folder.serve("");
    let address = server.address.to_string();
    let mut variables: Vec<(&str, String)> = Vec::new();
    let mut said = Vec::new();
    for block in blocks(&page("clients.md")) {
        let script = block.replace("127.0.0.1:8080", &address);
        let printed = paste(&folder, &script, &variables);
        if block.contains("client create microblog") {
            variables.push(("CLIENT_ID", after(&printed, "client_id").to_owned()));
            variables.push(("CLIENT_SECRET", after(&printed, "client_secret").to_owned()));
        }
        if block.contains("--json >orders.json") {
            let made = std::fs::read_to_string(folder.0.path().join("orders.json")).unwrap();
            variables.push(("ORDERS_ID", after(&made, "client_id").to_owned()));
            variables.push(("ORDERS_SECRET", after(&made, "client_secret").to_owned()));
        }
        if block.contains("/v1/login") {
            variables.push(("REFRESH", after(&printed, "refresh_token").to_owned()));
        }
        if variables.len() == 2 && printed.contains("access_token") {
            variables.push(("TOKEN", after(&printed, "access_token").to_owned()));
        }
        said.push(printed);
    }
    let expected = [
        "ksc_",
        "\"scope\":\"revocations:read\"",
        "",
        "\"scope\":\"stock:read\"",
        "\"active\":true",
        "",
        "\"session_id\"",
        "\"refresh_token\":\"ksr_",
        "/v1/revocations",
        "deleted client",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (printed, part) in said.iter().zip(expected) {
        assert!(printed.contains(part), "{part}: {said:#?}");
    }
    assert_eq!(
        said[5], "",
        "a token that is given back is answered by nothing"
    );
    drop(server);
}

pub(super) fn paste(folder: &Folder, script: &str, variables: &[(&str, String)]) -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_keystile")).parent();
    let path = format!("{}:/usr/bin:/bin", binary.expect("a folder").display());
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-euc", script])
        .current_dir(folder.0.path())
        .env_clear()
        .env("PATH", path)
        .envs(
            variables
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(shell, "").worked().out
}
