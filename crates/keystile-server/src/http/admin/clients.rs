//! `GET`, `POST /v1/admin/clients` and `DELETE …/{id}`: programs with credentials of their own.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use keystile_accounts::{AdminError, NewClient};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::body::Json as Body;
use crate::http::caller::Administrator;
use crate::http::client::{ClientBody, NewClientBody};
use crate::http::problem::Problem;
use crate::http::query::Query;

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClientsQuery {
    /// Most clients of a page: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of clients.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientsPage)]
pub(crate) struct ClientsBody {
    /// The clients, in the order of their creation.
    data: Vec<ClientBody>,
    /// Where the next page starts; null on the last one.
    next_cursor: Option<String>,
}

/// A client to make.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ClientToMake)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateClientBody {
    /// What people call it; no other client's name.
    #[schema(example = "microblog")]
    name: String,
    /// The scopes that its tokens may have.
    #[serde(default)]
    #[schema(example = json!(["revocations:read"]))]
    scopes: Vec<String>,
    /// The audiences that its tokens may be for, and whose tokens it may introspect; by default this server's issuer alone.
    #[serde(default)]
    audiences: Vec<String>,
}

/// Lists clients.
#[utoipa::path(
    get, path = "/v1/admin/clients", operation_id = "clients_list", tag = "clients", params(ClientsQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page.", body = ClientsBody)),
)]
pub(super) async fn list(
    State(app): State<App>,
    Administrator(_): Administrator,
    Query(query): Query<ClientsQuery>,
) -> Result<Json<ClientsBody>, Problem> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(
            Problem::bad_request("query_invalid", "limit must be from 1 to 200.").member("limit"),
        );
    }
    let after = query
        .cursor
        .map(|cursor| app.cursors.read(&cursor))
        .transpose()?;
    let page = app.accounts.clients_page(after, limit).await?;
    let next_cursor = page.next.and_then(|place| app.cursors.write(place));
    let data = page.clients.into_iter().map(ClientBody::from).collect();
    Ok(Json(ClientsBody { data, next_cursor }))
}

/// Makes a client. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/admin/clients", operation_id = "clients_create", tag = "clients", request_body = CreateClientBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The client and its secret.", body = NewClientBody),
        (status = 400, description = "`name_malformed`, `scope_malformed`, `audience_malformed` or `list_too_long`."),
        (status = 409, description = "`name_taken`."),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Body(body): Body<CreateClientBody>,
) -> Result<(StatusCode, Json<NewClientBody>), Problem> {
    let new = NewClient::named(body.name)
        .scopes(body.scopes)
        .audiences(body.audiences);
    let created = app.accounts.create_client(Some(&caller), new).await;
    let created = created.map_err(of_client)?;
    tracing::info!(client = created.client.id, by = %caller.account_id, "client made by an administrator");
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Deletes a client: its tokens are refused from now on, and the sessions that were opened for it end.
#[utoipa::path(
    delete, path = "/v1/admin/clients/{id}", operation_id = "clients_delete", tag = "clients",
    params(("id" = String, Path, description = "The client's id.")), security(("bearer" = [])),
    responses(
        (status = 204, description = "The client is gone."),
        (status = 404, description = "`client_unknown`."),
    ),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Administrator(caller): Administrator,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let deleted = app.accounts.delete_client(Some(&caller), &id).await;
    deleted.map_err(of_client)?;
    tracing::info!(client = id, by = %caller.account_id, "client deleted by an administrator");
    Ok(StatusCode::NO_CONTENT)
}

fn of_client(error: AdminError) -> Problem {
    match error {
        AdminError::NotFound { .. } => {
            Problem::not_found("client_unknown", "There is no such client.")
        }
        AdminError::Taken { .. } => Problem::taken_by_client(),
        other => other.into(),
    }
}
