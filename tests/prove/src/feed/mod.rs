//! The revocation feed: how soon its readers are told of a sign-out, whether any is missed while a transaction is held
//! open, what thousands of readers cost a node, and how many sign-outs a second the database keeps.

mod guards;
pub mod held;
pub mod many;
mod program;
pub mod rate;
mod reader;
pub mod told;

pub use guards::GuardProcess;
pub use program::{Program, SETTINGS};
pub use reader::{Reader, Seen};
