//! `GET /v1/admin/accounts`: accounts, page by page.

use axum::Json;
use axum::extract::State;
use keystile_accounts::AccountFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::account::AccountBody;
use crate::http::caller::Administrator;
use crate::http::problem::Problem;
use crate::http::query::{self, Query};

/// Which accounts, and from where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Most accounts of a page: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only accounts whose username or e-mail address starts so.
    starts_with: Option<String>,
    /// Only accounts with this role.
    role: Option<String>,
    /// Only disabled ones (true) or enabled ones (false).
    disabled: Option<bool>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountsPage)]
pub(crate) struct PageBody {
    /// The accounts, in the order of their creation.
    data: Vec<AccountBody>,
    /// Where the next page starts; null on the last one.
    next_cursor: Option<String>,
}

/// Lists accounts.
#[utoipa::path(
    get, path = "/v1/admin/accounts", operation_id = "accounts_list", tag = "accounts", params(ListQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page.", body = PageBody)),
)]
pub(super) async fn list(
    State(app): State<App>,
    Administrator(_): Administrator,
    Query(query): Query<ListQuery>,
) -> Result<Json<PageBody>, Problem> {
    let (limit, after) = query::page(&app.cursors, query.limit, query.cursor.as_deref())?;
    let filter = AccountFilter {
        starts_with: query.starts_with,
        role: query.role,
        disabled: query.disabled,
    };
    let page = app.accounts.accounts_page(after, limit, &filter).await?;
    let next_cursor = page.next.and_then(|place| app.cursors.write(place));
    let data = page.accounts.into_iter().map(AccountBody::from).collect();
    Ok(Json(PageBody { data, next_cursor }))
}
