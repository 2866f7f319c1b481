//! Several issuers, each by its own rules, and an older system's tokens for a while.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use keystile::{Guard, LegacyTrust, LegacyTrustError, Principal, Trust, Trusted, Verifier};

/// Trusts ourselves; a partner, whose roles stand in a claim of another name; and what the older program issued.
///
/// # Errors
///
/// The older program's entry would leave a door open; the error says which.
pub fn guard(ours: Trust, partner: Trust, older: LegacyTrust) -> Result<Guard, LegacyTrustError> {
    let partner = Trusted::from(partner).roles_from(["realm_access", "roles"]);
    let older = Trusted::try_from(older)?;
    Ok(Guard::new(
        Verifier::new(ours).or_trust(partner).or_trust(older),
    ))
}

async fn me(caller: Principal) -> String {
    format!("{}, {:?}", caller.sub, caller.roles)
}

/// An older token is good for looking, and not for this.
async fn change(caller: Principal) -> Result<&'static str, (StatusCode, &'static str)> {
    if caller.verified().is_legacy() {
        return Err((StatusCode::FORBIDDEN, "please sign in again"));
    }
    Ok("changed")
}

/// The routes.
pub fn router(guard: Guard) -> Router {
    Router::new()
        .route("/me", get(me).post(change))
        .with_state(guard)
}
