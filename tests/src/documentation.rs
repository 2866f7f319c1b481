//! The documents whose Rust blocks run as tests.

#[doc = include_str!("../../README.md")]
mod readme {}

#[doc = include_str!("../../docs/quick-start.md")]
mod quick_start {}

#[doc = include_str!("../../docs/embedding.md")]
mod embedding {}

#[doc = include_str!("../../docs/guarding.md")]
mod guarding {}

#[doc = include_str!("../../docs/services.md")]
mod services {}

#[doc = include_str!("../../docs/issuing.md")]
mod issuing {}

#[doc = include_str!("../../docs/openapi.md")]
mod openapi {}

#[doc = include_str!("../../docs/following.md")]
mod following {}

#[doc = include_str!("../../docs/testing.md")]
mod testing {}

#[doc = include_str!("../../docs/tokens.md")]
mod tokens {}

#[doc = include_str!("../../docs/flask-jwt-extended.md")]
mod flask_jwt_extended {}

#[doc = include_str!("../../docs/jsonwebtoken.md")]
mod jsonwebtoken {}
