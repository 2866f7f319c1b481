//! Tokens that end before they expire: at a sign-out, and by a list of the application's own.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use keystile::{Guard, Principal, Reason, Timestamp, Verified};

/// Who is barred from the shop. A list elsewhere is asked by `Checked::later`.
#[derive(Clone, Debug, Default)]
pub struct Barred(Arc<RwLock<HashSet<String>>>);

impl Barred {
    /// Bars a subject, from the next request on.
    pub fn bar(&self, subject: &str) {
        // Whoever held the lock and panicked left the set whole: an insertion is all that happens under it.
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(subject.to_owned());
    }

    fn check(&self, token: &Verified) -> Result<(), Reason> {
        // Where nobody can tell, the answer is 503 and not a guess.
        let names = self.0.read().map_err(|_| Reason::RevocationUnknown)?;
        if names.contains(&token.claims().sub) {
            return Err(Reason::TokenRevoked);
        }
        Ok(())
    }
}

/// Ends the session that the token belongs to, with all its tokens, at this guard.
async fn sign_out(State(guard): State<Guard>, caller: Principal) -> StatusCode {
    let Some(session) = caller.sid.as_deref() else {
        return StatusCode::BAD_REQUEST;
    };
    // Until then others of the session may be good; a token lives for fifteen minutes here.
    let until = Timestamp::from_seconds(guard.now().as_seconds() + 900);
    guard
        .revoked()
        .revoke_session(caller.iss.as_deref(), session, until);
    StatusCode::NO_CONTENT
}

/// The routes, closed to whoever is barred.
pub fn router(guard: Guard, barred: Barred) -> Router {
    let guard = guard.also_check(move |token: &Arc<Verified>| barred.check(token));
    Router::new()
        .route("/me", get(async |caller: Principal| caller.sub.clone()))
        .route("/sign-out", post(sign_out))
        .with_state(guard)
}
