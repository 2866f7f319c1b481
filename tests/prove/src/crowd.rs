//! A crowd that signs up, refreshes, signs in and out, and changes passwords, and knows what it was promised.

mod changer;
mod check;
mod load;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::client::Client;
use crate::database::Database;
use crate::verdict::Verdict;
use changer::Changer;
pub use check::Checked;
use load::{Leaver, Registrant, Rotator};
pub use tally::Tally;

/// How many there are of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Who sign up one person after the other.
    pub registrants: usize,
    /// Who refresh one session.
    pub rotators: usize,
    /// Who sign in and out.
    pub leavers: usize,
    /// Who change one password.
    pub changers: usize,
}

/// Everybody who loads the servers.
#[derive(Debug)]
pub struct Crowd {
    registrants: Vec<Registrant>,
    rotators: Vec<Rotator>,
    leavers: Vec<Leaver>,
    changers: Vec<Changer>,
}

impl Crowd {
    /// Signs them up, under names that begin so.
    pub async fn gather(client: &mut Client, names: &str, size: Size) -> anyhow::Result<Self> {
        let registrant = |index| Registrant::new(format!("{names}-new-{index}"));
        let mut crowd = Self {
            registrants: (0..size.registrants).map(registrant).collect(),
            rotators: Vec::new(),
            leavers: Vec::new(),
            changers: Vec::new(),
        };
        for index in 0..size.rotators {
            crowd
                .rotators
                .push(Rotator::new(client, format!("{names}-rotator-{index}")).await?);
        }
        for index in 0..size.leavers {
            crowd
                .leavers
                .push(Leaver::new(client, format!("{names}-leaver-{index}")).await?);
        }
        for index in 0..size.changers {
            crowd
                .changers
                .push(Changer::new(client, format!("{names}-changer-{index}")).await?);
        }
        Ok(crowd)
    }

    /// Loads what is at that address while something is done to it; everybody comes back with what they know. Whoever is
    /// not answered does nothing more.
    pub async fn live(
        self,
        address: SocketAddr,
        tally: &Arc<Tally>,
        disturbance: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Self> {
        let mut registrants = JoinSet::new();
        for one in self.registrants {
            let tally = Arc::clone(tally);
            registrants.spawn(async move { one.live(address, &tally).await });
        }
        let mut rotators = JoinSet::new();
        for one in self.rotators {
            let tally = Arc::clone(tally);
            rotators.spawn(async move { one.live(address, &tally).await });
        }
        let mut leavers = JoinSet::new();
        for one in self.leavers {
            let tally = Arc::clone(tally);
            leavers.spawn(async move { one.live(address, &tally).await });
        }
        let mut changers = JoinSet::new();
        for one in self.changers {
            let tally = Arc::clone(tally);
            changers.spawn(async move { one.live(address, &tally).await });
        }
        let disturbed = disturbance.await;
        tally.end();
        let crowd = Self {
            registrants: registrants.join_all().await,
            rotators: rotators.join_all().await,
            leavers: leavers.join_all().await,
            changers: changers.join_all().await,
        };
        disturbed.map(|()| crowd)
    }

    /// Every acknowledged write holds; every unanswered one is whole or absent.
    pub async fn check(
        &mut self,
        client: &mut Client,
        database: &Database,
        checked: &mut Checked,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        for one in &mut self.registrants {
            check::registrant(one, client, checked, verdict).await?;
        }
        for one in &mut self.rotators {
            check::rotator(one, client, database, checked, verdict).await?;
        }
        for one in &mut self.leavers {
            check::leaver(one, client, database, checked, verdict).await?;
        }
        for one in &mut self.changers {
            one.check(client, checked, verdict).await?;
        }
        Ok(())
    }
}
