//! What every example does alike: reads its settings, starts, stops, and is called by its tests.
//!
//! An example of your own needs none of this; it is here so that each example holds only what its text is about.

#![forbid(unsafe_code)]

mod fields;
mod serve;
mod settings;
mod start;
mod take_over;
pub mod testing;

pub use fields::{BodyFault, FieldFault, Fields};
pub use serve::{EitherPath, Server};
pub use settings::{Settings, fresh_secret, read_password, write_env};
pub use start::{Example, words};
pub use take_over::{TakenOver, can_be_taken_over, take_over};
