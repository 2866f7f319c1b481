use super::*;
use crate::{Claims, Guard, KeySet, SigningKey, Trust, Verifier};

/// Every token falls to the same place with the same hash.
#[derive(Default)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}

fn verified(sub: &str) -> (String, Arc<Verified>) {
    let key = SigningKey::hs256([7; 32]).unwrap();
    let token = key.issue(&Claims::new(sub, 1 << 40)).unwrap();
    let verifier = Verifier::new(Trust {
        issuer: crate::Expected::Unchecked,
        audience: crate::Expected::Unchecked,
        token_type: crate::Expected::Unchecked,
        keys: KeySet::from(key.verifying_key().clone()),
    });
    let verified = verifier.verify(&token).unwrap();
    (token, verified)
}

impl<S: BuildHasher> Remembered<S> {
    fn known(&self, token: &str, epoch: u64) -> Option<Arc<Verified>> {
        match self.look_up(token.as_bytes(), epoch) {
            LookedUp::Known(verified) => Some(verified),
            LookedUp::New(_) => None,
        }
    }

    /// As a guard does it. Whether it was known.
    fn see(&self, token: &str, epoch: u64, verified: &Arc<Verified>) -> bool {
        match self.look_up(token.as_bytes(), epoch) {
            LookedUp::Known(_) => true,
            LookedUp::New(new) => {
                self.put(&new, verified);
                false
            }
        }
    }

    /// The weight of what is held, counted.
    fn held(&self) -> usize {
        self.places()
            .iter()
            .filter_map(ArcSwapOption::load_full)
            .map(|entry| entry.weight())
            .sum()
    }
}

#[test]
fn tokens_of_one_hash_are_told_apart_by_their_bytes() {
    let memory = Remembered::with_hasher(1 << 20, Constant).unwrap();
    let (ada, ada_verified) = verified("ada");
    let (eve, eve_verified) = verified("eve");
    memory.see(&ada, 0, &ada_verified);
    assert_eq!(memory.known(&ada, 0).unwrap().claims().sub, "ada");
    assert!(memory.known(&eve, 0).is_none());
    for at in 0..ada.len() {
        let mut altered = ada.clone().into_bytes();
        altered[at] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        assert!(memory.known(&altered, 0).is_none(), "byte {at}");
    }
    assert!(memory.known(&ada[1..], 0).is_none() && memory.known("", 0).is_none());
    assert!(memory.known(&format!("{ada}A"), 0).is_none());
    memory.see(&eve, 0, &eve_verified);
    assert_eq!(memory.known(&eve, 0).unwrap().claims().sub, "eve");
    assert_eq!(memory.known(&ada, 0).unwrap().claims().sub, "ada");
}

#[test]
fn a_fifth_of_one_hash_gets_the_place_of_one_that_is_not_in_use() {
    let memory = Remembered::with_hasher(1 << 20, Constant).unwrap();
    let [ada, eve, bob, kim, joe] = ["ada", "eve", "bob", "kim", "joe"].map(verified);
    let see = |(token, verified): &(String, Arc<Verified>)| memory.see(token, 0, verified);
    for one in [&ada, &eve, &bob, &kim] {
        assert!(!see(one));
    }
    // All are in use but Bob's, which gives way.
    assert!(see(&ada) && see(&eve) && see(&kim));
    assert!(!see(&joe) && see(&joe) && !see(&bob));
    // Nobody's gives way to Bob's at once; Ada's does once it is not used in between.
    assert!(see(&eve) && see(&kim) && see(&joe));
    assert!(!see(&bob) && see(&bob) && !see(&ada));
}

#[test]
fn another_epoch_remembers_nothing() {
    let memory = Remembered::new(1 << 20).unwrap();
    let (token, verified) = verified("ada");
    memory.see(&token, 1, &verified);
    assert!(memory.known(&token, 1).is_some());
    assert!(memory.known(&token, 0).is_none() && memory.known(&token, 2).is_none());
}

#[test]
fn what_an_older_epoch_left_gives_way_even_if_it_was_in_use() {
    let memory = Remembered::with_hasher(1 << 20, Constant).unwrap();
    let [ada, eve, kim, joe, bob] = ["ada", "eve", "kim", "joe", "bob"].map(verified);
    for (token, verified) in [&ada, &eve, &kim, &joe] {
        memory.see(token, 1, verified);
        assert!(memory.known(token, 1).is_some());
    }
    memory.see(&bob.0, 2, &bob.1);
    assert!(memory.known(&bob.0, 2).is_some());
}

