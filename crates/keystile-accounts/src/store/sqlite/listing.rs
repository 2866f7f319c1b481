//! Pages of accounts.

use rusqlite::{Connection, Row, params};

use super::super::column;
use super::super::{AccountFilter, AccountRecord, Page, StoreError};
use super::Sqlite;
use super::account::{self, account_columns};

const PAGE: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE seq > ?1
        AND (?3 IS NULL OR (disabled_at IS NOT NULL) = ?3)
        AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(account.roles) AS role WHERE role.value = ?4))
      ORDER BY seq LIMIT ?2 + 1"
);
const PAGE_OF_PREFIX: &str = concat!(
    "SELECT ",
    account_columns!(),
    " FROM account WHERE seq > ?1
        AND (?3 IS NULL OR (disabled_at IS NOT NULL) = ?3)
        AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(account.roles) AS role WHERE role.value = ?4))
        AND seq IN (SELECT seq FROM account WHERE username_key >= ?5 AND username_key < ?6
              UNION SELECT seq FROM account WHERE email_key >= ?5 AND email_key < ?6)
      ORDER BY seq LIMIT ?2 + 1"
);
impl Sqlite {
    pub async fn accounts(
        &self,
        filter: AccountFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<AccountRecord>, StoreError> {
        self.read(move |connection| page(connection, &filter, after.unwrap_or(i64::MIN), limit))
            .await
    }
}

fn page(
    connection: &Connection,
    filter: &AccountFilter,
    after: i64,
    limit: u32,
) -> Result<Page<AccountRecord>, StoreError> {
    let AccountFilter {
        prefix,
        disabled,
        role,
    } = filter;
    let with_seq = |row: &Row<'_>| Ok((row.get(0)?, account::from_row(row)?));
    let rows: Vec<(i64, AccountRecord)> = match prefix {
        None => connection
            .prepare_cached(PAGE)?
            .query_map(params![after, limit, disabled, role], with_seq)?
            .collect::<Result<_, _>>()?,
        Some(prefix) => connection
            .prepare_cached(PAGE_OF_PREFIX)?
            .query_map(
                params![
                    after,
                    limit,
                    disabled,
                    role,
                    prefix,
                    format!("{prefix}\u{10FFFF}")
                ],
                with_seq,
            )?
            .collect::<Result<_, _>>()?,
    };
    Ok(column::page(rows, limit))
}
