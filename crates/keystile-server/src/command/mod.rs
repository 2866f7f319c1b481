//! The subcommands, one file each, and what several of them share.

pub(crate) mod account;
pub(crate) mod backup;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod config;
mod confirm;
pub(crate) mod doctor;
pub(crate) mod key;
mod key_source;
pub(crate) mod logging;
mod long;
pub(crate) mod migrate;
pub(crate) mod migrate_database;
pub(crate) mod output;
pub(crate) mod password;
pub(crate) mod place;
pub(crate) mod restore;
mod run;
pub(crate) mod serve;
pub(crate) mod token;
mod welcome;
