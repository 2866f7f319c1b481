//! The real binary: its commands, its configuration, its start and its end.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "how long a real process takes is what is asserted"
)]

mod account;
mod backup;
mod client;
mod config;
mod doctor_postgres;
mod in_place;
mod key;
mod keystile;
mod migrate_database;
mod pages;
mod postgres;
mod refusals;
mod serve;
mod token;
