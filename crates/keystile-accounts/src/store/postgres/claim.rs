//! Who has the database open. Every connection of a server or a command shares a lock of the session, for as long as it
//! lasts; a move takes it alone. So a move sees whoever is connected, from whichever machine, and nobody connects beside
//! it.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::sleep;

use super::super::transfer::MoveError;
use super::super::{Options, Stop, StoreError};
use super::location::Location;
use super::{connect, row};

/// The state that [`SHARE`] answers where a move has the database for itself.
pub(super) const ALONE: &str = "KS001";
/// "keyserve", as eight bytes.
pub(super) const SHARE: &str = "DO $$ BEGIN
        IF NOT pg_try_advisory_lock_shared(x'6b65797365727665'::bigint) THEN
            RAISE EXCEPTION 'keystile migrate-database is at work on it; wait until that is done, then try again'
                USING ERRCODE = 'KS001';
        END IF;
    END $$";
const TAKE: &str = "SELECT pg_try_advisory_lock(x'6b65797365727665'::bigint)::int::bigint";
/// The connection of a process that just ended may last a moment longer. Not waited for in the database: whoever waits
/// there keeps others out.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// A connection beside which there is no other, until it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Claimed {
    pub(super) client: Object,
    /// Hosts and database.
    pub(super) place: String,
    pub(super) stop: Stop,
}

impl Claimed {
    /// Connects, and refuses where anybody is connected.
    pub(in crate::store) async fn take(url: &str, stop: &Stop) -> Result<Self, MoveError> {
        let location = Location::parse(url).map_err(MoveError::Target)?;
        let place = format!("postgres {location}");
        let client = connect::alone(&location, Options::default()).await;
        let client = client.map_err(|error| MoveError::NoTarget {
            target: place.clone(),
            error,
        })?;
        for _ in 0..TRIES {
            if stop.is_asked() {
                return Err(MoveError::Stopped);
            }
            if taken(&client).await.map_err(MoveError::Target)? {
                let stop = stop.clone();
                return Ok(Self {
                    client,
                    place,
                    stop,
                });
            }
            sleep(PAUSE).await;
        }
        Err(MoveError::TargetInUse(place))
    }
}

async fn taken(client: &Object) -> Result<bool, StoreError> {
    Ok(row::number(client, TAKE, &[]).await? == 1)
}
