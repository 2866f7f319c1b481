//! The routes: signing up, signing in, and the customers' list, which wants a token.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use examples_common::{BodyFault, Fields};
use keystile::Loaded;
use keystile_accounts::SignIn;
use serde::Serialize;

use crate::App;
use crate::answer::Refused;
use crate::caller::{Admin, Caller};
use crate::form::Form;
use crate::membership::{Departure, to_the_end};
use crate::page::Page;
use crate::store::Customer;

/// `POST /customers/`
pub(crate) async fn sign_up(
    State(app): State<App>,
    body: Result<Fields, BodyFault>,
) -> Result<(StatusCode, Json<Customer>), Refused> {
    let (person, request) = Form::new(body)?.sign_up(&app.accounts)?;
    let customer = to_the_end(async move { app.join(person, request).await }).await?;
    Ok((StatusCode::CREATED, Json(customer)))
}

/// The text's answer to a sign-in.
#[derive(Debug, Serialize)]
pub(crate) struct SignedIn {
    status: &'static str,
    message: &'static str,
    token: String,
}

/// `POST /customers/login`: the password travels once, and a token for an hour comes back.
pub(crate) async fn sign_in(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    body: Result<Fields, BodyFault>,
) -> Result<([(HeaderName, &'static str); 1], Json<SignedIn>), Refused> {
    let (email, password) = Form::new(body)?.credentials()?;
    let request = SignIn::email(email).password(password).from(from.ip());
    let signed_in = app.accounts.sign_in(request).await?;
    app.seen(&signed_in.account).await?;
    let body = SignedIn {
        status: "success",
        message: "successfully logged in",
        token: signed_in.access_token,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)))
}

/// `GET /customers/?page=&per_page=`: the text asks that whoever looks has signed in, and no more.
pub(crate) async fn find_all(
    State(app): State<App>,
    _: Loaded<Caller>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Vec<Customer>>, Refused> {
    let Query(query) = query.map_err(|_| {
        Refused::new(
            StatusCode::BAD_REQUEST,
            "Write the query as ?page=1&per_page=10",
        )
    })?;
    let page = Page::read(&query)?;
    Ok(Json(app.customers.page(page.limit, page.offset).await?))
}

/// `GET /customers/{id}`: one's own record, or anyone's for an administrator.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Loaded<Caller>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<Customer>, Refused> {
    let id = id.ok().map(|Path(id)| id);
    if !caller.admin && id != Some(caller.id) {
        return Err(Refused::not_yours());
    }
    let id = id.ok_or_else(Refused::no_such_customer)?;
    let customer = app.customers.find(id).await?;
    customer.map(Json).ok_or_else(Refused::no_such_customer)
}

/// `DELETE /customers/{id}`: an administrator's; tokens of whoever was deleted are refused from then on.
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Loaded<Admin>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, Refused> {
    let Path(id) = id.map_err(|_| Refused::no_such_customer())?;
    let guard = app.guard.clone();
    match to_the_end(async move { app.leave(&caller.value.0.acting, id).await }).await? {
        Departure::Done => Ok(StatusCode::NO_CONTENT),
        Departure::NoSuchCustomer => Err(Refused::no_such_customer()),
        Departure::CallerIsStale => Err(Refused::revoked(&guard)),
    }
}
