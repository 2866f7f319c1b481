//! What `keystile` shows to whoever uses it, read from rustdoc's JSON (`tests/interface` makes it): which other crates' types are in it,
//! and whether anything is gone that was there.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use keystile_tests::root;
use serde_json::{Map, Value};

/// Crates whose types may be in the interface: a major version of one of them is one of ours. A crate of these that is behind a feature
/// is in the interface of that feature only.
const MAY_SHOW: [&str; 10] = [
    "core",
    "alloc",
    "std",
    "serde_core",
    "serde_json",
    "zeroize", // always
    "http",
    "bytes",
    "tower_layer",
    "tower_service", // with `tower`
];
const MAY_SHOW_TOO: [&str; 3] = ["http_body", "axum_core", "utoipa"];

/// What is promised, a line each.
const KNOWN: &str = "tests/interface.txt";

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let json = arguments
        .next()
        .context("the path of rustdoc's JSON is wanted")?;
    let interface = Interface::read(Path::new(&json))?;
    let strangers = interface.strangers();
    let shown = interface.lines();
    ensure!(
        shown.len() > 300,
        "only {} items were read: rustdoc's JSON has another form",
        shown.len()
    );
    if arguments.next().as_deref() == Some("--write") {
        let lines: Vec<&str> = shown.iter().map(String::as_str).collect();
        std::fs::write(root().join(KNOWN), lines.join("\n") + "\n")?;
    }
    let known = std::fs::read_to_string(root().join(KNOWN)).context(KNOWN)?;
    let known: BTreeSet<&str> = known.lines().collect();
    let gone: Vec<&str> = known
        .iter()
        .copied()
        .filter(|line| !shown.contains(*line))
        .collect();
    let new = shown
        .iter()
        .filter(|line| !known.contains(line.as_str()))
        .count();
    println!(
        "keystile shows {} items, {new} of them not promised yet in {KNOWN}",
        shown.len()
    );
    for (crate_name, item) in &strangers {
        println!("a type of the crate {crate_name} is in the interface: {item}");
    }
    for line in &gone {
        println!("gone, or changed: {line}");
    }
    if !gone.is_empty() {
        println!(
            "Whoever uses these must change their code: say so in CHANGELOG.md, and run `tests/interface --write`."
        );
    }
    Ok(if gone.is_empty() && strangers.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// rustdoc's JSON of the crate, without what other crates implement for every type.
struct Interface {
    json: Value,
    left_out: BTreeSet<String>,
}

impl Interface {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let json: Value = serde_json::from_str(&text)?;
        let mut interface = Self {
            json,
            left_out: BTreeSet::new(),
        };
        let mut left_out = BTreeSet::new();
        for (id, item) in interface.items() {
            let about = &item["inner"]["impl"];
            let blanket = about["blanket_impl"].is_object() || about["is_synthetic"] == true;
            // A macro writes it, with a bound that nobody else can name.
            let pinned = about["trait"]["path"]
                .as_str()
                .is_some_and(|name| name.ends_with("Unpin"));
            if blanket || pinned {
                left_out.insert(id.clone());
                left_out.extend(ids(&about["items"]));
            }
        }
        interface.left_out = left_out;
        Ok(interface)
    }

    fn items(&self) -> impl Iterator<Item = (&String, &Value)> {
        let index: Option<&Map<String, Value>> = self.json["index"].as_object();
        let own = index
            .into_iter()
            .flatten()
            .filter(|(_, item)| item["crate_id"] == 0);
        own.filter(|(id, _)| !self.left_out.contains(*id))
    }

    /// Crates that must not be in the interface, each with an item in which a type or a trait of it stands.
    fn strangers(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (_, item) in self.items() {
            let inner = &item["inner"];
            if inner["use"].is_object() || inner["module"].is_object() {
                continue;
            }
            let mut named = Vec::new();
            types(inner, &mut named);
            for id in named {
                let Some(number) = self.json["paths"][id]["crate_id"]
                    .as_u64()
                    .filter(|n| *n != 0)
                else {
                    continue;
                };
                let name = self.json["external_crates"][number.to_string()]["name"].as_str();
                let name = name.unwrap_or("a crate without a name");
                if !MAY_SHOW.contains(&name) && !MAY_SHOW_TOO.contains(&name) {
                    found.insert((name.to_owned(), source(item).unwrap_or_default()));
                }
            }
        }
        found
    }

    /// A line for each thing that is shown: its kind, whose it is, how it is written.
    fn lines(&self) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for (_, item) in self.items() {
            let Some(name) = item["name"].as_str() else {
                continue;
            };
            let kinds = ["struct", "enum", "trait", "macro", "constant"];
            for kind in kinds.iter().filter(|kind| !item["inner"][**kind].is_null()) {
                lines.insert(format!("{kind} {name}"));
                self.parts(name, &item["inner"][*kind], &mut lines);
            }
        }
        for (_, item) in self
            .items()
            .filter(|(_, item)| item["inner"]["module"].is_object())
        {
            let (name, items) = (
                item["name"].as_str().unwrap_or_default(),
                &item["inner"]["module"]["items"],
            );
            for function in self
                .of(items)
                .filter(|item| item["inner"]["function"].is_object())
            {
                lines.insert(format!("{name}::{}", written(function)));
            }
        }
        lines
    }

    /// Fields, variants, functions and implemented traits of a type; the members of a trait.
    fn parts(&self, name: &str, about: &Value, lines: &mut BTreeSet<String>) {
        for part in ["variants", "items"]
            .map(|part| self.of(&about[part]))
            .into_iter()
            .flatten()
        {
            lines.insert(format!("{name}::{}", written(part)));
        }
        for field in self.of(&about["kind"]["plain"]["fields"]) {
            lines.insert(format!("{name}::{}", written(field)));
        }
        if about["bounds"].is_array() {
            return; // Who implements a trait is told at the type.
        }
        for implemented in self.of(&about["impls"]) {
            let inner = &implemented["inner"]["impl"];
            match inner["trait"]["path"].as_str() {
                Some(of) => drop(lines.insert(match source(implemented) {
                    Some(text) if text.starts_with("impl") => text,
                    _ => format!("{name}: {of}"),
                })),
                None => lines.extend(
                    self.of(&inner["items"])
                        .map(|item| format!("{name}::{}", written(item))),
                ),
            }
        }
    }

    /// The items of a list of ids, without those that are left out.
    fn of<'i>(&'i self, list: &Value) -> impl Iterator<Item = &'i Value> + use<'i> {
        let ids = ids(list)
            .into_iter()
            .filter(|id| !self.left_out.contains(id));
        ids.map(|id| &self.json["index"][id])
            .filter(|item| item.is_object())
    }
}

