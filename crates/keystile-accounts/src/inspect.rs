//! A look at a database without opening it for work: for whoever wants to know and change nothing.

use keystile::Algorithm;

use crate::accounts::Accounts;
use crate::error::{Fault, OpenError};
use crate::keys;
pub use crate::store::Schema;
use crate::store::{self, Store};

/// What [`Accounts::inspect`] found. Where the schema is not known or something is damaged, the rest is empty.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// How its schema stands to this program's.
    pub schema: Schema,
    /// What is broken in it, a sentence each; empty when it is whole.
    pub damage: Vec<String>,
    /// The algorithm and the id of the key that signs; `None` until an opening makes one.
    pub signing_key: Option<(Algorithm, String)>,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many sessions have not been ended; some may have expired.
    pub sessions: u64,
}

impl Accounts {
    /// Looks at a database and changes nothing: no migration, no key, no new file. `None` where there is none.
    /// A server may run on it meanwhile. Reads the whole file.
    ///
    /// # Errors
    /// The URL is not one, or the file cannot be read or is no database.
    pub async fn inspect(url: &str) -> Result<Option<Inspection>, OpenError> {
        store::check_url(url).map_err(OpenError::url)?;
        let url = url.to_owned();
        let found = tokio::task::spawn_blocking(move || Store::inspect(&url))
            .await
            .map_err(|error| Fault::because("store_failed", "the look broke off", error))?
            .map_err(Fault::from)?;
        Ok(found.map(public))
    }
}

fn public(found: store::Inspection) -> Inspection {
    let mut damage = found.damage;
    let signing_key = found.signing_key.and_then(|record| {
        if let Ok(key) = keys::read(&record) {
            return Some((key.algorithm(), record.kid));
        }
        damage.push(format!("the signing key {} cannot be read", record.kid));
        None
    });
    Inspection {
        schema: found.schema,
        damage,
        signing_key,
        accounts: found.accounts,
        sessions: found.sessions,
    }
}
