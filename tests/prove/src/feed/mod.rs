//! The revocation feed: how soon its readers are told of a sign-out, whether any is missed while a transaction is held
//! open, and what thousands of readers cost a node.

mod guards;
pub mod held;
pub mod many;
mod program;
mod reader;
pub mod told;

pub use guards::GuardProcess;
pub use program::{Program, SETTINGS};
pub use reader::{Reader, Seen};
