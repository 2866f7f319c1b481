//! Routes with an OpenAPI document that says how they are guarded, at `/openapi.json`.

use axum::extract::Query;
use axum::routing::{get, post};
use axum::{Json, Router};
use keystile::{Guard, Principal, Require};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};

keystile::scope!(Bake = "cakes:bake");

/// A cake.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Cake {
    /// What it tastes of.
    pub flavour: String,
    /// Who baked it.
    #[serde(default)]
    #[schema(read_only)]
    pub baker: String,
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// What it is to taste of.
    flavour: Option<String>,
}

/// Says what it can do to those who have no token, and more to those who have one.
#[utoipa::path(
    get, path = "/", security((), ("guard" = [])),
    responses((status = 200, description = "A greeting.", body = String)),
)]
async fn hello(caller: Option<Principal>) -> String {
    caller.map_or("Hello, you".to_owned(), |caller| {
        format!("Hello, {}", caller.sub)
    })
}

/// The caller's cakes.
#[utoipa::path(
    get, path = "/cakes", params(Wanted), security(("guard" = [])),
    responses((status = 200, description = "All that there are.", body = [Cake])),
)]
async fn cakes(caller: Principal, Query(wanted): Query<Wanted>) -> Json<Vec<Cake>> {
    let cake = |flavour: &str| Cake {
        flavour: flavour.to_owned(),
        baker: caller.sub.clone(),
    };
    let mut cakes = vec![cake("lemon"), cake("plum")];
    cakes.retain(|cake| wanted.flavour.as_ref().is_none_or(|f| *f == cake.flavour));
    Json(cakes)
}

/// Bakes one, for whoever has the scope.
#[utoipa::path(
    post, path = "/cakes", request_body = Cake, security(("guard" = ["cakes:bake"])),
    responses((status = 200, description = "The cake.", body = Cake)),
)]
async fn bake(caller: Require<Bake>, Json(cake): Json<Cake>) -> Json<Cake> {
    Json(Cake {
        baker: caller.sub.clone(),
        ..cake
    })
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Cakes", version = "1", description = "What the oven holds."),
    paths(hello, cakes, bake)
)]
struct Document;

/// The routes, and their document.
pub fn router(guard: Guard) -> Router {
    let mut document = Document::openapi();
    guard.openapi().modify(&mut document);
    Router::new()
        .route("/", get(hello))
        .route("/cakes", get(cakes))
        .route("/cakes", post(bake))
        .route("/openapi.json", get(async || Json(document)))
        .with_state(guard)
}
