//! A board of some size to look at: the same people, follows and posts each time.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use examples_common::fresh_secret;
use keystile::Random;
use keystile_accounts::{NewAccount, SignUp};

use crate::App;
use crate::board::Draft;

/// The one seeded person who can sign in.
pub const SEEDED_NAME: &str = "reader";
const PEOPLE: usize = 200;
const FOLLOWS: usize = 5_000;
const BATCH: u32 = 10_000;
const SEED: u64 = 1;
const MINUTE: u64 = 60;
const SENTENCES: [&str; 6] = [
    "The kettle is on.",
    "Rain again, and no umbrella.",
    "Read half a book today; the other half can wait.",
    "Somebody has moved the ladder.",
    "The tomatoes are doing better than I am.",
    "A short walk, a long lunch.",
];

impl App {
    /// Fills an empty board with 200 people, 5,000 follows and so many posts. Says what it is at, how much is done, and
    /// how much there is to do. Answers the password of [`SEEDED_NAME`], which `secret` made and nothing keeps.
    pub async fn seed(
        &self,
        posts: u32,
        secret: &Random,
        mut at: impl FnMut(&'static str, u64, u64),
    ) -> Result<String> {
        ensure!(
            self.board.is_empty().await?,
            "there are people on this board: seed another, with MICROBLOG_DB=./seeded.db"
        );
        let password = fresh_secret(secret);
        let random = Random::seeded(SEED);
        let people = self.seed_people(&password, &mut at).await?;
        let follows = follows(&random);
        let posts = self.seed_posts(&people, posts, &random, &mut at).await?;
        let timelines = timelines(&follows, &posts);
        for (place, (followees, timeline)) in follows.into_iter().zip(timelines).enumerate() {
            let followees = followees.into_iter().map(|place| people[place]).collect();
            self.board
                .seed_reader(people[place], followees, timeline)
                .await?;
            at("timelines", place as u64 + 1, PEOPLE as u64);
        }
        Ok(password)
    }

    async fn seed_people(
        &self,
        password: &str,
        at: &mut impl FnMut(&'static str, u64, u64),
    ) -> Result<Vec<i64>> {
        let reader = SignUp::username(SEEDED_NAME).password(password);
        let mut people = vec![
            self.board_learns(&self.accounts()?.sign_up(reader).await?)
                .await?,
        ];
        for number in 2..=PEOPLE {
            // Without a password: nobody can sign in, and nothing needs to be hashed.
            let account = NewAccount::username(format!("person{number:03}"));
            let account = self.accounts()?.create_account(None, account).await?;
            people.push(self.board_learns(&account).await?);
            at("people", number as u64, PEOPLE as u64);
        }
        Ok(people)
    }

    /// Answers each post's author, by place among the people, and its id; the ids ascend.
    async fn seed_posts(
        &self,
        people: &[i64],
        posts: u32,
        random: &Random,
        at: &mut impl FnMut(&'static str, u64, u64),
    ) -> Result<Vec<(usize, i64)>> {
        let now = self.clock.now();
        let mut written = Vec::new();
        let mut done = 0;
        while done < posts {
            let batch = done..posts.min(done + BATCH);
            done = batch.end;
            let authors: Vec<usize> = batch.clone().map(|_| below(random, PEOPLE)).collect();
            let drafts = batch.zip(&authors).map(|(number, &author)| Draft {
                author: people[author],
                content: format!("{} ({number})", SENTENCES[below(random, SENTENCES.len())]),
                written: now
                    .saturating_sub(Duration::from_secs(MINUTE * u64::from(posts - number))),
            });
            let ids = self.board.seed_posts(drafts.collect()).await?;
            written.extend(authors.into_iter().zip(ids));
            at("posts", done.into(), posts.into());
        }
        Ok(written)
    }
}

/// Whom each person follows; a person is a place among the people.
fn follows(random: &Random) -> Vec<BTreeSet<usize>> {
    let mut follows = vec![BTreeSet::new(); PEOPLE];
    let mut made = 0;
    while made < FOLLOWS {
        let [follower, followee] = [(); 2].map(|()| below(random, PEOPLE));
        if followee != follower && follows[follower].insert(followee) {
            made += 1;
        }
    }
    follows
}

/// The posts that each person is to find in their timeline, oldest first.
fn timelines(follows: &[BTreeSet<usize>], posts: &[(usize, i64)]) -> Vec<Vec<i64>> {
    let mut followers = vec![Vec::new(); PEOPLE];
    for (follower, followees) in follows.iter().enumerate() {
        for &followee in followees {
            followers[followee].push(follower);
        }
    }
    let mut timelines = vec![Vec::new(); PEOPLE];
    for &(author, post) in posts {
        for &reader in &followers[author] {
            timelines[reader].push(post);
        }
    }
    timelines
}

/// A number below `bound`. The bias of the remainder does not matter here.
fn below(random: &Random, bound: usize) -> usize {
    let drawn = u32::from_le_bytes(random.bytes());
    drawn as usize % bound
}