fn ids(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter(|id| !id.is_null())
        .map(ToString::to_string)
        .collect()
}

/// The ids of the types and traits that stand in `value`.
fn types(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("args") && members.contains_key("path") {
                found.extend(members.get("id").map(ToString::to_string));
            }
            members.values().for_each(|value| types(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| types(value, found)),
        _ => {}
    }
}

/// An item as its source has it, or by its name alone where a macro wrote it.
fn written(item: &Value) -> String {
    let name = item["name"].as_str().unwrap_or_default();
    let is_variant = item["inner"]["variant"].is_object();
    let text = source(item).filter(|text| !is_variant && text.contains(name));
    text.unwrap_or_else(|| name.to_owned())
}

/// The source of an item up to its body, on one line.
fn source(item: &Value) -> Option<String> {
    let span = &item["span"];
    let text = std::fs::read_to_string(root().join(span["filename"].as_str()?)).ok()?;
    let place = |at: &Value| {
        Some((
            usize::try_from(at[0].as_u64()?).ok()?,
            usize::try_from(at[1].as_u64()?).ok()?,
        ))
    };
    let ((first, column), (last, _)) = (place(&span["begin"])?, place(&span["end"])?);
    let lines: Vec<&str> = text
        .lines()
        .skip(first - 1)
        .take(last + 1 - first)
        .collect();
    let text = lines.join(" ");
    let text = text.get(column - 1..)?.split('{').next()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    Some(words.join(" ").trim_end_matches([',', ';']).to_owned())
}
