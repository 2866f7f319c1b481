//! The servers of a proof: one on SQLite, two or more on one PostgreSQL database.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::Client;
use crate::engine::Engine;
use crate::server::Server;

/// Servers on one database.
#[derive(Debug)]
pub struct Nodes {
    servers: Vec<Server>,
    next: AtomicUsize,
}

impl Nodes {
    /// As many as asked for on PostgreSQL, one on SQLite; all ready, on a new database.
    pub async fn start(
        engine: Engine,
        count: usize,
        settings: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Self> {
        let mut servers = vec![Server::start(engine, settings).await?];
        if engine == Engine::Postgres {
            for number in 2..=count {
                servers.push(servers[0].beside(number).await?);
            }
        }
        let next = AtomicUsize::new(0);
        Ok(Self { servers, next })
    }

    /// A new connection, to each in turn.
    pub fn client(&self) -> Client {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.servers[turn % self.servers.len()].client()
    }

    /// As many clients as asked for, to each in turn.
    pub fn clients(&self, count: usize) -> Vec<Client> {
        (0..count).map(|_| self.client()).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<&Server> {
        self.servers.iter().collect()
    }

    /// `kill -9` to all of them.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        for server in &mut self.servers {
            server.kill().await?;
        }
        Ok(())
    }

    /// The names by which the database knows them.
    pub fn names(&self) -> Vec<&str> {
        self.servers.iter().map(Server::name).collect()
    }
}

/// The first of them stands for all where it does not matter which.
impl Deref for Nodes {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.servers[0]
    }
}

impl DerefMut for Nodes {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.servers[0]
    }
}
