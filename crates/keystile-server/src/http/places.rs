//! How many may read the revocation feed at a time, and how many of them for one client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The last eighth of the places is a reserve.
const RESERVE: usize = 8;
/// In the reserve a client gets a place only while it has less than so many parts of the reserve: eight clients fill it, and
/// no fewer.
const SHARE: usize = 8;

/// The places, and who has them. One client may run thousands of guards, and takes all places but the reserve; those are for clients
/// that have few.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// No client with none is kept.
    by_client: HashMap<String, usize>,
}

/// A reader's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: String,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All are taken.
    ForAll,
    /// What is left is for clients that have fewer.
    ForThisClient,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A place for one more reader of this client.
    pub(super) fn take(self: &Arc<Self>, client: &str) -> Result<Place, Full> {
        let reserve = self.most / RESERVE;
        let few = (reserve / SHARE).max(1);
        let mut taken = self.taken();
        if taken.all >= self.most {
            return Err(Full::ForAll);
        }
        let own = taken.by_client.get(client).copied().unwrap_or(0);
        if taken.all >= self.most - reserve && own >= few {
            return Err(Full::ForThisClient);
        }
        taken.all += 1;
        *taken.by_client.entry(client.to_owned()).or_default() += 1;
        Ok(Place {
            places: Arc::clone(self),
            client: client.to_owned(),
        })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(own) = taken.by_client.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Arc<Places>, client: &str, count: usize) -> Vec<Place> {
        let taken = (0..count).map(|_| places.take(client));
        taken.map(|place| place.expect("a place")).collect()
    }

    #[test]
    fn one_client_takes_all_but_the_reserve_and_eight_others_fill_that() {
        let places = Places::new(2_048);
        let many = take(&places, "many", 1_792);
        assert_eq!(places.take("many").unwrap_err(), Full::ForThisClient);
        let others: Vec<_> = (0..8)
            .map(|n| take(&places, &format!("other {n}"), 32))
            .collect();
        for client in ["many", "other 0", "one more"] {
            assert_eq!(places.take(client).unwrap_err(), Full::ForAll);
        }
        drop(others);
        let one = take(&places, "one", 32);
        assert_eq!(places.take("one").unwrap_err(), Full::ForThisClient);
        drop(many);
        let again = take(&places, "many", 1_760);
        assert_eq!(places.take("many").unwrap_err(), Full::ForThisClient);
        drop((one, again));
        let taken = places.taken();
        assert!(taken.all == 0 && taken.by_client.is_empty(), "{taken:?}");
    }

    #[test]
    fn where_there_are_few_places_each_client_gets_one_at_least() {
        for (most, of_one) in [(0, 0), (1, 1), (7, 7), (8, 7), (100, 88)] {
            let places = Places::new(most);
            let all = take(&places, "many", of_one);
            let full = if most == of_one {
                Full::ForAll
            } else {
                Full::ForThisClient
            };
            assert_eq!(places.take("many").unwrap_err(), full, "{most}");
            assert_eq!(places.take("other").is_ok(), most > of_one, "{most}");
            drop(all);
        }
    }
}
