//! The testimonials: anybody reads, a token writes.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use examples_common::{BodyFault, Fields};
use keystile::Loaded;
use serde_json::{Value, json};

use crate::App;
use crate::answer::{Refused, strings};
use crate::store::Testimonial;
use crate::tokens::Owner;

type Id = Result<Path<i64>, PathRejection>;

const NOT_FOUND: &str = "testimonial not found";

/// `GET /api/testimonials`
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Value>, Refused> {
    let testimonials = app.testimonials.list().await?;
    Ok(Json(json!({ "testimonials": testimonials })))
}

/// `GET /api/testimonials/{id}`
pub(crate) async fn show(State(app): State<App>, id: Id) -> Result<Json<Testimonial>, Refused> {
    let not_found = || Refused::new(StatusCode::NOT_FOUND, NOT_FOUND);
    let Path(id) = id.map_err(|_| not_found())?;
    let found = app.testimonials.find(id).await?;
    found.map(Json).ok_or_else(not_found)
}

/// `POST /api/testimonials`
pub(crate) async fn add(
    State(app): State<App>,
    _: Loaded<Owner>,
    body: Result<Fields, BodyFault>,
) -> Result<(StatusCode, Json<Testimonial>), Refused> {
    let [name, testimonial] = written(body)?;
    let added = app.testimonials.add(name, testimonial).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// `POST` and `PUT /api/testimonials/{id}`
pub(crate) async fn change(
    State(app): State<App>,
    _: Loaded<Owner>,
    id: Id,
    body: Result<Fields, BodyFault>,
) -> Result<Json<Testimonial>, Refused> {
    let Path(id) = id.map_err(|_| Refused::bad(NOT_FOUND))?;
    let [name, testimonial] = written(body)?;
    let changed = app.testimonials.change(id, name, testimonial).await?;
    changed.map(Json).ok_or(Refused::bad(NOT_FOUND))
}

/// `DELETE /api/testimonials/{id}`
pub(crate) async fn delete(
    State(app): State<App>,
    _: Loaded<Owner>,
    id: Id,
) -> Result<Json<Value>, Refused> {
    let Path(id) = id.map_err(|_| Refused::bad(NOT_FOUND))?;
    if app.testimonials.delete(id).await? {
        Ok(Json(json!({})))
    } else {
        Err(Refused::bad(NOT_FOUND))
    }
}

fn written(body: Result<Fields, BodyFault>) -> Result<[String; 2], Refused> {
    let required = "name and testimonial data required";
    strings(body, ["name", "testimonial"], required)
}
