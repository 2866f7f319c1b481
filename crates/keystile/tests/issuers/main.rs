//! Whom a verifier trusts: several issuers at once, each by its own rules.

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod forged_claims;
mod key_file;
mod legacy;
mod legacy_apart;
mod mapping;
mod rules;
