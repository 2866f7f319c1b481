//! Gathers raw values from flags, environment, file and defaults; the first that speaks wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::setting::{self, SETTINGS, Setting};

/// A value before its meaning is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    /// From a flag, the environment, or a string in the file.
    Text(String),
    /// An integer in the file.
    Integer(i64),
    /// `true` or `false` in the file.
    Boolean(bool),
    /// A list of strings in the file.
    List(Vec<String>),
}

/// A raw value and where it came from, in words.
#[derive(Debug, Clone)]
pub(crate) struct Sourced {
    /// The value.
    pub(crate) raw: Raw,
    /// `None` for a default.
    pub(crate) origin: Option<String>,
}

/// What a program was started with: nothing else decides its configuration.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`: must exist. Without it `KEYSTILE_CONFIG`, then `./keystile.toml` where it exists.
    pub config_file: Option<PathBuf>,
    /// Settings given by flags, as (setting, flag, value).
    pub flags: Vec<(&'static str, &'static str, String)>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The files that hold secrets, each with the variable that names it.
    pub fn secret_files(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.environment.iter();
        let named = named.filter(|(name, file)| secret_of(name).is_some() && !file.is_empty());
        named.map(|(name, file)| (name.as_str(), file.as_str()))
    }
}

/// The secret setting whose file a variable names.
fn secret_of(variable: &str) -> Option<&'static Setting> {
    let beside = variable.strip_suffix("_FILE")?;
    SETTINGS
        .iter()
        .find(|setting| setting.secret && setting::variable(setting.key) == beside)
}

/// The raw value of every setting that something sets.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    values: BTreeMap<&'static str, Sourced>,
    /// The file that was read, if one was.
    pub(crate) file: Option<PathBuf>,
}

impl Layers {
    /// Reads every source. Faults found on the way are added to `faults`.
    pub(crate) fn gather(sources: &Sources, faults: &mut Vec<Fault>) -> Self {
        let mut layers = Self::default();
        layers.read_file(sources, faults);
        layers.read_environment(&sources.environment, faults);
        for (key, flag, value) in &sources.flags {
            layers.set(key, Raw::Text(value.clone()), format!("from {flag}"));
        }
        layers
    }

    /// The value that counts; the default where nothing sets it; `None` where there is none either.
    pub(crate) fn get(&self, key: &str) -> Option<Sourced> {
        if let Some(found) = self.values.get(key) {
            return Some(found.clone());
        }
        let default = setting::find(key)?.default;
        (!default.is_empty()).then(|| Sourced {
            raw: Raw::Text(default.to_owned()),
            origin: None,
        })
    }

    /// An empty text says nothing: what an earlier layer said stands.
    fn set(&mut self, key: &'static str, raw: Raw, origin: String) {
        if matches!(&raw, Raw::Text(text) if text.is_empty()) {
            return;
        }
        self.values.insert(
            key,
            Sourced {
                raw,
                origin: Some(origin),
            },
        );
    }

