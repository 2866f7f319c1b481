//! A look at a database without opening it for work: for whoever wants to know and change nothing.

use std::fmt::Write as _;

use keystile::{Algorithm, SigningKey, Timestamp};

use crate::accounts::Accounts;
use crate::client::Client;
use crate::error::{Fault, OpenError};
use crate::keys::{SealingId, SealingKey, sealed_by};
use crate::store::{self, Store};
pub use crate::store::{DatabaseHost, DatabaseServer, HostState, Schema, ServerFacts};

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
    /// Whether the key that signs is sealed, and if so the id of its sealing key, in hexadecimal.
    pub sealed_by: Option<String>,
    /// The issuer that servers on it have; `None` until one has said it.
    pub issuer: Option<String>,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many sessions have not been ended; some may have expired.
    pub sessions: u64,
    /// Its clients, in the order of their creation, the first thousand; empty where the schema is not this program's.
    pub clients: Vec<Client>,
    /// When it was last copied by [`Accounts::backup`], as far as it knows. Of a restored one, when that backup was taken.
    pub last_backup: Option<Timestamp>,
}

impl Accounts {
    /// Whether a URL names a database that could be opened, without looking for it.
    ///
    /// # Errors
    /// Says what is wrong with it, and shows nothing of it that may be a password.
    pub fn check_url(url: &str) -> Result<(), OpenError> {
        store::check_url(url).map_err(OpenError::url)
    }

    /// Looks at a database and changes nothing: no migration, no key, no new file. `None` where there is none.
    /// A server may run on it meanwhile. Reads the whole file.
    ///
    /// # Errors
    /// The URL is not one, or the file cannot be read or is no database.
    pub async fn inspect(url: &str) -> Result<Option<Inspection>, OpenError> {
        store::check_url(url).map_err(OpenError::url)?;
        let found = Store::inspect(url).await.map_err(Fault::from)?;
        Ok(found.map(public))
    }

    /// Looks at each host of a PostgreSQL database, and at how the server is set; `None` for SQLite. Changes nothing.
    ///
    /// # Errors
    /// The URL is not one, or the server broke off. A host that does not answer is no error: it is told.
    pub async fn inspect_server(url: &str) -> Result<Option<DatabaseServer>, OpenError> {
        store::check_url(url).map_err(OpenError::url)?;
        Ok(Store::inspect_server(url).await.map_err(Fault::from)?)
    }
}

/// The id of a sealing key, as [`Inspection::sealed_by`] says it: to tell keys apart, without saying anything of them.
pub fn sealing_key_id(key: &[u8; 32]) -> Option<String> {
    SealingKey::new(key).map(|key| hexadecimal(key.id()))
}

fn hexadecimal(id: SealingId) -> String {
    id.iter().fold(String::new(), |mut all, byte| {
        // Writing to a string does not fail.
        let _ = write!(all, "{byte:02x}");
        all
    })
}

fn public(found: store::Inspection) -> Inspection {
    let mut damage = found.damage;
    let mut sealing = None;
    let signing_key = found.signing_key.and_then(|(kid, algorithm, private)| {
        let id = sealed_by(&private);
        sealing = id.map(hexadecimal);
        let readable = id.is_some() || SigningKey::from_pkcs8_der(&private).is_ok();
        match algorithm.parse() {
            Ok(algorithm) if readable => return Some((algorithm, kid)),
            _ => damage.push(format!("the signing key {kid} cannot be read")),
        }
        None
    });
    Inspection {
        schema: found.schema,
        damage,
        signing_key,
        sealed_by: sealing,
        issuer: found.issuer,
        accounts: found.accounts,
        sessions: found.sessions,
        clients: found.clients.iter().map(Client::from).collect(),
        last_backup: found.last_backup.map(Timestamp::from_millis),
    }
}
