//! A small reader of Rust source: enough to say which paths a file names.

/// The code of a Rust file with comments and the contents of string and character literals blanked out, so that
/// a word in prose is not taken for a path. Lines are kept: line numbers stay true.
pub fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest, &out) {
            length
        } else if next == '"' {
            quoted(rest, '"')
        } else if next == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        let (blank, after) = rest.split_at(taken);
        out.push(' ');
        out.extend(blank.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    out
}

/// The length of a block comment, nested ones included.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a raw string at the start of `text`, if there is one (`r"…"`, `br#"…"#`).
fn raw_string(text: &str, before: &str) -> Option<usize> {
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len() + hashes + 1;
    Some(
        text[start..]
            .find(&end)
            .map_or(text.len(), |at| start + at + end.len()),
    )
}

/// The length of a literal that starts with `quote`, escapes understood.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Whether a single quote starts a character literal rather than a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// The lines (counted from 1) on which `code` names `path`, such as `axum` or `crate::http`, as the beginning of
/// a path: `axum::Router` and `use crate::{http, key};` do, `self::axum::x`, `my_axum::x` and a variable `axum.x`
/// do not. An imported group counts at the line where its `use` stands.
pub fn lines_naming(code: &str, path: &str) -> Vec<usize> {
    let (elsewhere, imports) = part_imports(code);
    let inline = elsewhere.lines().enumerate();
    let inline = inline
        .filter(|(_, line)| names(line, path))
        .map(|(at, _)| at + 1);
    let deeper = format!("{path}::");
    let imported = imports.into_iter();
    let imported = imported
        .filter(|(_, used)| used == path || used.starts_with(&deeper))
        .map(|(at, _)| at);
    let mut lines: Vec<usize> = inline.chain(imported).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + path.len()..]);
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let absolute = before.ends_with("::") && !before[..before.len() - 2].ends_with(inside);
        (absolute || !before.ends_with(|c| inside(c) || c == ':')) && after.starts_with("::")
    })
}

/// Parts code into what is no import (lines kept) and every path that a `use` or `extern crate` brings in, groups
/// spelt out, each with the line on which its statement begins.
fn part_imports(code: &str) -> (String, Vec<(usize, String)>) {
    let (mut elsewhere, mut found) = (String::with_capacity(code.len()), Vec::new());
    let mut rest = code;
    while let Some((at, keyword)) = next_import(rest) {
        elsewhere.push_str(&rest[..at]);
        let line = elsewhere.matches('\n').count() + 1;
        let statement = &rest[at + keyword.len()..];
        let length = statement.find(';').unwrap_or(statement.len());
        let (tree, after) = statement.split_at(length);
        spell_out("", tree, &mut |path| found.push((line, path)));
        elsewhere.extend(tree.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    elsewhere.push_str(rest);
    (elsewhere, found)
}

fn next_import(code: &str) -> Option<(usize, &'static str)> {
    let first = |keyword: &'static str| {
        let whole = |at: &usize| {
            !code[..*at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '<' | '\''))
        };
        let at = code.match_indices(keyword).map(|(at, _)| at).find(whole)?;
        Some((at, keyword))
    };
    [first("use "), first("extern crate ")]
        .into_iter()
        .flatten()
        .min()
}

/// Walks an import's tree (`a::{b, c::{d, e as f}}`) and gives each path to `found`.
fn spell_out(prefix: &str, tree: &str, found: &mut impl FnMut(String)) {
    let tree = tree.trim().trim_start_matches("::");
    let Some((head, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        let path = format!("{prefix}{path}").replace(char::is_whitespace, "");
        return found(path.trim_end_matches("::self").to_owned());
    };
    let group = group.rsplit_once('}').map_or(group, |(inside, _)| inside);
    let prefix = format!("{prefix}{}", head.trim());
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                spell_out(&prefix, &group[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        spell_out(&prefix, &group[start..], found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_and_literals_are_no_code() {
        let source = "use axum::Router; // rusqlite::x\nlet a = \"http::x \\\" y\"; /* a /* b::c */ d */ f('\"', 'a');\n\
                      let r = r#\"sqlx::\"q\" \"#; fn g<'a>(x: &'a str) {}\n";
        let code = code_only(source);
        assert!(
            code.contains("axum::Router") && code.contains("fn g<'a>(x: &'a str) {}"),
            "{code}"
        );
        for gone in ["rusqlite", "http", "b::c", "sqlx"] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn a_path_is_found_where_it_begins() {
        for line in [
            "use axum::Router;",
            "let x: axum::Json<()>;",
            "pub use axum;",
            "fn f() -> ::axum::Y",
            "&axum::a",
        ] {
            assert_eq!(lines_naming(line, "axum"), [1], "{line}");
        }
        for line in [
            "use self::axum::Guard;",
            "crate::axum::x()",
            "my_axum::x",
            "mod axum;",
            "axum.x",
            "use axum_core::X;",
        ] {
            assert_eq!(lines_naming(line, "axum"), Vec::<usize>::new(), "{line}");
        }
        assert_eq!(
            lines_naming("\nuse crate::http::problem;", "crate::http"),
            [2]
        );
    }

    #[test]
    fn a_group_of_imports_is_spelt_out() {
        let code = "fn a() {}\n\npub(crate) use crate::{\n    key::{self, Key},\n    http::{problem, x as y},\n};\n";
        assert_eq!(lines_naming(code, "crate::http"), [3]);
        assert_eq!(lines_naming(code, "crate::http::x"), [3]);
        assert_eq!(lines_naming(code, "crate::key"), [3]);
        assert_eq!(lines_naming(code, "http"), Vec::<usize>::new());
        assert_eq!(lines_naming("use {axum::Router, serde};", "axum"), [1]);
        assert_eq!(lines_naming("use {axum::Router, serde};", "serde"), [1]);
    }
}
