//! Several nodes on one PostgreSQL database: the real binary, alternating, paused, cut off, drained, and its database
//! stopped under it. The same under load is shown by `prove nodes` and `prove outage`.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "how long real processes take is what is asserted"
)]

mod alternate;
mod cut;
mod drain;
mod node;
mod outage;
mod paused;
