//! Asks on the terminal before something is done that cannot be undone.

use std::io::IsTerminal as _;

use anyhow::{Context, Result, bail};

/// Whether the operator types `yes` after the question. Without a terminal nobody can: `no_terminal` is the error then, and says what
/// to do instead.
pub(super) fn confirmed(question: &str, no_terminal: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{no_terminal}");
    }
    eprint!("{question} Type yes: ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(answer.trim() == "yes")
}
