-- Programs with credentials of their own.
CREATE TABLE client (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL CONSTRAINT client_id_unique UNIQUE,
    name        TEXT COLLATE "C" NOT NULL CONSTRAINT client_name_unique UNIQUE,
    -- Of a secret with 256 random bits: a fast hash is enough.
    secret_hash BYTEA  NOT NULL CHECK (length(secret_hash) = 32),
    -- JSON lists. No audience means the issuer's own.
    scopes      TEXT   NOT NULL,
    audiences   TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

-- A client's end is the end of its sessions.
CREATE INDEX session_client ON session (client_id) WHERE client_id IS NOT NULL;
