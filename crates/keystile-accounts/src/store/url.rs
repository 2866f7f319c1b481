//! Which engine a URL names.

use super::StoreError;

/// An engine that this program was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// Whether a URL names a database that can be opened, without looking for it.
pub fn check_url(url: &str) -> Result<(), StoreError> {
    match engine(url)? {
        Engine::Sqlite => super::sqlite::check_url(url),
        #[cfg(feature = "postgres")]
        Engine::Postgres => super::postgres::check_url(url),
    }
}

/// Whether a URL names PostgreSQL, which this program may have been built without.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

pub(super) fn engine(url: &str) -> Result<Engine, StoreError> {
    if is_postgres(url) {
        #[cfg(feature = "postgres")]
        return Ok(Engine::Postgres);
        #[cfg(not(feature = "postgres"))]
        return Err(StoreError::Url(
            "the database URL names PostgreSQL, which this program was built without; turn on the feature `postgres` of keystile-accounts, or write sqlite://PATH"
                .to_owned(),
        ));
    }
    if url.starts_with("sqlite:") {
        return Ok(Engine::Sqlite);
    }
    Err(why_not(url))
}

/// Why a URL names no database. One of another kind may hold a password, which is not shown.
pub(super) fn why_not(url: &str) -> StoreError {
    let shown = url
        .split_once("://")
        .filter(|(_, rest)| rest.contains('@'))
        .map_or(url, |(scheme, _)| scheme);
    StoreError::Url(format!(
        "`{shown}` is not a database URL; write sqlite:// before the path, as in sqlite://shop.db or sqlite:///var/lib/shop.db, or postgres://USER:PASSWORD@HOST/DATABASE"
    ))
}
