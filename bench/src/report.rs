//! What a run found: figures beside what they are compared with, and the limits they must keep.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;

/// One run of the benchmark.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) sections: Vec<Section>,
}

/// A table under one heading.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) figures: Vec<Figure>,
    /// How it was measured, and what that leaves out.
    pub(crate) notes: Vec<String>,
}

/// One row.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What it is compared with, measured in the same run, in the same unit.
    pub(crate) beside: Option<Beside>,
    /// Set where the bar sets one.
    pub(crate) limit: Option<Limit>,
    pub(crate) met: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    /// See `Figure::over` and `Figure::with_ratio`.
    pub(crate) ratio: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// The ratio (or the value, where nothing stands beside it) must not be larger.
    AtMost(f64),
    /// … must not be smaller.
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            beside: None,
            limit: None,
            met: None,
        }
    }

    /// Compares by `ours ÷ theirs`: smaller is better for costs, larger for rates.
    pub(crate) fn over(mut self, name: &'static str, theirs: f64) -> Self {
        self.beside = Some(Beside {
            name,
            value: theirs,
            ratio: self.value / theirs,
        });
        self
    }

    /// Compares by a ratio taken round by round: for times how many times as fast we are, for rates ours ÷ theirs.
    pub(crate) fn with_ratio(mut self, name: &'static str, theirs: f64, ratio: f64) -> Self {
        self.beside = Some(Beside {
            name,
            value: theirs,
            ratio,
        });
        self
    }

    pub(crate) fn limit(mut self, limit: Limit) -> Self {
        let judged = self
            .beside
            .as_ref()
            .map_or(self.value, |beside| beside.ratio);
        // To two decimals, as it is printed.
        let judged = (judged * 100.0).round() / 100.0;
        self.met = Some(match limit {
            Limit::AtMost(most) => judged <= most,
            Limit::AtLeast(least) => judged >= least,
        });
        self.limit = Some(limit);
        self
    }

    fn cells(&self) -> [String; 5] {
        let beside = self.beside.as_ref();
        [
            self.name.clone(),
            format!("{} {}", number(self.value), self.unit),
            beside.map_or_else(String::new, |beside| {
                format!("{} {}", beside.name, number(beside.value))
            }),
            beside.map_or_else(String::new, |beside| format!("{:.2}", beside.ratio)),
            match (self.limit, self.met) {
                (Some(limit), met) => format!("{} {}", limit.text(), verdict(met)),
                (None, _) => String::new(),
            },
        ]
    }
}

impl Limit {
    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
        }
    }
}

impl Report {
    /// Whether no figure is beyond its limit.
    pub(crate) fn all_met(&self) -> bool {
        self.sections
            .iter()
            .flat_map(|section| &section.figures)
            .all(|figure| figure.met != Some(false))
    }
}

impl Section {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// The table as text, columns aligned.
    pub(crate) fn text(&self) -> String {
        let head = ["", "measured", "beside it", "ratio", "limit"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(head)
            .chain(self.figures.iter().map(Figure::cells))
            .collect();
        let widths: Vec<usize> = (0..5)
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = format!("\n{}\n", self.title);
        for row in &rows {
            let mut line = String::from("  ");
            for (column, cell) in row.iter().enumerate() {
                let gap = widths[column] - cell.chars().count();
                let (before, after) = if matches!(column, 1 | 3) {
                    (gap, 2)
                } else {
                    (0, gap + 2)
                };
                let _ = write!(line, "{:before$}{cell}{:after$}", "", "");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "  * {note}");
        }
        text
    }
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "NOT MET",
        None => "",
    }
}

/// Three or four significant digits, thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.3}");
    }
    if value.abs() < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Figure, Limit, Report, Section, number};
    use crate::machine::Machine;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            ["0.123", "12.3", "26,100", "1,234,568"],
            [0.1234, 12.34, 26_100.2, 1_234_567.9]
                .map(number)
                .each_ref()
                .map(String::as_str)
        );
    }

    #[test]
    fn a_limit_judges_the_ratio_where_there_is_one() {
        let costly = Figure::new("a", 30.0, "instructions").over("bare", 20.0);
        assert_eq!(Some(false), costly.limit(Limit::AtMost(1.25)).met);
        let fast = Figure::new("b", 1.0, "µs").with_ratio("other", 3.0, 3.0);
        assert_eq!(Some(true), fast.limit(Limit::AtLeast(2.5)).met);
        let alone = Figure::new("c", 0.5, "fsyncs");
        assert_eq!(Some(true), alone.limit(Limit::AtMost(1.0)).met);
    }

    #[test]
    fn one_missed_limit_fails_the_run() {
        let mut section = Section::new("s");
        section
            .figures
            .push(Figure::new("met", 1.0, "x").limit(Limit::AtMost(1.0)));
        let mut report = Report {
            machine: Machine::read(),
            sections: vec![section],
        };
        assert!(report.all_met());
        report.sections[0]
            .figures
            .push(Figure::new("missed", 2.0, "x").limit(Limit::AtMost(1.0)));
        assert!(!report.all_met());
    }
}
