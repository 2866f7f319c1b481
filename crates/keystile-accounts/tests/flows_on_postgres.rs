//! The flows again, on PostgreSQL, and what only there can be tried.

include!("flows/modules.rs");
#[path = "flows/only_postgres.rs"]
mod only_postgres;
