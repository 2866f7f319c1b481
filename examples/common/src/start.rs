//! What the examples' mains share: start, `init`, `--demo`, usage.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use axum::Router;
use keystile::Random;

use crate::settings::{fresh_secret, write_env};
use crate::{Server, Settings};

/// The words after the program's name. They live as long as the process, so a main can `match words()[..]`.
pub fn words() -> Vec<&'static str> {
    let words = std::env::args_os().skip(1);
    words
        .map(|word| &*word.to_string_lossy().into_owned().leak())
        .collect()
}

/// One example, as its main sees it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The program's name. Its data lie in `./NAME.db`, unless `NAME_DB` says otherwise.
    pub name: &'static str,
    /// The names of its secrets.
    pub secrets: &'static [&'static str],
    /// The text's curl calls, in its order, at `localhost:5000`. What they run by `cargo run -q -p NAME --` is this program.
    pub calls: &'static str,
}

impl Example {
    /// Writes a `.env` with a fresh value for each secret; never over one that is there.
    pub fn init(&self) -> Result<()> {
        write_env(Path::new(".env"), self.secrets, &Random::system())
    }

    /// Serves what `open` makes of the settings.
    pub async fn start(&self, open: impl AsyncFnOnce(&Settings) -> Result<Router>) -> Result<()> {
        let settings = Settings::read()?;
        let router = open(&settings).await?;
        Server::listen(&settings).await?.serve(router).await
    }

    /// The same, needing nothing and leaving nothing: fresh secrets and a temporary database, beside `more` settings.
    /// Prints the settings and the text's calls, ready to paste. Only `HOST` and `PORT` are read.
    pub async fn demo(
        &self,
        more: &[(&str, &str)],
        open: impl AsyncFnOnce(&Settings) -> Result<Router>,
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let random = Random::system();
        let mut settings = Settings::read()?.only(&["HOST", "PORT"]);
        let fresh = self
            .secrets
            .iter()
            .map(|&name| (name, fresh_secret(&random)));
        let more = more.iter().map(|&(name, value)| (name, value.to_owned()));
        let mut printed = String::new();
        for (name, value) in fresh.chain(more) {
            printed += &line(name, &value);
            settings.set(name, value);
        }
        let database = folder.path().join(self.name).with_extension("db");
        settings.set(&self.database_variable(), database.to_string_lossy());

        let router = open(&settings).await?;
        // Not every example keeps data.
        if database.exists() {
            printed += &line(&self.database_variable(), &database.to_string_lossy());
        }
        let server = Server::listen(&settings).await?;
        let program = format!("'{}'", std::env::current_exe()?.display());
        let calls = self
            .calls
            .replace("localhost:5000", &server.address.to_string())
            .replace(&format!("cargo run -q -p {} --", self.name), &program);
        println!("{printed}\n{calls}");
        server.serve(router).await
    }

    /// Where the data lie.
    pub fn database(&self, settings: &Settings) -> PathBuf {
        let chosen = settings.get(&self.database_variable());
        chosen.map_or_else(
            || PathBuf::from(format!("./{}.db", self.name)),
            PathBuf::from,
        )
    }

    /// The error that tells the usage: what may stand behind the name.
    pub fn usage(&self, words: &str) -> Result<()> {
        bail!("usage: {} {words}", self.name)
    }

    fn database_variable(&self) -> String {
        format!("{}_DB", self.name.to_uppercase().replace('-', "_"))
    }
}

/// A line for `.env` and for a shell alike. Single quotes keep dollar signs as they are.
fn line(name: &str, value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        format!("{name}={value}\n")
    } else {
        format!("{name}='{value}'\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_lie_beside_the_program_or_where_its_variable_says() {
        let example = Example {
            name: "drink-ratings",
            secrets: &[],
            calls: "",
        };
        assert_eq!(
            example.database(&Settings::from([])),
            Path::new("./drink-ratings.db")
        );
        let settings = Settings::from([("DRINK_RATINGS_DB", "else/where.db")]);
        assert_eq!(example.database(&settings), Path::new("else/where.db"));
    }

    #[test]
    fn a_printed_line_means_the_same_to_a_shell() {
        assert_eq!(line("A", "00ff"), "A=00ff\n");
        assert_eq!(line("A", "ada:$argon2id$v=19"), "A='ada:$argon2id$v=19'\n");
    }
}
