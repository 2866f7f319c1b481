//! The documents whose Rust blocks run as tests. Those of the book come by way of `build.rs`, with what a comment puts around a block.

#[doc = include_str!("../../README.md")]
mod readme {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/quick-start.md"))]
mod quick_start {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/embedding.md"))]
mod embedding {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/guarding.md"))]
mod guarding {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/services.md"))]
mod services {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/issuing.md"))]
mod issuing {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/openapi.md"))]
mod openapi {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/following.md"))]
mod following {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/testing.md"))]
mod testing {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/tokens.md"))]
mod tokens {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/flask-jwt-extended.md"))]
mod flask_jwt_extended {}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/jsonwebtoken.md"))]
mod jsonwebtoken {}
