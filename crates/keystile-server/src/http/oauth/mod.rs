//! `/oauth/…` and the server's metadata: what programs with credentials of their own do, by OAuth 2.0's own forms and errors.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;

mod client;
mod form;
mod introspect;
mod metadata;
pub(super) mod resource;
mod revoke;
mod token;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(token::token))
        .routes(routes!(introspect::introspect))
        .routes(routes!(revoke::revoke))
        .routes(routes!(metadata::metadata))
        .routes(routes!(resource::resource))
}
