//! Prints the configuration that counts, secrets redacted.

use serde::Serialize;

use super::layers::{Layers, Raw, Sources};
use super::{SETTINGS, setting};

/// One setting as it counts now.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its name.
    pub key: &'static str,
    /// Its value as text, redacted where it is a secret; `None` where it is unset.
    pub value: Option<String>,
    /// Where the value came from; `None` for a default.
    pub origin: Option<String>,
    /// Its environment variable.
    pub variable: String,
    /// What it does.
    pub about: &'static str,
}

impl Shown {
    /// Every setting, in the order of the list.
    pub fn all(sources: &Sources) -> Vec<Self> {
        let layers = Layers::gather(sources, &mut Vec::new());
        SETTINGS
            .iter()
            .map(|known| {
                let found = layers.get(known.key);
                let origin = found.as_ref().and_then(|found| found.origin.clone());
                let value = found.map(|found| {
                    if known.secret {
                        "[redacted]".to_owned()
                    } else {
                        text(&found.raw)
                    }
                });
                Self {
                    key: known.key,
                    value,
                    origin,
                    variable: setting::variable(known.key),
                    about: known.about,
                }
            })
            .collect()
    }
}

fn text(raw: &Raw) -> String {
    match raw {
        Raw::Text(text) => text.clone(),
        Raw::Integer(number) => number.to_string(),
        Raw::Boolean(switch) => switch.to_string(),
        Raw::List(items) => items.join(", "),
    }
}
