//! Passwords: what a new one must be, and how they are hashed and checked.

mod argon2id;
mod bcrypt;
mod common;
mod hash;
mod policy;
mod pool;
mod queue;
mod settings;
mod table;

pub(crate) use hash::{Cost, StoredHash};
pub use policy::PasswordPolicy;
pub(crate) use policy::{Broken, normalise};
pub(crate) use pool::{Pool, PoolError};
pub use settings::Hashing;
pub use table::{PasswordError, Passwords};
