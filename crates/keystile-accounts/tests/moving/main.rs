//! A move from SQLite to PostgreSQL: what goes on, what is refused, and that it is all or nothing.

#![forbid(unsafe_code)]

mod carried;
mod coverage;
mod hostile;
mod place;
mod refused;
mod whole;
