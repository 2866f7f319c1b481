-- Accounts, sessions with their chains, keys, revocations, guessing counters, audit: the twin of SQLite's 0001 to 0003.
-- Times are epoch milliseconds. An applied migration is never edited: its checksum is compared at every opening.
-- Texts that are compared are compared byte by byte (COLLATE "C"), as on SQLite. Constraints are named: the store tells
-- by the name which field is taken. Unique indexes are made in the order in which a conflict is told: id, name, address.

CREATE TABLE meta (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);

-- Names this table's history of revocations; a restore into another cluster gives it a new one (see `cluster`).
INSERT INTO meta (name, value) VALUES ('feed_id', replace(gen_random_uuid()::text, '-', ''));
-- Whose transaction ids the revocations carry.
INSERT INTO meta (name, value) SELECT 'cluster', system_identifier::text FROM pg_control_system();

CREATE TABLE shared_secret (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL CHECK (length(value) = 32)
);

CREATE TABLE account (
    seq               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                TEXT COLLATE "C" NOT NULL CONSTRAINT account_id_unique UNIQUE,
    username          TEXT,
    username_key      TEXT COLLATE "C" CONSTRAINT account_username_unique UNIQUE,
    email             TEXT,
    email_key         TEXT COLLATE "C" CONSTRAINT account_email_unique UNIQUE,
    password_hash     TEXT,
    password_format   TEXT COLLATE "C",
    roles             TEXT    NOT NULL,
    generation        BIGINT  NOT NULL,
    disabled_at       BIGINT,
    created_at        BIGINT  NOT NULL,
    updated_at        BIGINT  NOT NULL,
    -- Brought from another program: tokens that are older than the row may be for it.
    imported          BOOLEAN NOT NULL,
    -- When all sessions, or all but one, were ended last: tokens of another program from before that are over too.
    sessions_ended_at BIGINT,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL)),
    CHECK ((password_hash IS NULL) = (password_format IS NULL))
);

-- The last decimal account id; it only grows, so that no deleted account's id comes again.
CREATE TABLE account_sequence (
    one  BIGINT PRIMARY KEY CHECK (one = 1),
    last BIGINT NOT NULL
);
INSERT INTO account_sequence (one, last) VALUES (1, 0);

-- How many accounts have a hash of each format, as a sum of changes. Kept by a trigger: asking must be cheap, and no write
-- may forget it. Rows are only inserted (the sweep adds up what is there), so that no two sign-ups wait for each other.
CREATE TABLE password_format (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    format   TEXT COLLATE "C" NOT NULL,
    accounts BIGINT NOT NULL
);

CREATE FUNCTION note_password_format() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.password_format IS NOT NULL THEN
        INSERT INTO password_format (format, accounts) VALUES (OLD.password_format, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.password_format IS NOT NULL THEN
        INSERT INTO password_format (format, accounts) VALUES (NEW.password_format, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER password_format_added AFTER INSERT OR DELETE ON account
    FOR EACH ROW EXECUTE FUNCTION note_password_format();
CREATE TRIGGER password_format_changed AFTER UPDATE OF password_format ON account
    FOR EACH ROW WHEN (OLD.password_format IS DISTINCT FROM NEW.password_format)
    EXECUTE FUNCTION note_password_format();

-- A row is the head of its session's chain of refresh tokens.
CREATE TABLE session (
    seq                 BIGINT GENERATED ALWAYS AS IDENTITY,
    id                  TEXT COLLATE "C" CONSTRAINT session_id_unique PRIMARY KEY,
    account_id          TEXT COLLATE "C" NOT NULL,
    client_id           TEXT COLLATE "C",
    token_hash          BYTEA  NOT NULL CONSTRAINT session_token_unique UNIQUE CHECK (length(token_hash) = 32),
    previous_hash       BYTEA,
    previous_expires_at BIGINT,
    salt                BYTEA,
    rotated_at          BIGINT,
    -- Raised when the head is replaced by a password change: spent tokens of an earlier chain are no reuse.
    chain               BIGINT NOT NULL DEFAULT 0,
    created_at          BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL,
    absolute_expires_at BIGINT,
    ended_at            BIGINT,
    end_reason          TEXT,
    device              TEXT,
    address             TEXT,
    auth_time           BIGINT NOT NULL,
    amr                 TEXT   NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_salt ON session (rotated_at) WHERE salt IS NOT NULL;

-- Consumed refresh tokens, until they would have expired. Rows are inserted and deleted, never updated.
CREATE TABLE spent (
    hash       BYTEA CONSTRAINT spent_hash_unique PRIMARY KEY CHECK (length(hash) = 32),
    session_id TEXT COLLATE "C" NOT NULL,
    chain      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_expires ON spent (expires_at);

-- A refresh token of another issuer, by its own id: exchanged once. Kept until it has expired.
CREATE TABLE exchanged (
    issuer     TEXT COLLATE "C" NOT NULL,
    token_id   TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT exchanged_unique PRIMARY KEY (issuer, token_id)
);
CREATE INDEX exchanged_expires ON exchanged (expires_at);

CREATE TABLE signing_key (
    kid         TEXT COLLATE "C" CONSTRAINT signing_key_kid_unique PRIMARY KEY,
    algorithm   TEXT   NOT NULL,
    -- As a JWK, so that a key verifies though its private part is sealed or erased.
    public      TEXT   NOT NULL,
    private     BYTEA  NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('published', 'signing', 'retired', 'withdrawn')),
    created_at  BIGINT NOT NULL,
    state_since BIGINT NOT NULL,
    -- When it began to sign; none while it is published only.
    signed_from BIGINT,
    -- Published: when it may sign. Retired: when nothing that it signed can still be good. Else none.
    due_at      BIGINT
);
CREATE UNIQUE INDEX one_signing_key ON signing_key (state) WHERE state = 'signing';
CREATE UNIQUE INDEX one_published_key ON signing_key (state) WHERE state = 'published';

-- `xid` is the transaction that wrote the row: a reader asks for what its last snapshot did not show. A plain number
-- would lose the row that commits late.
CREATE TABLE revocation (
    id                  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid                 XID8   NOT NULL DEFAULT pg_current_xact_id(),
    kind                TEXT   NOT NULL CHECK (kind IN ('session', 'subject', 'token', 'key')),
    value               TEXT COLLATE "C" NOT NULL,
    smallest_generation BIGINT,
    at                  BIGINT NOT NULL,
    until               BIGINT NOT NULL,
    CHECK ((kind = 'subject') = (smallest_generation IS NOT NULL))
);
CREATE INDEX revocation_xid ON revocation (xid, id);
CREATE INDEX revocation_until ON revocation (until);
CREATE INDEX revocation_subject ON revocation (value) WHERE kind = 'subject';
CREATE INDEX revocation_token ON revocation (value) WHERE kind = 'token';

CREATE TABLE attempt (
    key            BYTEA PRIMARY KEY,
    count          BIGINT NOT NULL,
    window_ends_at BIGINT NOT NULL
);
CREATE INDEX attempt_window ON attempt (window_ends_at);

CREATE TABLE audit (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    actor_id   TEXT,
    account_id TEXT COLLATE "C",
    session_id TEXT,
    origin     TEXT,
    detail     TEXT
);
CREATE INDEX audit_account ON audit (account_id, id);
