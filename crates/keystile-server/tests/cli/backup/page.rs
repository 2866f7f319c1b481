//! The book's page on backups does what it says: its blocks are pasted into a shell, one after the other.

use std::path::Path;
use std::process::Command;

use crate::keystile::{Folder, PASSWORD, finish};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/backup.md");
    std::fs::read_to_string(path).expect("docs/backup.md")
}

/// The shell blocks of a document, in order.
fn blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_block_works_in_its_order() {
    let folder = Folder::new();
    let make = "account create --username ada --password-stdin";
    folder.run_with(make, PASSWORD).worked();
    let server = folder.serve("");
    let mut running = Some(server);
    let program = Path::new(env!("CARGO_BIN_EXE_keystile"));
    let path = std::env::var("PATH").expect("PATH");
    let path = format!("{}:{path}", program.parent().expect("a folder").display());
    let text = page();
    // What follows is run on PostgreSQL, elsewhere.
    let (text, _) = text.split_once("\n## PostgreSQL\n").expect("both engines");
    let blocks = blocks(text);
    assert!(blocks.len() >= 5, "{blocks:?}");
    for block in blocks {
        // What restores into the server's own folder is done with the server stopped, as the page says.
        if block.contains("keystile restore") && !block.contains("--data") {
            drop(running.take());
        }
        let mut shell = Command::new("sh");
        shell
            .args(["-eu", "-c", block])
            .current_dir(folder.0.path());
        shell.env_clear().env("PATH", &path);
        for stream in [Command::stdout, Command::stderr] {
            stream(&mut shell, std::process::Stdio::piped());
        }
        shell.stdin(std::process::Stdio::piped());
        let said = finish(shell, "");
        assert_eq!(said.code, 0, "{block}\n{}{}", said.out, said.err);
    }
    assert!(running.is_none(), "the page restores");
    let server = folder.serve("");
    assert_eq!(server.sign_in("ada").0, 200);
}
