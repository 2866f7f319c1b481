//! The examples' READMEs quote lines of code: each must stand in the file that it names.

use std::path::Path;

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_quoted_line_stands_in_its_file() {
    let mut quoted = 0;
    for example in ["quickstart", "cupcakes", "customers"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(example);
        let readme = std::fs::read_to_string(folder.join("README.md")).expect("README.md");
        for row in readme
            .lines()
            .filter(|line| line.starts_with('|') && line.contains(".rs) `"))
        {
            let (before, code) = row.split_once(".rs) `").expect("a quoted line");
            let file = format!("{}.rs", before.rsplit_once('(').expect("a link").1);
            let code = code.rsplit_once('`').expect("its end").0;
            let text = std::fs::read_to_string(folder.join(&file)).expect("the linked file");
            let there = without_spaces(&text).contains(&without_spaces(code));
            assert!(there, "{example}/{file} does not say {code}");
            quoted += 1;
        }
    }
    assert!(quoted >= 20, "only {quoted} lines were quoted");
}
