//! The acts and their rivals, and where each is held back.

use std::fmt;

use crate::engine::Engine;
use crate::hold::Point::{
    self, AccountAsked, AccountLocked, Done, Noted, Revoked, SessionAsked, SessionChanged,
    SessionLocked, Spent,
};

/// What ends sessions or changes what tokens may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Of this session; of all sessions where the rival is a sign-in.
    SignOut,
    /// By the person, which answers with a new pair.
    PasswordChange,
    /// By an administrator.
    Disabling,
    /// By an administrator.
    Deletion,
    /// By an administrator: the role goes, the sessions stay.
    RoleChange,
    /// Of a refresh token whose predecessor comes again: it ends that one's grace.
    SuccessorUse,
}

/// What races it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// Of the person's refresh token.
    Refresh,
    /// With the password as it was before the act.
    SignIn,
    /// Of the refresh token before the one that is used.
    Replay,
}

/// How an act is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Http,
    /// By a command beside the server.
    Command,
}

/// Which request is in the server first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    ActFirst,
    RivalFirst,
    Together,
}

/// Who is held back first, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    pub(super) order: Order,
    pub(super) point: Point,
}

/// An act with a rival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) act: Act,
    pub(super) rival: Rival,
}

impl Act {
    fn by_administrator(self) -> bool {
        matches!(self, Self::Disabling | Self::Deletion | Self::RoleChange)
    }

    /// The points that it passes on PostgreSQL.
    fn points(self, rival: Rival) -> &'static [Point] {
        match self {
            Self::SignOut if rival == Rival::Refresh => &[
                SessionAsked,
                SessionLocked,
                SessionChanged,
                Revoked,
                Noted,
                Done,
            ],
            Self::PasswordChange => &Point::ALL,
            Self::SignOut | Self::Disabling | Self::Deletion => &[
                AccountAsked,
                AccountLocked,
                Revoked,
                SessionAsked,
                SessionLocked,
                SessionChanged,
                Noted,
                Done,
            ],
            Self::RoleChange => &[AccountAsked, AccountLocked, Revoked, Noted, Done],
            Self::SuccessorUse => Rival::Refresh.points(),
        }
    }
}

impl Rival {
    /// The points that it passes on PostgreSQL.
    fn points(self) -> &'static [Point] {
        match self {
            Self::Refresh => &[SessionAsked, SessionLocked, SessionChanged, Spent, Done],
            Self::SignIn => &[SessionAsked, SessionLocked, SessionChanged, Noted, Done],
            // Its update finds nothing, and then it asks why.
            Self::Replay => &[SessionAsked, SessionChanged],
        }
    }
}

impl Kind {
    /// Every act with every rival.
    pub(super) fn all() -> Vec<Self> {
        let acts = [
            Act::SignOut,
            Act::PasswordChange,
            Act::Disabling,
            Act::Deletion,
            Act::RoleChange,
        ];
        let mut all = vec![Self {
            act: Act::SuccessorUse,
            rival: Rival::Replay,
        }];
        for act in acts {
            all.extend([Rival::Refresh, Rival::SignIn].map(|rival| Self { act, rival }));
        }
        all
    }

    /// What is held back, in turn. SQLite has one writer, and one place to wait for it.
    pub(super) fn stations(self, engine: Engine) -> Vec<Station> {
        let (acts, rivals) = match engine {
            Engine::Sqlite => (&[Done][..], &[Done][..]),
            Engine::Postgres => (self.act.points(self.rival), self.rival.points()),
        };
        let mut stations = Vec::new();
        for turn in 0..acts.len().max(rivals.len()) {
            let act = acts.get(turn).map(|point| (Order::ActFirst, *point));
            let rival = rivals.get(turn).map(|point| (Order::RivalFirst, *point));
            let both = (turn == 0).then_some((Order::Together, Done));
            stations.extend([act, rival, both].into_iter().flatten());
        }
        let station = |(order, point)| Station { order, point };
        stations.into_iter().map(station).collect()
    }

    /// What an administrator does is done over HTTP and by a command in turn, each at all stations.
    pub(super) fn way(self, cycle: usize) -> Way {
        if self.act.by_administrator() && cycle % 2 == 1 {
            Way::Command
        } else {
            Way::Http
        }
    }

    /// Races that are held back together: on SQLite fewer where commands take part, which wait for the lock only 5 s while
    /// the server hashes the passwords of all that sign in; on PostgreSQL a node has 16 connections, of which some stay free.
    pub(super) fn at_once(self, engine: Engine) -> usize {
        match engine {
            Engine::Postgres => super::AT_ONCE / 2,
            Engine::Sqlite if self.act.by_administrator() => super::AT_ONCE / 4,
            Engine::Sqlite => super::AT_ONCE,
        }
    }

    /// How the rival is refused where the act was there first; `None` where it is served all the same.
    pub(super) fn refusal(self) -> Option<&'static str> {
        match (self.act, self.rival) {
            (Act::SuccessorUse, _) => Some("401 refresh_token_reused"),
            // A session goes on under the new roles; a password that is still right opens a session after the sign-out.
            (Act::RoleChange, _) | (Act::SignOut, Rival::SignIn) => None,
            (_, Rival::SignIn) => Some("401 credentials_wrong"),
            (_, Rival::Refresh | Rival::Replay) => Some("401 session_ended"),
        }
    }

    /// The status of an act that was done.
    pub(super) fn success(self) -> u16 {
        match self.act {
            Act::SignOut | Act::Deletion => 204,
            _ => 200,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = match self.act {
            Act::SignOut => "sign-out",
            Act::PasswordChange => "password change",
            Act::Disabling => "disabling",
            Act::Deletion => "deletion",
            Act::RoleChange => "role change",
            Act::SuccessorUse => "use of the successor",
        };
        let rival = match self.rival {
            Rival::Refresh => "a refresh",
            Rival::SignIn => "a sign-in",
            Rival::Replay => "a replay",
        };
        f.pad(&format!("{act} / {rival}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_somebodys() {
        let mut passed: Vec<Point> = Vec::new();
        for kind in Kind::all() {
            let stations = kind.stations(Engine::Postgres);
            passed.extend(stations.iter().map(|station| station.point));
            let together = |station: &&Station| station.order == Order::Together;
            assert_eq!(1, stations.iter().filter(together).count(), "{kind}");
        }
        passed.sort_unstable();
        passed.dedup();
        assert_eq!(passed, Point::ALL);
    }
}