#[test]
fn the_bytes_stay_within_the_limit() {
    let limit = 64 * 1024;
    let memory = Remembered::new(limit).unwrap();
    let mut kept = 0;
    for number in 0..2_000 {
        let sub = format!("{number}{}", "x".repeat(number % 1500));
        let (token, verified) = verified(&sub);
        memory.see(&token, 0, &verified);
        kept += usize::from(memory.known(&token, 0).is_some());
        let held = memory.held();
        assert_eq!(held, memory.weight.load(Ordering::Acquire));
        assert!(held <= limit, "{held}");
    }
    assert!(kept > 1_000, "{kept}");
    assert!(Remembered::new(0).is_none());
}

/// Token texts that end in random bytes, as signatures do.
fn texts(count: usize, length: usize, seed: u64) -> Vec<String> {
    let random = crate::Random::seeded(seed);
    let body = "x".repeat(length - 43);
    (0..count)
        .map(|_| format!("{body}{}", crate::base64url::encode(&random.bytes::<32>())))
        .collect()
}

/// A thousand tokens are used in turn, twice; then others bring so many tokens, each of them once, between any two uses of
/// one, three times over. How many of a hundred uses still find their token.
fn hits_under_a_flood(flood: usize, flood_length: usize) -> usize {
    const HONEST: usize = 1_000;
    let memory = Remembered::with_hasher(8 << 20, Seeded).unwrap();
    let (_, verified) = verified("ada");
    let honest = texts(HONEST, 511, 1);
    for token in honest.iter().chain(&honest) {
        memory.see(token, 0, &verified);
    }
    let mut hits = 0;
    for round in 0..3 {
        let strangers = texts(flood, flood_length, 2 + round);
        for (place, token) in honest.iter().enumerate() {
            hits += usize::from(memory.see(token, 0, &verified));
            for stranger in &strangers[place * flood / HONEST..(place + 1) * flood / HONEST] {
                memory.see(stranger, 0, &verified);
            }
        }
        assert_eq!(memory.held(), memory.weight.load(Ordering::Acquire));
        assert!(memory.held() <= 8 << 20);
    }
    hits * 100 / (3 * HONEST)
}

/// The same places in each run of the test.
struct Seeded;

impl BuildHasher for Seeded {
    type Hasher = std::collections::hash_map::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        Self::Hasher::new()
    }
}

/// Four thousand is as many as there are places.
#[test]
fn tokens_in_use_outlive_a_flood_of_good_ones() {
    for (flood, length, least) in [
        (0, 511, 99),
        (1_000, 511, 98),
        (4_000, 511, 97),
        (20_000, 511, 97),
        (4_000, 15_000, 90),
    ] {
        let hits = hits_under_a_flood(flood, length);
        println!("{flood} tokens of {length} bytes between two uses: {hits} % are known");
        assert!(hits >= least, "{flood} of {length} bytes: {hits} %");
    }
}

#[test]
fn a_bad_token_never_enters() {
    let guard = Guard::hs256([7; 32]).unwrap();
    let other = SigningKey::hs256([8; 32]).unwrap();
    let expired = SigningKey::hs256([7; 32])
        .unwrap()
        .issue(&Claims::new("ada", 1));
    for number in 0..500 {
        let foreign = other
            .issue(&Claims::new(format!("{number}"), 1 << 40))
            .unwrap();
        for token in [&foreign, &foreign[1..], expired.as_ref().unwrap(), ""] {
            assert!(guard.verify(token).is_err());
        }
    }
    let memory = guard.remembered().unwrap();
    assert_eq!(
        (memory.held(), memory.weight.load(Ordering::Acquire)),
        (0, 0)
    );
    let (token, _) = verified("ada");
    guard.verify(&token).unwrap();
    assert!(memory.held() > 0);
}

/// Another way to answer is no other guard: what one verified the other need not verify again.
#[test]
fn guards_that_differ_in_their_words_share_the_memory() {
    let guard = Guard::hs256([7; 32]).unwrap();
    let memory = |guard: &Guard| std::ptr::from_ref(guard.remembered().unwrap());
    let derived = guard.clone().realm("cakes");
    assert_eq!(memory(&derived), memory(&guard));
    assert_ne!(memory(&guard.clone().audience("cakes")), memory(&guard));
}
