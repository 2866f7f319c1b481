//! A task of whoever guards routes in each file: the routes, ready to copy. The table in `docs/README.md` leads here.

pub mod account;
pub mod answers;
pub mod callers;
pub mod cookies;
pub mod elsewhere;
pub mod issue;
pub mod issuers;
pub mod own;
pub mod revoke;
pub mod roles;
pub mod whole;
