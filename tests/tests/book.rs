//! The book's tables are the program's own lists, and its links lead somewhere.

use keystile::Reason;
use keystile_tests::{fault_of_test, files_below, links_of_documents, relative, root};

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

/// The readers of a page see every line of its Rust blocks, so none stands there for the tests alone: those are in comments (`build.rs`).
#[test]
fn no_rust_block_has_lines_that_rustdoc_would_hide() {
    let files = files_below(root()).into_iter();
    let pages = files.filter(|file| file.extension().is_some_and(|ending| ending == "md"));
    let mut blocks = 0;
    for file in pages {
        let text = std::fs::read_to_string(&file).expect("Markdown");
        for block in text.split("\n```rust").skip(1) {
            let block = block.split("\n```").next().unwrap_or_default();
            blocks += 1;
            let hidden = block.lines().map(str::trim);
            let hidden = hidden.filter(|line| *line == "#" || line.starts_with("# "));
            assert_eq!(hidden.count(), 0, "{}: {block}", relative(&file));
        }
    }
    assert!(blocks > 30, "only {blocks} blocks");
}

#[test]
fn every_task_has_a_page_a_program_and_a_test() {
    let text = page("docs/README.md");
    let (_, table) = text.split_once("| To | Told in |").expect("the table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() > 15, "{} tasks", rows.len());
    for row in rows {
        let [task, told, program, test] = row[..] else {
            panic!("{row:?}");
        };
        assert!(
            told.contains("](") && program.contains("](../examples/"),
            "{task}"
        );
        assert_eq!(fault_of_test(test.trim_matches('`')), None, "{task}");
    }
}

/// As the common viewers make an anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Those of its headings, and those that it sets itself.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if let (false, Some(heading)) = (fenced, line.strip_prefix('#')) {
            found.push(anchor(heading.trim_start_matches('#').trim()));
        }
        let set = line.split("id=\"").skip(1);
        found.extend(set.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    found
}

#[test]
fn every_link_to_a_heading_finds_it() {
    let mut links = 0;
    for (file, target) in links_of_documents() {
        let Some((path, heading)) = target.split_once('#') else {
            continue;
        };
        if path.contains("://") {
            continue;
        }
        let of = match path {
            "" => file.clone(),
            path => file.with_file_name("").join(path),
        };
        let of = std::fs::read_to_string(of).expect(&target);
        links += 1;
        assert!(
            anchors(&of).iter().any(|known| known == heading),
            "{} links to {target}, and there is no such heading",
            relative(&file)
        );
    }
    assert!(links > 30, "only {links} links to headings");
}
