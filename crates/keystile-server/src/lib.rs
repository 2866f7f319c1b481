//! Keystile's server: accounts, sign-in and sessions over HTTP.
//!
//! The binary `keystile` runs it; a program of one's own may serve [`router`] itself.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod config;
mod http;

pub use http::{
    AccountBody, Certificate, ClientBody, HEADER_CAP, KeyBody, NewClientBody, NextBody, Readiness,
    Settings, Stop, document as openapi_document, listen, rfc3339, router,
};
