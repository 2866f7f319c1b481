//! What is promised of `TestIssuer`: its tokens, its bad ones, what happens to them, and what it serves.
#![cfg(feature = "testing")]

mod bad;
#[cfg(feature = "remote")]
mod served;
mod tokens;

use keystile::Guard;

/// The code of the refusal, or `ok`.
fn code(guard: &Guard, token: &str) -> &'static str {
    guard
        .verify(token)
        .map_or_else(|refusal| refusal.code(), |_| "ok")
}
