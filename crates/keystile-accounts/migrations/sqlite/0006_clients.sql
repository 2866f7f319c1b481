-- Programs with credentials of their own.
CREATE TABLE client (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    -- Of a secret with 256 random bits: a fast hash is enough.
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    -- JSON lists. No audience means the issuer's own.
    scopes      TEXT NOT NULL CHECK (json_valid(scopes)),
    audiences   TEXT NOT NULL CHECK (json_valid(audiences)),
    generation  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- A client's end is the end of its sessions.
CREATE INDEX session_client ON session (client_id) WHERE client_id IS NOT NULL;
