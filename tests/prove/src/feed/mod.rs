//! The revocation feed: how soon its readers are told of a sign-out, whether any is missed while a transaction is held
//! open, and what thousands of readers cost a node.

pub mod held;
pub mod many;
mod program;
mod reader;
pub mod told;

pub use program::Program;
pub use reader::{Reader, Seen};
