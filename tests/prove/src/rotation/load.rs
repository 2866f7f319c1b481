//! People who sign in, refresh and use what they get, without a pause.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::OLD;
use super::tally::{Tally, Token};
use crate::client::{Answer, Client};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD, Tokens};

/// How often each asks for a token.
const EVERY: Duration = Duration::from_millis(40);
/// How many refreshes there are to a sign-in.
const REFRESHES: usize = 25;

/// One of them.
pub(super) struct Person {
    name: String,
    /// To each node, twice, so that each in turn is asked by everybody.
    clients: Vec<Client>,
    tokens: Tokens,
    judges: Vec<mpsc::Sender<Arc<Token>>>,
    /// What is to be looked at again when it is old.
    young: VecDeque<Arc<Token>>,
    tally: Arc<Tally>,
}

impl Person {
    pub(super) async fn new(
        nodes: &Nodes,
        index: usize,
        judges: Vec<mpsc::Sender<Arc<Token>>>,
        tally: Arc<Tally>,
    ) -> anyhow::Result<Self> {
        let name = format!("turner-{index}");
        let mut clients: Vec<_> = nodes.all().iter().map(|node| node.client()).collect();
        person::new_account(&mut clients[0], &name).await?;
        let tokens = person::new_session(&mut clients[0], &name, PASSWORD).await?;
        Ok(Self {
            name,
            clients,
            tokens,
            judges,
            young: VecDeque::new(),
            tally,
        })
    }

    pub(super) async fn live(mut self, stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        let mut due = interval(EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in 0.. {
            due.tick().await;
            if *stopped.borrow() {
                break;
            }
            let node = turn % self.clients.len();
            if let Some(token) = self
                .new_token(node, turn % REFRESHES == REFRESHES - 1)
                .await?
            {
                self.show(token, node + 1).await?;
            }
            for token in self.grown_old() {
                self.show(token, node).await?;
            }
        }
        Ok(())
    }

    /// Those that are to be looked at again.
    fn grown_old(&mut self) -> Vec<Arc<Token>> {
        let old = |token: &&Arc<Token>| token.since.elapsed() > OLD;
        let count = self.young.iter().take_while(old).count();
        self.young.drain(..count).collect()
    }

    /// By a refresh or a sign-in at this node.
    async fn new_token(
        &mut self,
        node: usize,
        sign_in: bool,
    ) -> anyhow::Result<Option<Arc<Token>>> {
        let request = if sign_in {
            person::sign_in(&self.name, PASSWORD)
        } else {
            person::refresh(&self.tokens.refresh)
        };
        let answer = self.client(node)?.send(&request).await?;
        if answer.is_busy() {
            return Ok(None);
        }
        self.tokens = Tokens::from(answer, "asking for a token under load")?;
        let token = Token::new(&self.tokens.access, node)?;
        self.tally.issued(&token);
        self.young.push_back(Arc::clone(&token));
        Ok(Some(token))
    }

    /// To the verifiers, and to a guarded route of a node.
    async fn show(&mut self, token: Arc<Token>, node: usize) -> anyhow::Result<()> {
        for judge in &self.judges {
            let token = Arc::clone(&token);
            judge.send(token).await.context("a verifier ended")?;
        }
        let me = person::me(&token.text);
        let answer: Answer = self.client(node)?.send(&me).await?;
        self.tally.guarded(&token, &answer);
        Ok(())
    }

    fn client(&mut self, node: usize) -> anyhow::Result<&mut Client> {
        let count = self.clients.len();
        self.clients.get_mut(node % count).context("no node")
    }
}
