//! Pages of accounts.

use deadpool_postgres::Object;

use super::super::column;
use super::super::{AccountFilter, AccountRecord, Page, StoreError};
use super::Postgres;
use super::account::{self, account_columns};
use super::row::{self, get};

macro_rules! page {
    ($and:literal) => {
        concat!(
            "SELECT ",
            account_columns!(),
            " FROM account WHERE seq > $1
                AND ($3::boolean IS NULL OR (disabled_at IS NOT NULL) = $3)
                AND ($4::text IS NULL OR EXISTS
                    (SELECT 1 FROM json_array_elements_text(account.roles::json) AS role WHERE role = $4)) ",
            $and,
            " ORDER BY seq LIMIT $2"
        )
    };
}

const PAGE: &str = page!("");
const PAGE_OF_PREFIX: &str = page!(
    "AND seq IN (SELECT seq FROM account WHERE username_key >= $5 AND username_key < $6
           UNION SELECT seq FROM account WHERE email_key >= $5 AND email_key < $6)"
);

impl Postgres {
    pub async fn accounts(
        &self,
        filter: AccountFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<AccountRecord>, StoreError> {
        let after = after.unwrap_or(i64::MIN);
        self.ask(move |client| Box::pin(async move { page(client, &filter, after, limit).await }))
            .await
            .or_else(StoreError::or_nothing)
    }
}

async fn page(
    client: &Object,
    filter: &AccountFilter,
    after: i64,
    limit: u32,
) -> Result<Page<AccountRecord>, StoreError> {
    let AccountFilter {
        prefix,
        disabled,
        role,
    } = filter;
    let asked = i64::from(limit) + 1;
    let rows = match prefix {
        None => row::all(client, PAGE, &[&after, &asked, disabled, role]).await?,
        Some(prefix) => {
            let end = format!("{prefix}\u{10FFFF}");
            let values: row::Values<'_> = &[&after, &asked, disabled, role, prefix, &end];
            row::all(client, PAGE_OF_PREFIX, values).await?
        }
    };
    let rows: Result<Vec<_>, StoreError> = rows
        .iter()
        .map(|row| Ok((get(row, 0)?, account::from_row(row, 0)?)))
        .collect();
    Ok(column::page(rows?, limit))
}
