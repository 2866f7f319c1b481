//! `prove`: shows Keystile's promises against the real server.

#![forbid(unsafe_code)]

fn main() {}
