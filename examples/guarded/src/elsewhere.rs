//! Guards for tokens that another program issues: its keys followed, or the issuer itself asked about each token.

use axum::Router;
use axum::routing::get;
use keystile::remote::Introspection;
use keystile::{FollowError, Guard, Principal, Trust, Verifier};

/// For an issuer that publishes its keys. They are fetched, and kept up to date for as long as the guard is in use.
///
/// # Errors
///
/// The issuer cannot be reached, or is not the one that it should be; the error says what to do.
pub async fn following(issuer: &str, audience: &str) -> Result<Guard, FollowError> {
    Guard::issuer_at(issuer).audience(audience).connect().await
}

/// For an issuer whose tokens say nothing themselves: it is asked about each (RFC 7662), as this client.
///
/// # Errors
///
/// The address cannot be asked, or the secret is no text.
pub fn asking(issuer: &str, audience: &str, client: (&str, &str)) -> Result<Guard, FollowError> {
    let (id, secret) = client;
    let keys = Introspection::at(format!("{issuer}/oauth/introspect"), id, secret)?;
    Ok(Guard::new(Verifier::new(Trust {
        issuer: issuer.into(),
        audience: audience.into(),
        token_type: "Bearer".into(),
        keys,
    })))
}

/// The routes: nothing in them says where tokens come from.
pub fn router(guard: Guard) -> Router {
    Router::new()
        .route("/me", get(async |caller: Principal| caller.sub.clone()))
        .with_state(guard)
}
