//! The binary `keystile`: its subcommands, and what its exit code means.

#![forbid(unsafe_code)]

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Token sign-in for HTTP APIs: accounts, sign-in and sessions.
#[derive(Debug, Parser)]
#[command(
    name = "keystile",
    version,
    propagate_version = true,
    after_help = "Examples:
  keystile serve                                   start on 127.0.0.1:8080, with nothing configured
  keystile account create --username ada --role admin
  keystile token inspect \"$TOKEN\" --issuer http://127.0.0.1:8080
  keystile doctor                                  say what is wrong, and how to mend it

Exit codes: 0 it worked; 1 it failed, and standard error says why; 2 the command line is wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(command::serve::Serve),
    Migrate(command::migrate::Migrate),
    MigrateDatabase(command::migrate_database::MigrateDatabase),
    Backup(command::backup::Backup),
    Restore(command::restore::Restore),
    #[command(subcommand)]
    Account(command::account::Account),
    #[command(subcommand)]
    Client(command::client::Client),
    #[command(subcommand)]
    Key(command::key::Key),
    #[command(subcommand)]
    Token(command::token::Token),
    #[command(subcommand)]
    Config(command::config::Config),
    Doctor(command::doctor::Doctor),
    /// Print the description of the HTTP API (OpenAPI 3.1).
    Openapi,
    Completions(command::completions::Completions),
}

fn main() -> ExitCode {
    // Whatever this program writes is for its owner alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let result = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::MigrateDatabase(migrate) => migrate.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Account(account) => account.run(),
        Command::Client(client) => client.run(),
        Command::Key(key) => key.run(),
        Command::Token(token) => token.run(),
        Command::Config(config) => config.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Openapi => command::output::line(&keystile_server::openapi_document()),
        Command::Completions(completions) => completions.run::<Cli>(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::output::error(&error);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_checks_itself() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_key_id_may_begin_with_a_hyphen() {
        for line in [
            "keystile key export -qPs_9",
            "keystile key withdraw -hPs_9 --yes",
            "keystile key withdraw --yes --json --Ps_9",
        ] {
            let read = super::Cli::command().try_get_matches_from(line.split(' '));
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
    }
}
