//! Puts around each Rust block of the book what a comment before it says, so that it can be compiled and run, and its readers see only what is
//! theirs to copy.
//!
//! Such a comment begins with [`BEGINNING`], alone on its line. Its lines come before the block's own; those after a line `…` come
//! after them. A test is no function outside of `cargo test`, so in a block `#[tokio::test]` is made one that `main` can call.

use std::path::Path;

const BEGINNING: &str = "<!-- For the test, around it:";
const BLOCK: &str = "…";
const END: &str = "-->";

#[allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folder by the environment, and by nothing else"
)]
fn main() {
    let out = std::env::var("OUT_DIR").expect("cargo names a folder");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../docs");
    for entry in std::fs::read_dir("../docs").expect("the book") {
        let path = entry.expect("an entry of a folder").path();
        if path.extension().is_some_and(|ending| ending == "md") {
            let text = std::fs::read_to_string(&path).expect("a page of the book");
            let name = path.file_name().expect("a page has a name");
            std::fs::write(Path::new(&out).join(name), compiled(&text)).expect("a page is written");
        }
    }
}

/// The page as it is compiled. The lines of a block keep their numbers, by which a failing test is named.
fn compiled(page: &str) -> String {
    let mut lines = page.lines();
    let mut written = String::new();
    while let Some(line) = lines.next() {
        if line != BEGINNING {
            written += line;
            written += "\n";
            continue;
        }
        let around: Vec<&str> = lines.by_ref().take_while(|line| *line != END).collect();
        let mut parts = around.split(|line| *line == BLOCK);
        let (before, after) = (parts.next().unwrap_or_default(), parts.next());
        let after = after.unwrap_or_default();
        assert!(parts.next().is_none(), "{BLOCK} twice in {around:?}");
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```rust"), "no block after {around:?}");
        let block = lines.by_ref().take_while(|line| *line != "```");
        let block: Vec<String> = block.map(callable).collect();
        written += &"\n".repeat(around.len() - before.len() + 2);
        written += &(fence.to_owned() + "\n" + &joined(before));
        written += &(joined(&block) + &joined(after) + "```\n");
    }
    written
}

fn callable(line: &str) -> String {
    line.replace("#[cfg(test)]", "").replace(
        "#[tokio::test]",
        "#[tokio::main(flavor = \"current_thread\")] pub",
    )
}

fn joined(lines: &[impl AsRef<str>]) -> String {
    lines
        .iter()
        .map(|line| line.as_ref().to_owned() + "\n")
        .collect()
}
