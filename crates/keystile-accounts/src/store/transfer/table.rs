//! What a move takes along: every table and column, once. A test compares it with what the migrations make.

/// A table as both engines have it.
#[derive(Debug)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) columns: &'static [Column],
    /// What its rows are read in the order of, and named by: the first columns, so many of them.
    pub(in crate::store) key: usize,
    /// The column that PostgreSQL numbers by itself.
    pub(in crate::store) numbered: Option<&'static str>,
    /// Which rows are taken along; the others are the database's own.
    pub(in crate::store) only: Option<&'static str>,
}

/// A column as both engines have it.
#[derive(Debug)]
pub(in crate::store) struct Column {
    /// In PostgreSQL.
    pub(in crate::store) name: &'static str,
    /// In SQLite, where it has another name.
    pub(in crate::store) in_sqlite: &'static str,
    pub(in crate::store) kind: Kind,
}

/// What a column holds, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Whole,
    Text,
    /// A JSON list of texts.
    List,
    Bytes,
    /// In SQLite 0 or 1.
    Flag,
}

impl Table {
    /// The columns by their names in PostgreSQL.
    pub(in crate::store) fn names(&self) -> String {
        self.joined(|column| column.name)
    }

    /// The columns by their names in SQLite.
    pub(in crate::store) fn names_in_sqlite(&self) -> String {
        self.joined(|column| column.in_sqlite)
    }

    /// The key's columns, by their names in PostgreSQL; SQLite has the same.
    pub(in crate::store) fn order(&self) -> String {
        let names: Vec<_> = self.keys().iter().map(|column| column.in_sqlite).collect();
        names.join(", ")
    }

    pub(in crate::store) fn keys(&self) -> &'static [Column] {
        &self.columns[..self.key]
    }

    /// `WHERE …`, where not all rows are taken along.
    pub(in crate::store) fn condition(&self) -> String {
        self.only
            .map_or(String::new(), |only| format!(" WHERE {only}"))
    }

    fn joined(&self, name: impl Fn(&Column) -> &'static str) -> String {
        let names: Vec<_> = self.columns.iter().map(name).collect();
        names.join(", ")
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        in_sqlite: name,
        kind,
    }
}

const fn whole(name: &'static str) -> Column {
    column(name, Kind::Whole)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn list(name: &'static str) -> Column {
    column(name, Kind::List)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

/// All but what each database has of its own: the steps of its schema, PostgreSQL's numbers of transactions, and how many
/// hashes of each format there are, which is counted again.
pub(in crate::store) const TABLES: &[Table] = &[
    Table {
        name: "meta",
        columns: &[text("name"), text("value")],
        key: 1,
        numbered: None,
        only: Some("name NOT IN ('feed_id', 'cluster', 'backed_up_at', 'moved_from')"),
    },
    Table {
        name: "shared_secret",
        columns: &[text("name"), bytes("value")],
        key: 1,
        numbered: None,
        only: None,
    },
    Table {
        name: "account",
        columns: &[
            whole("seq"),
            text("id"),
            text("username"),
            text("username_key"),
            text("email"),
            text("email_key"),
            text("password_hash"),
            text("password_format"),
            list("roles"),
            whole("generation"),
            whole("disabled_at"),
            whole("created_at"),
            whole("updated_at"),
            flag("imported"),
            whole("sessions_ended_at"),
        ],
        key: 1,
        numbered: Some("seq"),
        only: None,
    },
    Table {
        name: "account_sequence",
        columns: &[
            Column {
                name: "one",
                in_sqlite: "only",
                kind: Kind::Whole,
            },
            whole("last"),
        ],
        key: 1,
        numbered: None,
        only: None,
    },
    Table {
        name: "session",
        columns: &[
            whole("seq"),
            text("id"),
            text("account_id"),
            text("client_id"),
            bytes("token_hash"),
            bytes("previous_hash"),
            whole("previous_expires_at"),
            bytes("salt"),
            whole("rotated_at"),
            whole("chain"),
            whole("created_at"),
            whole("last_used_at"),
            whole("expires_at"),
            whole("absolute_expires_at"),
            whole("ended_at"),
            text("end_reason"),
            text("device"),
            text("address"),
            whole("auth_time"),
            list("amr"),
        ],
        key: 1,
        numbered: Some("seq"),
        only: None,
    },
    Table {
        name: "client",
        columns: &[
            whole("seq"),
            text("id"),
            text("name"),
            bytes("secret_hash"),
            list("scopes"),
            list("audiences"),
            whole("generation"),
            whole("created_at"),
        ],
        key: 1,
        numbered: Some("seq"),
        only: None,
    },
    Table {
        name: "spent",
        columns: &[
            bytes("hash"),
            text("session_id"),
            whole("chain"),
            whole("expires_at"),
        ],
        key: 1,
        numbered: None,
        only: None,
    },
    Table {
        name: "exchanged",
        columns: &[text("issuer"), text("token_id"), whole("expires_at")],
        key: 2,
        numbered: None,
        only: None,
    },
    Table {
        name: "signing_key",
        columns: &[
            text("kid"),
            text("algorithm"),
            text("public"),
            bytes("private"),
            text("state"),
            whole("created_at"),
            whole("state_since"),
            whole("signed_from"),
            whole("due_at"),
        ],
        key: 1,
        numbered: None,
        only: None,
    },
    Table {
        name: "revocation",
        columns: &[
            whole("id"),
            text("kind"),
            text("value"),
            whole("smallest_generation"),
            whole("at"),
            whole("until"),
        ],
        key: 1,
        numbered: Some("id"),
        only: None,
    },
    Table {
        name: "attempt",
        columns: &[
            bytes("key"),
            whole("count"),
            whole("window_ends_at"),
            whole("held"),
            whole("held_before"),
            whole("period"),
        ],
        key: 1,
        numbered: None,
        only: None,
    },
    Table {
        name: "audit",
        columns: &[
            whole("id"),
            whole("at"),
            text("kind"),
            text("actor_id"),
            text("account_id"),
            text("session_id"),
            text("origin"),
            text("detail"),
        ],
        key: 1,
        numbered: Some("id"),
        only: None,
    },
];
