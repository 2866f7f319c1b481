-- The life of signing keys: what they publish, since when they sign, and when the next step is due.

-- The public part as a JWK, so that a key verifies though its private part is sealed or erased. Empty: it is derived.
ALTER TABLE signing_key ADD COLUMN public TEXT NOT NULL DEFAULT '';

-- When it began to sign; none while it is published only.
ALTER TABLE signing_key ADD COLUMN signed_from INTEGER;

-- Published: when it may sign. Retired: when nothing that it signed can still be good. Else none.
ALTER TABLE signing_key ADD COLUMN due_at INTEGER;

UPDATE signing_key SET signed_from = created_at WHERE state <> 'published';
UPDATE signing_key SET due_at = state_since + max(86400000,
    coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'longest_token_life'), 0)) WHERE state = 'retired';

-- One key at a time is the next to sign.
CREATE UNIQUE INDEX one_published_key ON signing_key (state) WHERE state = 'published';
