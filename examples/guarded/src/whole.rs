//! Whole routers behind a layer, whatever their handlers ask.

use axum::Router;
use axum::routing::get;
use keystile::{Guard, Principal};

keystile::role!(Admin = "admin");

/// Finds what the layer has verified; nothing is verified twice.
async fn cakes(caller: Principal) -> String {
    format!("the cakes, for {}", caller.sub)
}

async fn hello(caller: Option<Principal>) -> String {
    let name = caller.as_ref().map_or("you", |caller| &caller.sub);
    format!("Hello, {name}")
}

/// The routes: some for everybody, some for whoever has a token, some for administrators.
pub fn router(guard: Guard) -> Router {
    let open = Router::new()
        .route("/", get(hello))
        .route_layer(guard.layer().optional());
    let shop = Router::new()
        .route("/cakes", get(cakes))
        .route("/price", get(async || "4.50"))
        .route_layer(guard.layer());
    let staff = Router::new()
        .route("/till", get(async || "312.50"))
        .route_layer(guard.layer().require::<Admin>());
    open.merge(shop).nest("/staff", staff).with_state(guard)
}
