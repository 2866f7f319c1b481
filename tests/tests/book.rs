//! The book's tables are the program's own lists.

use keystile::Reason;
use keystile_tests::root;

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The rows of a page's tables whose first cell is code, cells trimmed.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_reason_stands_in_the_book_as_it_is() {
    let text = page("docs/tokens.md");
    let (_, table) = text
        .split_once("## Why a token is refused")
        .expect("the heading");
    let written = rows(table);
    let expected: Vec<Vec<String>> = Reason::ALL
        .iter()
        .map(|reason| {
            let error = reason
                .oauth_error()
                .map_or("none".to_owned(), |error| format!("`{error}`"));
            let code = format!("`{}`", reason.code());
            vec![
                code,
                reason.status().to_string(),
                error,
                reason.describe().to_owned(),
            ]
        })
        .collect();
    assert_eq!(written, expected);
}
