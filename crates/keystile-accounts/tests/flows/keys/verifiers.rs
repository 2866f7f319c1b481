//! Verifiers that keep the key set for its whole age, while keys turn: no good token is refused.

use std::time::Duration;

use keystile::{Algorithm, Clock, Expected, KeySet, Timestamp, Trust, Verifier};
use keystile_accounts::{Accounts, Begin, Builder};

use crate::shop::{Shop, ada_signs_in, options};

const MAX_AGE: u64 = 60;
const LIFE: Duration = Duration::from_secs(120);
const TICK: u64 = 6;

/// Fetches the key set when what it holds is too old, and never for a key that it does not know.
struct Caching {
    verifier: Verifier,
    fetched: Timestamp,
}

impl Caching {
    fn fetch(&mut self, accounts: &Accounts, now: Timestamp) {
        if now < self.fetched.saturating_add(Duration::from_secs(MAX_AGE)) {
            return;
        }
        let published = KeySet::from_jwks_json(&accounts.key_set().to_jwks_json()).unwrap();
        self.verifier.replace_keys(0, published);
        self.fetched = now;
    }
}

/// One for each moment of the age at which the key set may have been fetched.
fn verifiers(clock: &Clock, accounts: &Accounts) -> Vec<Caching> {
    let now = clock.now();
    (0..MAX_AGE / TICK)
        .map(|number| Caching {
            verifier: Verifier::new(Trust {
                issuer: Expected::Unchecked,
                audience: Expected::Unchecked,
                token_type: Expected::Exactly("at+jwt".to_owned()),
                keys: KeySet::from_jwks_json(&accounts.key_set().to_jwks_json()).unwrap(),
            })
            .clock(clock.clone()),
            fetched: now.saturating_sub(Duration::from_secs(number * TICK)),
        })
        .collect()
}

fn short(builder: Builder) -> Builder {
    builder
        .key_max_age(Duration::from_secs(MAX_AGE))
        .access_lifetime(LIFE)
}

/// Two nodes on one database; each tick both look at the keys, sign, and everybody verifies what lives.
struct World {
    shop: Shop,
    beside: Accounts,
    verifiers: Vec<Caching>,
    /// The refresh token at each node.
    heads: [String; 2],
    /// Tokens that live, with the moment of their expiry.
    living: Vec<(Timestamp, String)>,
    verified: u64,
}

impl World {
    async fn new() -> Self {
        let shop = Shop::with(short).await;
        shop.ada().await;
        let beside = short(options(shop.folder.path(), &shop.clock));
        let beside = beside.open().await.unwrap();
        let mut heads = Vec::new();
        for accounts in [&shop.accounts, &beside] {
            let session = accounts.sign_in(ada_signs_in()).await.unwrap();
            heads.push(session.refresh_token.expose().to_owned());
        }
        let verifiers = verifiers(&shop.clock, &shop.accounts);
        Self {
            shop,
            beside,
            verifiers,
            heads: heads.try_into().unwrap(),
            living: Vec::new(),
            verified: 0,
        }
    }

    async fn tick(&mut self) {
        self.shop.turn(TICK);
        let now = self.shop.clock.now();
        let nodes = [&self.shop.accounts, &self.beside];
        for (node, head) in nodes.into_iter().zip(&mut self.heads) {
            node.turn_keys().await.unwrap();
            let session = node.refresh(&*head).await.unwrap();
            session.refresh_token.expose().clone_into(head);
            self.living
                .push((now.saturating_add(LIFE), session.access_token));
        }
        self.living.retain(|(expires, _)| now < *expires);
        for (number, caching) in self.verifiers.iter_mut().enumerate() {
            caching.fetch(nodes[number % 2], now);
            // The newest and the oldest: what lies between was new once and will be old.
            let ends = self.living.len().saturating_sub(3);
            let at_an_end = |at: &usize| *at < 3 || *at >= ends;
            for at in (0..self.living.len()).filter(at_an_end) {
                let token = &self.living[at].1;
                let verified = caching.verifier.verify(token);
                assert!(
                    verified.is_ok(),
                    "{verified:?} at {now:?} by verifier {number}"
                );
                self.verified += 1;
            }
        }
    }

    /// Until the key that signs is another, and then a little.
    async fn until_it_signs(&mut self, kid: &str) {
        for _ in 0..200 {
            self.tick().await;
            let keys = self.shop.accounts.keys().await.unwrap();
            if keys.iter().any(|key| key.is_signing() && key.key_id == kid) {
                for _ in 0..10 {
                    self.tick().await;
                }
                return;
            }
        }
        panic!("{kid} never signed");
    }
}

#[tokio::test]
async fn three_rotations_and_a_change_of_algorithm_refuse_no_good_token() {
    let mut world = World::new().await;
    for _ in 0..5 {
        world.tick().await;
    }
    for _ in 0..3 {
        let rotated = world.shop.accounts.rotate_keys(None, None, Begin::WhenDue);
        let next = rotated.await.unwrap();
        world.until_it_signs(&next.key_id).await;
    }
    let changed = short(options(world.shop.folder.path(), &world.shop.clock));
    let changed = changed.algorithm(Algorithm::EdDsa).open().await.unwrap();
    world.shop.accounts = changed;
    let keys = world.shop.accounts.keys().await.unwrap();
    let next = keys.last().unwrap();
    assert_eq!(next.algorithm, Algorithm::EdDsa);
    world.until_it_signs(&next.key_id).await;
    // Long enough for every retired key to go.
    for _ in 0..70 {
        world.tick().await;
    }
    assert_eq!(world.shop.accounts.keys().await.unwrap().len(), 1);
    assert!(world.verified > 5_000, "{} verified", world.verified);
}

#[tokio::test]
async fn a_rotation_at_once_is_felt_by_those_who_keep_the_old_keys_only() {
    let mut world = World::new().await;
    world.tick().await;
    world
        .shop
        .accounts
        .rotate_keys(None, None, Begin::Now)
        .await
        .unwrap();
    world.shop.turn(TICK);
    let session = world.shop.accounts.refresh(&world.heads[0]).await.unwrap();
    let refused = |caching: &Caching| caching.verifier.verify(&session.access_token).is_err();
    assert!(
        world.verifiers.iter().all(refused),
        "the simulation can fail"
    );
    let now = world.shop.clock.now();
    for caching in &mut world.verifiers {
        caching.fetched = Timestamp::from_seconds(0);
        caching.fetch(&world.shop.accounts, now);
    }
    assert!(!world.verifiers.iter().any(refused));
}
