//! Where the configuration, the data and the database are: the flags that most commands share.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use keystile_accounts::{Accounts, Builder, GuessLimits, Hashing, PasswordPolicy, Schema};
use keystile_server::config::{Config, Sources};

use super::run;

/// Flags that say where things are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Configuration file [default: ./keystile.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: ./keystile-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Database URL [default: sqlite in the data folder]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Place {
    /// What the configuration is made from: these flags, the environment, the file.
    pub(crate) fn sources(&self) -> Sources {
        let mut flags = Vec::new();
        flags.extend(self.data.clone().map(|data| ("data", "--data", data)));
        flags.extend(
            self.database
                .clone()
                .map(|url| ("database", "--database", url)),
        );
        Sources {
            config_file: self.config.clone(),
            flags,
            environment: environment(),
        }
    }

    /// The configuration.
    pub(crate) fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.sources())?)
    }

    /// As `with_accounts`, for a command that looks for something: where there is no database it says so, and
    /// makes none, since an empty one would hide a wrong path.
    pub(crate) fn with_present_accounts<T, F: Future<Output = Result<T>>>(
        &self,
        act: impl FnOnce(Accounts) -> F,
    ) -> Result<T> {
        let config = self.load()?;
        match (is_new(&config)?, config.database.sqlite_path()) {
            (true, Some(_)) => bail!(
                "there is no database at {}. Name the server's folder with --data; `keystile serve` or `keystile account create` makes a new one",
                config.database
            ),
            (true, None) => bail!(
                "the database {} is empty: no server has used it yet. Name the server's database with --database or in keystile.toml; `keystile serve` or `keystile migrate` makes its tables",
                config.database
            ),
            (false, _) => open_for(&config, act),
        }
    }

    /// Opens the accounts for a command, does one thing with them, closes them. Makes the database where there
    /// is none, and says so: the path may be a wrong one.
    pub(crate) fn with_accounts<T, F: Future<Output = Result<T>>>(
        &self,
        act: impl FnOnce(Accounts) -> F,
    ) -> Result<T> {
        let config = self.load()?;
        let new = is_new(&config)?;
        if config.database.sqlite_path().is_some() {
            prepare_folder(&config.data)?;
        }
        open_for(&config, |accounts| {
            if new {
                eprintln!("Made a new database: {}", config.database);
            }
            act(accounts)
        })
    }
}

/// Opens the accounts, does one thing with them, closes them.
fn open_for<T, F: Future<Output = Result<T>>>(
    config: &Config,
    act: impl FnOnce(Accounts) -> F,
) -> Result<T> {
    // A command issues no token, so the issuer matters only where it is known.
    let issuer = config
        .issuer_at(config.listen)
        .unwrap_or_else(|_| "urn:keystile:command".to_owned());
    let opened = builder(config, issuer).leave_stored_keys().open();
    run::alone(Box::pin(async {
        let accounts = opened.await.with_context(|| opening(config))?;
        let result = act(accounts.clone()).await;
        accounts.close().await;
        result
    }))?
}

/// Whether there is no file yet, or a database that has a server of its own has no tables. Only looks.
fn is_new(config: &Config) -> Result<bool> {
    if let Some(path) = config.database.sqlite_path() {
        return Ok(!path.exists());
    }
    let found = run::alone(Box::pin(Accounts::inspect(config.database.expose())))?
        .with_context(|| opening(config))?;
    let schema = found.map(|found| found.schema);
    Ok(matches!(schema, Some(Schema::Behind { found: 0, .. })))
}

/// What to say when the database cannot be opened.
pub(crate) fn opening(config: &Config) -> String {
    format!("cannot open the database {}", config.database)
}

/// The engine as the configuration wants it. The algorithm and the schedule of keys are for `serve` alone to set: a
/// command that was started with another configuration would change the server's signing key.
pub(crate) fn builder(config: &Config, issuer: String) -> Builder {
    let mut hashing =
        Hashing::default().cost(config.password.memory_kib, config.password.passes, 1);
    if let Some(threads) = config.password.threads {
        hashing = hashing.threads(threads);
    }
    let limits = if config.limit_guessing {
        GuessLimits::default()
    } else {
        GuessLimits::off()
    };
    let mut builder = Accounts::builder(config.database.expose());
    if config.database.sqlite_path().is_none() {
        builder = builder
            .database_connections(
                usize::try_from(config.postgres.connections).unwrap_or(usize::MAX),
            )
            .database_timeout(config.postgres.timeout);
    }
    if let Some(key) = &config.keys.sealing_key {
        builder = builder.sealing_key(*key.expose());
    }
    if let Some(key) = &config.keys.sealing_key_previous {
        builder = builder.previous_sealing_key(*key.expose());
    }
    builder
        .key_max_age(config.keys.max_age)
        .signing_keys(config.keys.files.iter().cloned())
        .issuer(issuer)
        .access_lifetime(config.tokens.access_lifetime)
        .refresh_lifetime(config.tokens.refresh_lifetime)
        .idle_limit(config.tokens.idle_limit)
        .absolute_limit(config.tokens.absolute_limit)
        .replay_grace(config.tokens.replay_grace)
        .session_limit(Some(config.tokens.session_limit))
        .password_policy(PasswordPolicy::default().shortest(config.password.min_length))
        .hashing(hashing)
        .guess_limits(limits)
}

/// Makes the data folder where it is missing, for its owner alone. Returns whether it was made.
pub(crate) fn prepare_folder(folder: &Path) -> Result<bool> {
    if folder.is_dir() {
        let writable = rustix::fs::access(
            folder,
            rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
        );
        return writable
            .map(|()| false)
            .map_err(|error| unusable(folder, &error));
    }
    if folder.exists() {
        let folder = folder.display();
        bail!("{folder} is a file, and the data folder must be a folder. Name one with --data");
    }
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map(|()| true)
        .map_err(|error| unusable(folder, &error))
}

fn unusable(folder: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    let folder = folder.display();
    anyhow!(
        "the data folder {folder} cannot be used: {error}. Make it writable for this user, or name another with --data"
    )
}

/// The environment, read in this one place. Variables that are not Unicode are none of ours.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's edge: the configuration is handed down from here"
)]
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
