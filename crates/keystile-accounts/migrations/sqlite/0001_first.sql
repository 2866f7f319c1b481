-- Accounts, sessions with their chains, keys, revocations, guessing counters, audit.
-- Times are epoch milliseconds. An applied migration is never edited: its checksum is compared at every opening.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Names this table's history of revocations; a restore must give it a new one.
INSERT INTO meta (name, value) VALUES ('feed_id', lower(hex(randomblob(16))));

CREATE TABLE shared_secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    seq             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    username        TEXT,
    username_key    TEXT    UNIQUE,
    email           TEXT,
    email_key       TEXT    UNIQUE,
    password_hash   TEXT,
    password_format TEXT,
    roles           TEXT    NOT NULL CHECK (json_valid(roles)),
    generation      INTEGER NOT NULL,
    disabled_at     INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL)),
    CHECK ((password_hash IS NULL) = (password_format IS NULL))
) STRICT;

-- The last decimal account id; it only grows, so that no deleted account's id comes again.
CREATE TABLE account_sequence (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO account_sequence (only, last) VALUES (1, 0);

-- How many accounts have a hash of each format. Kept by triggers: asking must be cheap, and no write may forget it.
CREATE TABLE password_format (
    format   TEXT    PRIMARY KEY,
    accounts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER password_format_added AFTER INSERT ON account WHEN NEW.password_format IS NOT NULL BEGIN
    INSERT INTO password_format (format, accounts) VALUES (NEW.password_format, 1)
        ON CONFLICT (format) DO UPDATE SET accounts = accounts + 1;
END;

CREATE TRIGGER password_format_changed AFTER UPDATE OF password_format ON account
    WHEN OLD.password_format IS NOT NEW.password_format BEGIN
    UPDATE password_format SET accounts = accounts - 1 WHERE format = OLD.password_format;
    DELETE FROM password_format WHERE format = OLD.password_format AND accounts <= 0;
    INSERT INTO password_format (format, accounts) SELECT NEW.password_format, 1 WHERE NEW.password_format IS NOT NULL
        ON CONFLICT (format) DO UPDATE SET accounts = accounts + 1;
END;

CREATE TRIGGER password_format_removed AFTER DELETE ON account WHEN OLD.password_format IS NOT NULL BEGIN
    UPDATE password_format SET accounts = accounts - 1 WHERE format = OLD.password_format;
    DELETE FROM password_format WHERE format = OLD.password_format AND accounts <= 0;
END;

-- A row is the head of its session's chain of refresh tokens.
CREATE TABLE session (
    seq                 INTEGER PRIMARY KEY,
    id                  TEXT    NOT NULL UNIQUE,
    account_id          TEXT    NOT NULL,
    client_id           TEXT,
    token_hash          BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    previous_hash       BLOB,
    previous_expires_at INTEGER,
    salt                BLOB,
    rotated_at          INTEGER,
    -- Raised when the head is replaced by a password change: spent tokens of an earlier chain are no reuse.
    chain               INTEGER NOT NULL DEFAULT 0,
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    absolute_expires_at INTEGER,
    ended_at            INTEGER,
    end_reason          TEXT,
    device              TEXT,
    address             TEXT,
    auth_time           INTEGER NOT NULL,
    amr                 TEXT    NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_salt ON session (rotated_at) WHERE salt IS NOT NULL;

-- Consumed refresh tokens, until they would have expired. Rows are inserted and deleted, never updated.
CREATE TABLE spent (
    hash       BLOB    PRIMARY KEY CHECK (length(hash) = 32),
    session_id TEXT    NOT NULL,
    chain      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_expires ON spent (expires_at);

CREATE TABLE signing_key (
    kid         TEXT    PRIMARY KEY,
    algorithm   TEXT    NOT NULL,
    private     BLOB    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('published', 'signing', 'retired', 'withdrawn')),
    created_at  INTEGER NOT NULL,
    state_since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_signing_key ON signing_key (state) WHERE state = 'signing';

-- AUTOINCREMENT: an id is never used twice and, with one writer at a time, grows in the order of commits.
CREATE TABLE revocation (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind                TEXT    NOT NULL CHECK (kind IN ('session', 'subject', 'token', 'key')),
    value               TEXT    NOT NULL,
    smallest_generation INTEGER,
    at                  INTEGER NOT NULL,
    until               INTEGER NOT NULL,
    CHECK ((kind = 'subject') = (smallest_generation IS NOT NULL))
) STRICT;
CREATE INDEX revocation_until ON revocation (until);
CREATE INDEX revocation_subject ON revocation (value) WHERE kind = 'subject';

CREATE TABLE attempt (
    key            BLOB    PRIMARY KEY,
    count          INTEGER NOT NULL,
    window_ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_window ON attempt (window_ends_at);

CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    actor_id   TEXT,
    account_id TEXT,
    session_id TEXT,
    origin     TEXT,
    detail     TEXT
) STRICT;
CREATE INDEX audit_account ON audit (account_id, id);
