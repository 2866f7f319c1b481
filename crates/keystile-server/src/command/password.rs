//! Passwords by prompt or standard input; never as an argument, where other users would see them.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, Result, bail};
use clap::Args;

/// Longest line that is read as a password, in bytes.
const CAP: u64 = 4096;

/// Where a new password comes from.
#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// Read the password from the first line of standard input, in place of a prompt
    #[arg(long)]
    password_stdin: bool,
}

impl NewPassword {
    /// Reads it.
    pub(crate) fn read(&self) -> Result<String> {
        if self.password_stdin {
            return first_line(std::io::stdin().lock());
        }
        if !std::io::stdin().is_terminal() {
            bail!(
                "there is no terminal to ask for the password; give it on standard input with --password-stdin"
            );
        }
        let password =
            rpassword::prompt_password("New password: ").context("cannot read the password")?;
        let again =
            rpassword::prompt_password("The same again: ").context("cannot read the password")?;
        if password != again {
            bail!("the two passwords differ; nothing was changed");
        }
        Ok(password)
    }
}

fn first_line(input: impl BufRead) -> Result<String> {
    let mut line = String::new();
    input
        .take(CAP)
        .read_line(&mut line)
        .context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        bail!("standard input holds no password in its first line");
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        assert_eq!(first_line(&b"a b \nc"[..]).unwrap(), "a b ");
        assert_eq!(first_line(&b"a\r\n"[..]).unwrap(), "a");
        assert!(first_line(&b"\n"[..]).is_err());
        assert!(first_line(&b""[..]).is_err());
    }
}
