//! `/v1/admin/…`: what an administrator may do to accounts, to clients and to signing keys.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;

mod change;
mod clients;
mod create;
mod delete;
mod keys;
mod list;
mod roles;
mod sessions;
mod show;
mod state;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, delete::delete))
        .routes(routes!(roles::roles))
        .routes(routes!(state::disable))
        .routes(routes!(state::enable))
        .routes(routes!(sessions::end))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::delete))
        .routes(routes!(keys::list))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::withdraw))
}
