-- Tokens of another program: which refresh tokens were exchanged, and what account a token of its may be for.

-- A refresh token of another issuer, by its own id: exchanged once. Kept until it has expired.
CREATE TABLE exchanged (
    issuer     TEXT    NOT NULL,
    token_id   TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, token_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX exchanged_expires ON exchanged (expires_at);

-- Brought from another program: tokens that are older than the row may be for it.
ALTER TABLE account ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));

-- When all sessions, or all but one, were ended last: tokens of another program from before that are over too.
ALTER TABLE account ADD COLUMN sessions_ended_at INTEGER;
UPDATE account SET sessions_ended_at = updated_at WHERE generation > 0;

CREATE INDEX revocation_token ON revocation (value) WHERE kind = 'token';
