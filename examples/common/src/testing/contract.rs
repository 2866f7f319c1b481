//! The contract's table as a test that prints itself: a line for each cell, with what the example answered.
//!
//! A contract test is a program of its own (`harness = false`), so that its table is always printed.

use std::process::ExitCode;

use super::Answer;
use super::asked::Asked;
use super::pattern::matches;
use super::table::{plain, rows};

/// How many characters of a body the table shows.
const WIDEST: usize = 72;

/// The cells of one example's contract, as they are tried. What cannot be judged panics and fails the test as well.
#[derive(Debug)]
pub struct Contract {
    example: &'static str,
    asked: Asked,
    cells: Vec<Cell>,
    /// What the README's table promises and no cell shows.
    unshown: Vec<String>,
    printed: bool,
}

#[derive(Debug)]
struct Cell {
    route: String,
    case: String,
    status: u16,
    /// The body that is expected, cut to what a line holds.
    body: String,
    /// What was expected and what came, where they differ.
    fault: Option<String>,
}

impl Contract {
    /// Starts the table of this example. It takes the arguments that `cargo test` hands on: asked for a list
    /// (`--list`) or for ignored tests, it answers and ends the process; a filter and `--skip` choose cells by what is
    /// in `contract ROUTE: CASE`. The requests of other cells are still sent, as later ones may build on them.
    pub fn of(example: &'static str) -> Self {
        let asked = Asked::of(std::env::args().skip(1));
        if asked.list {
            println!("contract: test");
        }
        if asked.list || asked.ignored {
            std::process::exit(0);
        }
        Self {
            example,
            asked,
            cells: Vec::new(),
            unshown: Vec::new(),
            printed: false,
        }
    }

    /// One cell: the answer must have this status, this whole body and this `WWW-Authenticate`. In the body, `«jwt»`,
    /// `«refresh»`, `«time»` and `«id»` stand for any JWT, refresh token, time, and number or UUID.
    pub fn cell(
        &mut self,
        route: &str,
        case: &str,
        answer: &Answer,
        expected: (u16, &str, Option<&str>),
    ) {
        if !self.asked.wants(&format!("contract {route}: {case}")) {
            return;
        }
        let got = answer.cell();
        let same = got.0 == expected.0 && matches(expected.1, got.1) && got.2 == expected.2;
        self.cells.push(Cell {
            route: route.to_owned(),
            case: case.to_owned(),
            status: got.0,
            body: expected.1.chars().take(WIDEST).collect(),
            fault: (!same)
                .then(|| format!("  expected {}\n  got      {}", told(expected), told(got))),
        });
    }

    /// Each status that the README's table of routes promises must have a cell at its route.
    pub fn covers(&mut self, readme: &str) {
        if !self.asked.everything() {
            return;
        }
        for row in rows(readme) {
            let of_row = |cell: &&Cell| row.routes.iter().any(|it| it == plain(&cell.route));
            for status in row.statuses {
                let mut cells = self.cells.iter().filter(of_row);
                if !cells.any(|cell| cell.status == status) {
                    let route = row.routes.join(", ");
                    self.unshown.push(format!(
                        "{route}: the README promises {status}, and no cell shows it"
                    ));
                }
            }
        }
    }

    /// Prints the table. It fails where a cell did, and where there was none though none was filtered out.
    #[must_use]
    pub fn finish(mut self) -> ExitCode {
        self.print();
        let failed = self.cells.iter().any(|cell| cell.fault.is_some());
        let empty = self.cells.is_empty() && self.asked.everything();
        if empty {
            println!("FAILED: no cell was tried");
        }
        if failed || empty || !self.unshown.is_empty() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }

    fn print(&mut self) {
        self.printed = true;
        if self.cells.is_empty() && !self.asked.everything() {
            return;
        }
        let longest = |of: fn(&Cell) -> &str| {
            let lengths = self.cells.iter().map(|cell| of(cell).chars().count());
            lengths.max().unwrap_or_default()
        };
        let (route, case) = (longest(|cell| &cell.route), longest(|cell| &cell.case));
        println!("\n{}: the contract, cell by cell", self.example);
        for cell in &self.cells {
            let verdict = if cell.fault.is_some() { "FAILED" } else { "ok" };
            if cell.fault.is_some() || !self.asked.quiet {
                let line = format!(
                    "{:route$}  {:case$}  {}  {verdict:6}  {}",
                    cell.route, cell.case, cell.status, cell.body
                );
                println!("{}", line.trim_end());
            }
            if let Some(fault) = &cell.fault {
                println!("{fault}");
            }
        }
        for unshown in &self.unshown {
            println!("FAILED: {unshown}");
        }
        let failed = self
            .cells
            .iter()
            .filter(|cell| cell.fault.is_some())
            .count();
        println!(
            "{}: {} cells, {failed} failed\n",
            self.example,
            self.cells.len()
        );
    }
}

impl Drop for Contract {
    /// After a panic: the cells until then.
    fn drop(&mut self) {
        if !self.printed {
            self.print();
        }
    }
}

fn told((status, body, challenge): (u16, &str, Option<&str>)) -> String {
    let challenge = challenge.map_or(String::new(), |it| {
        format!("\n           WWW-Authenticate: {it}")
    });
    format!("{status} {body}{challenge}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_fails_by_its_status_its_body_and_its_challenge() {
        let answer = Answer {
            status: 401,
            headers: vec![("www-authenticate".to_owned(), "Basic".to_owned())],
            body: "{}".to_owned(),
        };
        for (expected, fails) in [
            ((401, "{}", Some("Basic")), false),
            ((400, "{}", Some("Basic")), true),
            ((401, "{ }", Some("Basic")), true),
            ((401, "{}", None), true),
            ((401, "{}", Some("Bearer")), true),
        ] {
            let mut contract = Contract {
                example: "a test",
                asked: Asked::default(),
                cells: Vec::new(),
                unshown: Vec::new(),
                printed: true,
            };
            contract.cell("GET /", "a case", &answer, expected);
            assert_eq!(contract.cells[0].fault.is_some(), fails, "{expected:?}");
        }
    }
}
