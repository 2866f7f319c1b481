-- Attempts under way are counted beside the failures, so that a burst sent in parallel, at however many nodes, gets no more
-- guesses than one sent in turn.

-- Attempts let through in this period of time, and in the one before. Older ones have lapsed: their process is gone.
ALTER TABLE attempt ADD COLUMN held        BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN held_before BIGINT NOT NULL DEFAULT 0;
-- Which period that is; none while nobody was let through.
ALTER TABLE attempt ADD COLUMN period      BIGINT;
