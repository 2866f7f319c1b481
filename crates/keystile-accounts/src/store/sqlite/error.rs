//! SQLite's errors in the store's words: the one place that knows constraint names.

use rusqlite::{Error, ErrorCode};

use super::super::{Field, StoreError, WriteError};

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        translate(&error)
    }
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        match taken(&error) {
            Some(field) => Self::Taken(field),
            None => Self::Store(translate(&error)),
        }
    }
}

/// The error as the store says it. By reference, because one failed COMMIT answers many.
pub(super) fn translate(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Database(error.to_string()),
    }
}

fn taken(error: &Error) -> Option<Field> {
    let Error::SqliteFailure(code, Some(message)) = error else {
        return None;
    };
    if code.code != ErrorCode::ConstraintViolation {
        return None;
    }
    match message.strip_prefix("UNIQUE constraint failed: ")? {
        "account.id" => Some(Field::Id),
        "account.username_key" => Some(Field::Username),
        "account.email_key" => Some(Field::Email),
        "signing_key.kid" => Some(Field::KeyId),
        "client.name" => Some(Field::ClientName),
        "exchanged.issuer, exchanged.token_id" => Some(Field::Token),
        "session.id" | "session.token_hash" | "spent.hash" => Some(Field::Session),
        _ => None,
    }
}
