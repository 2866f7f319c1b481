//! The flows again, on PostgreSQL.

include!("flows/modules.rs");
