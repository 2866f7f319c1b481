//! The tables.

/// A person is an account of the microblog's own, with its number, or a `subject` of another issuer's tokens.
///
/// A post is marked as deleted and stays. `timeline` has a row for each follower of a post's author, so that a page of it
/// is one stretch of one index, however many people are followed: it always holds exactly the posts, not deleted, of
/// those followed, as each transaction that touches a follow or a post keeps it so.
pub(super) const TABLES: &str = "
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS person (
        id       INTEGER PRIMARY KEY,
        username TEXT    NOT NULL COLLATE NOCASE UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS subject (
        sub    TEXT    PRIMARY KEY,
        person INTEGER NOT NULL UNIQUE REFERENCES person (id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS post (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        author     INTEGER NOT NULL REFERENCES person (id),
        content    TEXT    NOT NULL,
        created_at INTEGER NOT NULL,
        deleted_at INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS post_by_author ON post (author, id) WHERE deleted_at IS NULL;
    CREATE TABLE IF NOT EXISTS follow (
        followee INTEGER NOT NULL REFERENCES person (id),
        follower INTEGER NOT NULL REFERENCES person (id),
        PRIMARY KEY (followee, follower),
        CHECK (followee <> follower)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS timeline (
        reader INTEGER NOT NULL,
        post   INTEGER NOT NULL,
        PRIMARY KEY (reader, post)
    ) STRICT, WITHOUT ROWID;
    COMMIT;";
