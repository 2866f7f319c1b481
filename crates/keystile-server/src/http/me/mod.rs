//! `/v1/me…`: what a person may do to their own account and sessions.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;

mod change;
mod delete;
mod password;
mod sessions;
mod show;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show::show, change::change, delete::delete))
        .routes(routes!(password::password))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
}
