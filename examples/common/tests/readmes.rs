//! The examples' READMEs, and the top README's table of them: what they quote stands where they say, what they tell to
//! type is there, and the calls that they show are those that the tests send.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Their names, in order, as of their folders, packages and programs.
const FIVE: [&str; 5] = [
    "cupcakes",
    "customers",
    "drink-ratings",
    "microblog",
    "quickstart",
];

/// The examples' names and folders.
fn examples() -> [(&'static str, PathBuf); 5] {
    FIVE.map(|name| (name, root().join("examples").join(name)))
}

#[test]
fn there_are_five_and_what_they_share() {
    let folders = std::fs::read_dir(root().join("examples")).expect("the examples");
    let names = folders.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("text"))
        .collect();
    // One is what they share; the others show a task each, in the book.
    names.retain(|name| !["common", "guarded", "services"].contains(&name.as_str()));
    names.sort_unstable();
    assert_eq!(names, FIVE);
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_quoted_line_stands_in_its_file() {
    for (example, folder) in examples() {
        let readme = read(&folder.join("README.md"));
        let mut quoted = 0;
        for row in readme
            .lines()
            .filter(|line| line.starts_with('|') && line.contains(") `"))
        {
            let (before, code) = row.split_once(") `").expect("a quoted line");
            let file = before.rsplit_once('(').expect("a link").1;
            let code = code.rsplit_once('`').expect("its end").0;
            let there = without_spaces(&read(&folder.join(file))).contains(&without_spaces(code));
            assert!(there, "{example}/{file} does not say {code}");
            quoted += 1;
        }
        assert!(quoted >= 8, "{example} quotes only {quoted} lines");
    }
}

#[test]
fn each_is_one_page_with_the_same_parts() {
    for (example, folder) in examples() {
        let readme = read(&folder.join("README.md"));
        let lines = readme.lines().count();
        assert!(
            lines <= 130,
            "{example}: {lines} lines are more than a page"
        );
        for part in [
            "\nAfter the text \"",
            &format!("\ncargo run -p {example} -- --demo\n"),
            &format!("\ncargo run -p {example} -- init"),
            "\n## Routes\n",
            "\n## What the text says, and the lines that do it\n",
            "\n## Departures\n",
            "\n## The text's questions\n",
        ] {
            assert!(readme.contains(part), "{example}'s README lacks {part:?}");
        }
        let (_, answers) = readme
            .rsplit_once("\n## The text's questions\n")
            .expect("the last part");
        let asked = answers.matches("?**").count();
        assert!(asked >= 3, "{example} answers only {asked} questions");
    }
}

/// The commands of a shell's text: continued lines are joined, comments left out.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", "");
    let lines = joined.lines().map(str::trim);
    let commands = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    commands.map(str::to_owned).collect()
}

#[test]
fn the_calls_that_it_shows_are_those_of_the_demonstration() {
    for (example, folder) in examples() {
        let pasted = commands(&read(&folder.join("src/demo.txt")));
        for call in pasted.iter().filter(|it| it.starts_with("curl ")) {
            assert!(
                call.ends_with("; echo"),
                "{example}: the prompt, or the next answer, stands on the line of what {call} answers"
            );
        }
        let readme = read(&folder.join("README.md"));
        let blocks = readme
            .split("```sh\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap_or_default());
        let shown: Vec<String> = blocks
            .flat_map(commands)
            .filter(|it| it.contains("curl "))
            .collect();
        assert!(shown.len() >= 4, "{example} shows {shown:?}");
        for command in shown {
            assert!(
                pasted.contains(&command),
                "{example}'s demonstration does not send {command}"
            );
        }
    }
}

#[test]
fn the_table_of_the_top_readme_is_complete_and_true() {
    let readme = read(&root().join("README.md"));
    let (_, rest) = readme
        .split_once("\n## Five systems that it grew from\n")
        .expect("the part");
    let part = rest.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = part
        .lines()
        .filter(|line| line.starts_with("| ["))
        .collect();
    let examples = examples();
    assert_eq!(rows.len(), examples.len(), "{rows:?}");
    for (example, folder) in &examples {
        let row = rows
            .iter()
            .find(|row| row.starts_with(&format!("| [{example}](examples/{example}) |")));
        let row = row.unwrap_or_else(|| panic!("no row for {example}"));
        for command in ["cargo run -p {} -- --demo", "cargo test -p {}"] {
            let command = format!("`{}`", command.replace("{}", example));
            assert!(row.contains(&command), "{example}'s row lacks {command}");
        }
        let manifest = read(&folder.join("Cargo.toml"));
        assert!(
            manifest.contains(&format!("\nname = \"{example}\"\n")),
            "{manifest}"
        );
        assert!(
            manifest.contains("[[test]]\nname = \"contract\"\nharness = false\n"),
            "{manifest}"
        );
        assert!(folder.join("src/main.rs").exists() && folder.join("tests/contract.rs").exists());
        let (_, title) = row.split_once("[\"").expect("a text's title");
        let (title, link) = title.split_once("\"]").expect("a link");
        let place = "README.md#what-the-text-says-and-the-lines-that-do-it";
        assert!(
            link.starts_with(&format!("(examples/{example}/{place})")),
            "{link}"
        );
        let text = format!("After the text \"{title}\"");
        assert!(
            read(&folder.join("README.md")).contains(&text),
            "{example}'s README lacks {text}"
        );
    }
    let command = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.trim().starts_with("cargo test -p "));
        let packages = line.expect("one command for all").split(" -p ").skip(1);
        let mut packages: Vec<String> = packages.map(|name| name.trim().to_owned()).collect();
        packages.sort_unstable();
        packages
    };
    assert_eq!(command(part), FIVE, "the README's command");
    let justfile = read(&root().join("justfile"));
    let (_, recipe) = justfile
        .split_once("\nexamples:\n")
        .expect("the recipe `examples`");
    assert_eq!(command(recipe), FIVE, "the justfile's command");
}
