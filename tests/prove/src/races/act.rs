//! The acts and their rivals.

use std::fmt;

/// What ends sessions or changes what tokens may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Of this session; of all sessions where the rival is a sign-in.
    SignOut,
    /// By the person, which answers with a new pair.
    PasswordChange,
    /// By an administrator.
    Disabling,
    /// By an administrator: the role goes, the sessions stay.
    RoleChange,
}

/// What races it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// Of the person's refresh token.
    Refresh,
    /// With the password as it was before the act.
    SignIn,
}

/// How an act is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Http,
    /// By a command beside the server.
    Command,
}

impl Act {
    fn by_administrator(self) -> bool {
        matches!(self, Self::Disabling | Self::RoleChange)
    }

    /// Disabling and role change are done over HTTP and by a command in turn.
    pub(super) fn way(self, batch: usize) -> Way {
        // Three batches of one way, since three orders take turns.
        if self.by_administrator() && (batch / 3) % 2 == 1 {
            Way::Command
        } else {
            Way::Http
        }
    }

    /// Races that are held back together: fewer where commands take part, which wait for the lock only 5 s while the
    /// server hashes the passwords of all that sign in.
    pub(super) fn at_once(self) -> usize {
        if self.by_administrator() {
            4
        } else {
            super::AT_ONCE
        }
    }
}

/// Every act with every rival.
pub(super) fn kinds() -> impl Iterator<Item = (Act, Rival)> {
    let acts = [
        Act::SignOut,
        Act::PasswordChange,
        Act::Disabling,
        Act::RoleChange,
    ];
    acts.into_iter()
        .flat_map(|act| [(act, Rival::Refresh), (act, Rival::SignIn)])
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignOut => "sign-out",
            Self::PasswordChange => "password change",
            Self::Disabling => "disabling",
            Self::RoleChange => "role change",
        })
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refresh => "a refresh",
            Self::SignIn => "a sign-in",
        })
    }
}