    fn read_file(&mut self, sources: &Sources, faults: &mut Vec<Fault>) {
        let variable = sources.environment.get("KEYSTILE_CONFIG");
        let variable = variable.filter(|path| !path.is_empty()).map(PathBuf::from);
        let named = sources.config_file.clone().or(variable);
        let path = named
            .clone()
            .unwrap_or_else(|| PathBuf::from("keystile.toml"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                faults.push(Fault::new(
                    path.display().to_string(),
                    format!("cannot be read: {error}"),
                    "Give the path of a readable file with --config",
                ));
                return;
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => self.read_table(&path, "", &table, faults),
            Err(error) => faults.push(not_toml(&path, &text, &error)),
        }
        self.file = Some(path);
    }

    fn read_table(
        &mut self,
        path: &Path,
        prefix: &str,
        table: &toml::Table,
        faults: &mut Vec<Fault>,
    ) {
        let origin = format!("in {}", path.display());
        for (name, value) in table {
            let key = format!("{prefix}{name}");
            if let Some(setting) = setting::find(&key) {
                match raw_of(value) {
                    Some(raw) => self.set(setting.key, raw, origin.clone()),
                    None => faults.push(
                        Fault::new(
                            &key,
                            "has a value of the wrong kind",
                            "Write a string, a number, true, false or a list of strings",
                        )
                        .from_origin(&origin),
                    ),
                }
            } else if let (Some(inner), true) = (value.as_table(), is_section(&key)) {
                self.read_table(path, &format!("{key}."), inner, faults);
            } else {
                faults.push(unknown(
                    &key,
                    &origin,
                    setting::nearest(&key).map(str::to_owned),
                ));
            }
        }
    }

    fn read_environment(
        &mut self,
        environment: &BTreeMap<String, String>,
        faults: &mut Vec<Fault>,
    ) {
        if let Some(url) = environment.get("DATABASE_URL") {
            self.set(
                "database",
                Raw::Text(url.clone()),
                "from DATABASE_URL".into(),
            );
        }
        let ours = environment
            .iter()
            .filter(|(name, _)| name.starts_with("KEYSTILE_"));
        for (name, value) in ours.filter(|(name, _)| *name != "KEYSTILE_CONFIG") {
            let origin = format!("from {name}");
            if let Some(known) = SETTINGS.iter().find(|s| setting::variable(s.key) == *name) {
                self.set(known.key, Raw::Text(value.clone()), origin);
            } else if let Some(secret) = secret_of(name) {
                let beside = setting::variable(secret.key);
                if environment
                    .get(&beside)
                    .is_some_and(|value| !value.is_empty())
                {
                    let problem = format!("is given by {beside} too");
                    faults.push(Fault::new(secret.key, problem, "Keep one").from_origin(origin));
                } else {
                    self.read_secret(secret.key, value, origin, faults);
                }
            } else {
                let key = name["KEYSTILE_".len()..].to_lowercase().replace("__", ".");
                faults.push(unknown(
                    name,
                    "in the environment",
                    setting::nearest(&key).map(setting::variable),
                ));
            }
        }
    }

    fn read_secret(
        &mut self,
        key: &'static str,
        file: &str,
        origin: String,
        faults: &mut Vec<Fault>,
    ) {
        let problem = match std::fs::read_to_string(file) {
            Ok(text) if text.trim_end().is_empty() => format!("{file} is empty"),
            Ok(text) => return self.set(key, Raw::Text(text.trim_end().to_owned()), origin),
            Err(error) => format!("{file} cannot be read: {error}"),
        };
        let cure = "Name a readable file that holds the value";
        faults.push(Fault::new(key, problem, cure).from_origin(origin));
    }
}

fn is_section(key: &str) -> bool {
    let prefix = format!("{key}.");
    SETTINGS
        .iter()
        .any(|setting| setting.key.starts_with(&prefix))
}

fn raw_of(value: &toml::Value) -> Option<Raw> {
    match value {
        toml::Value::String(text) => Some(Raw::Text(text.clone())),
        toml::Value::Integer(number) => Some(Raw::Integer(*number)),
        toml::Value::Boolean(switch) => Some(Raw::Boolean(*switch)),
        toml::Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Raw::List),
        _ => None,
    }
}

fn unknown(name: &str, origin: &str, nearest: Option<String>) -> Fault {
    let cure = match nearest {
        Some(near) => format!("Did you mean {near}?"),
        None => "Remove it; `keystile config print` lists the settings that there are".to_owned(),
    };
    Fault::new(name, "is not a setting", cure).from_origin(origin)
}

/// Names the line, but does not quote it: it may hold a secret.
fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> Fault {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    Fault::new(
        format!("{}, line {line}", path.display()),
        format!("is not TOML: {}", error.message()),
        "Mend the line; see https://toml.io",
    )
}
