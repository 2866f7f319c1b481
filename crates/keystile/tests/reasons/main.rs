//! Every cause and its code, and the order of the checks.

#[path = "../common/mod.rs"]
mod common;

mod claims;
mod envelope;
mod keys;
