//! `keystile completions`: completions for a shell.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  keystile completions bash > ~/.local/share/bash-completion/completions/keystile")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run<C: CommandFactory>(self) -> Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "keystile", &mut text);
        output::line(String::from_utf8(text)?.trim_end())
    }
}
