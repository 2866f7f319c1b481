//! The documents whose Rust blocks run as tests.

#[doc = include_str!("../../README.md")]
mod readme {}
