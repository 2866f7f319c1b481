//! PostgreSQL's errors in the store's words: the one place that knows constraint names.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::super::{Field, StoreError, WriteError};
use super::claim;
use super::location::CREATE;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(said) => of_state(said),
            None => Self::Unreachable(without_server(&error)),
        }
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        if let Some(field) = error.as_db_error().and_then(taken) {
            return Self::Taken(field);
        }
        match StoreError::from(error) {
            // No row that this program wrote is named so.
            StoreError::Unstorable => Self::NotFound,
            error => Self::Store(error),
        }
    }
}

/// Whether an error leaves the connection unfit for the next caller.
pub(super) trait Breaks {
    fn breaks(&self) -> bool;
}

impl Breaks for StoreError {
    fn breaks(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout)
    }
}

impl Breaks for WriteError {
    fn breaks(&self) -> bool {
        matches!(self, Self::Store(error) if error.breaks())
    }
}

fn of_state(said: &DbError) -> StoreError {
    let state = said.code();
    if state.code() == claim::ALONE {
        return StoreError::Moving;
    }
    match *state {
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => StoreError::Timeout,
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Conflict
        }
        SqlState::CHARACTER_NOT_IN_REPERTOIRE => StoreError::Unstorable,
        // The first: whether a commit was kept is not known.
        SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
        | SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            StoreError::Unreachable(said.message().to_owned())
        }
        SqlState::INVALID_CATALOG_NAME => {
            StoreError::Unreachable(format!("{}; make it with {CREATE}", said.message()))
        }
        // Connections that broke (08xxx) and that are refused (28xxx).
        _ if state.code().starts_with("08") || state.code().starts_with("28") => {
            StoreError::Unreachable(said.message().to_owned())
        }
        _ => StoreError::Database(format!("{} ({})", said.message(), state.code())),
    }
}

/// What went wrong on the way to the server, with its causes. The driver's texts hold no password.
fn without_server(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

fn taken(said: &DbError) -> Option<Field> {
    if *said.code() != SqlState::UNIQUE_VIOLATION {
        return None;
    }
    match said.constraint()? {
        "account_id_unique" => Some(Field::Id),
        "account_username_unique" => Some(Field::Username),
        "account_email_unique" => Some(Field::Email),
        "signing_key_kid_unique" => Some(Field::KeyId),
        "client_name_unique" => Some(Field::ClientName),
        "exchanged_unique" => Some(Field::Token),
        "session_id_unique" | "session_token_unique" | "spent_hash_unique" => Some(Field::Session),
        _ => None,
    }
}
