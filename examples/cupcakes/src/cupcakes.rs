//! The recipes: anybody reads, a token writes, only the author deletes.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use examples_common::{BodyFault, Fields};
use keystile::Loaded;
use serde::Deserialize;

use crate::App;
use crate::answer::{Refused, strings};
use crate::store::{Cupcake, Deletion};
use crate::users::Caller;

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    flavor: Option<String>,
}

/// `GET /cupcakes?flavor=`
pub(crate) async fn list(
    State(app): State<App>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<Cupcake>>, Refused> {
    let Query(Filter { flavor }) = filter.map_err(|_| {
        Refused::new(
            StatusCode::BAD_REQUEST,
            "Write the query as ?flavor=NAME, with one flavor",
        )
    })?;
    Ok(Json(
        app.cupcakes
            .list(flavor.filter(|it| !it.is_empty()))
            .await?,
    ))
}

/// `GET /cupcakes/{id}`
pub(crate) async fn show(
    State(app): State<App>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<Cupcake>, Refused> {
    let Path(id) = id.map_err(|_| Refused::no_such_cupcake())?;
    app.cupcakes
        .find(id)
        .await?
        .map(Json)
        .ok_or_else(Refused::no_such_cupcake)
}

/// `POST /cupcakes`
pub(crate) async fn add(
    State(app): State<App>,
    caller: Loaded<Caller>,
    body: Result<Fields, BodyFault>,
) -> Result<(StatusCode, Json<Cupcake>), Refused> {
    let required = "Flavor and instructions are required fields";
    let [flavor, instructions] = strings(body, ["flavor", "instructions"], required)?;
    Ok((
        StatusCode::CREATED,
        Json(app.cupcakes.add(caller.id, flavor, instructions).await?),
    ))
}

/// `DELETE /cupcakes/{id}`: without a token the question is "who are you?" (401), with another's the answer is
/// "not you" (403).
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Loaded<Caller>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, Refused> {
    let Path(id) = id.map_err(|_| Refused::no_such_cupcake())?;
    match app.cupcakes.delete(id, caller.id).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::NoSuchCupcake => Err(Refused::no_such_cupcake()),
        Deletion::NotTheAuthor => Err(Refused::new(
            StatusCode::FORBIDDEN,
            "Only its author may delete a cupcake",
        )),
    }
}
