//! How both engines write a value as a column, and read it back.

use super::{AccountRecord, EndReason, Identifier, KeyState, Page, Revoked, WriteError};

/// Largest decimal id that the sequence of ids follows: larger ones are somebody's random numbers, and would use it up.
const LARGEST_FOLLOWED: i64 = 1 << 53;

/// The number that the sequence must not allot any more once an account has this id.
pub(super) fn followed(id: &str) -> Option<i64> {
    let number = id.parse::<i64>().ok()?;
    ((1..=LARGEST_FOLLOWED).contains(&number) && number.to_string() == id).then_some(number)
}

/// A page of rows with their cursors, which were asked for one row beyond `limit`.
pub(super) fn page<T>(mut rows: Vec<(i64, T)>, limit: u32) -> Page<T> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().map(|last| last.0).filter(|_| more);
    Page {
        items: rows.into_iter().map(|row| row.1).collect(),
        next,
    }
}

/// A list of texts, as JSON.
pub(super) fn to_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

/// As it is shown, and as it is compared.
pub(super) fn parts(identifier: Option<&Identifier>) -> (Option<&str>, Option<&str>) {
    identifier
        .map(|identifier| (identifier.shown.as_str(), identifier.key.as_str()))
        .unzip()
}

/// The reverse of [`parts`].
pub(super) fn identifier(shown: Option<String>, key: Option<String>) -> Option<Identifier> {
    Some(Identifier {
        shown: shown?,
        key: key?,
    })
}

/// Refuses unless the stored hash is still the one that the caller verified.
pub(super) fn expect_password(
    account: &AccountRecord,
    expected: Option<&str>,
) -> Result<(), WriteError> {
    let stored = account.password.as_ref().map(|hash| hash.encoded.as_str());
    match expected {
        Some(_) if stored != expected => Err(WriteError::Changed),
        _ => Ok(()),
    }
}

pub(super) fn reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::SignedOut => "signed_out",
        EndReason::PasswordChanged => "password_changed",
        EndReason::Disabled => "disabled",
        EndReason::Deleted => "deleted",
        EndReason::Reused => "reused",
        EndReason::Displaced => "displaced",
        EndReason::ClientDeleted => "client_deleted",
    }
}

pub(super) fn reason_from(text: &str) -> EndReason {
    match text {
        "password_changed" => EndReason::PasswordChanged,
        "disabled" => EndReason::Disabled,
        "deleted" => EndReason::Deleted,
        "reused" => EndReason::Reused,
        "displaced" => EndReason::Displaced,
        "client_deleted" => EndReason::ClientDeleted,
        _ => EndReason::SignedOut,
    }
}

pub(super) fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Published => "published",
        KeyState::Signing => "signing",
        KeyState::Retired => "retired",
        KeyState::Withdrawn => "withdrawn",
    }
}

/// The table's CHECK admits no other text; one that got in all the same is trusted with nothing.
pub(super) fn state_from(text: &str) -> KeyState {
    match text {
        "published" => KeyState::Published,
        "signing" => KeyState::Signing,
        "retired" => KeyState::Retired,
        _ => KeyState::Withdrawn,
    }
}

/// Kind, value and smallest good generation of what is revoked.
pub(super) fn revoked_columns(revoked: &Revoked) -> (&'static str, &str, Option<i64>) {
    match revoked {
        Revoked::Session { session_id } => ("session", session_id, None),
        Revoked::Subject {
            account_id,
            smallest_generation,
        } => (
            "subject",
            account_id,
            Some(smallest_generation.cast_signed()),
        ),
        Revoked::Token { token_id } => ("token", token_id, None),
        Revoked::Key { kid } => ("key", kid, None),
    }
}

/// The reverse of [`revoked_columns`]. None for a kind this program does not know: to pass over it would let a revoked
/// token live.
pub(super) fn revoked_from(kind: &str, value: String, generation: Option<i64>) -> Option<Revoked> {
    Some(match (kind, generation) {
        ("session", None) => Revoked::Session { session_id: value },
        ("subject", Some(smallest)) => Revoked::Subject {
            account_id: value,
            smallest_generation: smallest.cast_unsigned(),
        },
        ("token", None) => Revoked::Token { token_id: value },
        ("key", None) => Revoked::Key { kid: value },
        _ => return None,
    })
}
