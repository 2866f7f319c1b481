//! Whom a verifier trusts: several issuers at once, each by its own rules.

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod key_file;
mod legacy;
mod mapping;
mod rules;
