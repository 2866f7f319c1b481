//! Many simultaneous refreshes of one token; a lost answer; a replay.

mod replay;
mod volley;

use std::time::Duration;

use crate::client::{Answer, Client};
use crate::database::Database;
use crate::engine::Engine;
use crate::figures::Stopwatch;
use crate::hold::{Hold, Point};
use crate::nodes::Nodes;
use crate::person::{self, PASSWORD, Tokens};
use crate::verdict::Verdict;

/// Every so many rounds all requests are held in the server, behind the database's lock, until the last is there.
const HELD_EVERY: usize = 10;

/// Where they are held on PostgreSQL, in turn: all before the token's session is looked for; the winner when it has it, when
/// it has consumed the token, when it notes that, and before it is kept, while the losers wait for it.
const HELD_AT: [Point; 5] = [
    Point::SessionAsked,
    Point::SessionLocked,
    Point::SessionChanged,
    Point::Spent,
    Point::Done,
];

/// `rounds` times `at_once` simultaneous refreshes of one token, then replays, also over restarts.
pub async fn prove(engine: Engine, rounds: usize, at_once: usize) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::of("refresh-storm", engine);
    let watch = Stopwatch::start();
    let mut server = Nodes::start(engine, 2, &[]).await?;
    let mut storm = Storm::prepare(&server, at_once, HELD_EVERY).await?;
    for round in 0..rounds {
        storm.round(round, &mut verdict).await?;
    }
    let Storm {
        held,
        same,
        living,
        lost,
        refused,
        ..
    } = storm;
    let replays = replay::prove(&mut server, rounds.div_ceil(10).min(100), &mut verdict).await?;
    verdict.figures = format!(
        "{rounds} rounds of {at_once} ({held} held back until all were in flight): one living chain in {living}, \
         one successor for all in {same}, {} forks, {refused} callers refused; {lost} lost answers repeated; {replays}; {:.0} s",
        rounds - living,
        watch.elapsed().as_secs_f64()
    );
    Ok(verdict)
}

/// One session, and as many who refresh its token at once.
pub(crate) struct Storm<'a> {
    server: &'a Nodes,
    database: Database,
    pub(crate) hold: Hold,
    /// Every so many rounds are held back.
    held_every: usize,
    clients: Vec<Client>,
    account: String,
    tokens: Tokens,
    /// Rounds whose requests were held back; those in which all got the same successor; those that left one living
    /// chain; lost answers that were repeated; callers that got a successor; those that were refused.
    held: usize,
    same: usize,
    pub(crate) living: usize,
    lost: usize,
    pub(crate) served: usize,
    pub(crate) refused: usize,
    /// From letting go to the last answer.
    pub(crate) longest_wait: Duration,
}

impl<'a> Storm<'a> {
    pub(crate) async fn prepare(
        server: &'a Nodes,
        at_once: usize,
        held_every: usize,
    ) -> anyhow::Result<Self> {
        let mut client = server.client();
        let account = person::new_account(&mut client, "storm").await?;
        let tokens = person::new_session(&mut client, "storm", PASSWORD).await?;
        Ok(Self {
            server,
            database: server.database().await?,
            hold: Hold::new(server).await?,
            clients: server.clients(at_once),
            account,
            tokens,
            held_every,
            held: 0,
            same: 0,
            living: 0,
            lost: 0,
            served: 0,
            refused: 0,
            longest_wait: Duration::ZERO,
        })
    }

    pub(crate) async fn round(
        &mut self,
        round: usize,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let request = person::refresh(&self.tokens.refresh);
        let (answers, waited) = if round % self.held_every == self.held_every - 1 {
            let point = HELD_AT[self.held % HELD_AT.len()];
            self.held += 1;
            self.hold.hold(point, &self.server.names()).await?;
            volley::held(&mut self.clients, &request, self.server, &self.hold).await?
        } else {
            volley::free(&mut self.clients, &request).await?
        };
        self.longest_wait = self.longest_wait.max(waited);
        let Some(next) = self.same_successor(round, answers, verdict) else {
            // The chain may be broken: go on with a new session, so that later rounds say something too.
            self.tokens = person::new_session(&mut self.server.client(), "storm", PASSWORD).await?;
            return Ok(());
        };
        self.count_chains(round, &next, verdict).await?;
        self.lost_answer(round, &next, verdict).await?;
        self.tokens = next;
        Ok(())
    }

    /// The one successor that all callers got.
    fn same_successor(
        &mut self,
        round: usize,
        answers: Vec<Answer>,
        verdict: &mut Verdict,
    ) -> Option<Tokens> {
        let callers = answers.len();
        let mut all = Vec::with_capacity(callers);
        for answer in answers {
            match Tokens::from(answer, "refreshing") {
                Ok(tokens) => all.push(tokens),
                Err(error) => {
                    self.refused += 1;
                    verdict.broken(format!(
                        "round {round}: an honest caller was refused: {error}"
                    ));
                }
            }
        }
        self.served += all.len();
        let first = all.first()?.clone();
        let same =
            |tokens: &Tokens| tokens.refresh == first.refresh && tokens.session == first.session;
        let one = all.iter().all(same);
        verdict.check(one, || {
            format!("round {round}: callers got different successors")
        });
        if !one || all.len() < callers {
            return None;
        }
        self.same += 1;
        Some(first)
    }

    /// One living chain, whose head is the successor, with one spent token for every round of the session.
    async fn count_chains(
        &mut self,
        round: usize,
        next: &Tokens,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let living = self.database.living_sessions(&self.account).await?;
        let heads = self.database.heads(&next.refresh).await?;
        let spent = self.database.is_spent(&self.tokens.refresh).await?;
        let one = living == 1 && heads == 1 && spent;
        verdict.check(one, || {
            format!("round {round}: {living} living chains, {heads} with the successor as head, consumed: {spent}")
        });
        self.living += usize::from(one);
        Ok(())
    }

    /// The same token again, as if its answer had been lost; and the access token that came with the successor works.
    async fn lost_answer(
        &mut self,
        round: usize,
        next: &Tokens,
        verdict: &mut Verdict,
    ) -> anyhow::Result<()> {
        let Some(client) = self.clients.first_mut() else {
            return Ok(());
        };
        let again = client.send(&person::refresh(&self.tokens.refresh)).await?;
        let brief = again.brief();
        let same =
            Tokens::from(again, "repeating").is_ok_and(|again| again.refresh == next.refresh);
        verdict.check(same, || {
            format!("round {round}: a lost answer repeated got {brief}, not the same successor")
        });
        self.lost += usize::from(same);
        let me = client.send(&person::me(&next.access)).await?;
        verdict.check(me.status == 200, || {
            format!(
                "round {round}: a refreshed token was refused: {}",
                me.brief()
            )
        });
        Ok(())
    }
}
