//! Keystile's promises, each shown by a command that runs the real server, loads it and counts.
//!
//! The server is a process of its own on a loopback port with a temporary data folder; what it promised is
//! read back over HTTP and from its database.

#![forbid(unsafe_code)]

pub mod balancer;
pub mod binary;
pub mod client;
pub mod crowd;
pub mod database;
pub mod differ;
pub mod engine;
pub mod feed;
pub mod felt;
pub mod figures;
pub mod guarded;
pub mod hashing;
pub mod hold;
pub mod keys;
pub mod kill;
pub mod lost;
pub mod memory;
pub mod moving;
pub mod nodes;
pub mod outage;
pub mod person;
pub mod promises;
pub mod races;
pub mod rotation;
pub mod server;
pub mod several;
pub mod storm;
pub mod verdict;
pub mod walk;
