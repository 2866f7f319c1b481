//! Private keys sealed at rest, and refresh tokens that go on whatever becomes of the sealing key.

use keystile::SigningKey;
use keystile_accounts::{Accounts, Begin, Builder, OpenError};

use super::signing;
use crate::shop::{Shop, on_postgres, options, sql};

const ONE: [u8; 32] = [1; 32];
const TWO: [u8; 32] = [2; 32];

/// The stored private parts that are not erased.
fn stored(shop: &Shop) -> Vec<Vec<u8>> {
    let each = if on_postgres() {
        "SELECT string_agg(encode(private, 'hex'), ',' ORDER BY kid) FROM signing_key WHERE length(private) > 0"
    } else {
        "SELECT group_concat(hex(private)) FROM
            (SELECT private FROM signing_key WHERE length(private) > 0 ORDER BY kid)"
    };
    let all = sql(shop.folder.path(), each);
    all.split(',').map(bytes).collect()
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn readable(stored: &[Vec<u8>]) -> usize {
    let readable = |private: &&Vec<u8>| SigningKey::from_pkcs8_der(private).is_ok();
    stored.iter().filter(readable).count()
}

async fn open(shop: &Shop, change: impl FnOnce(Builder) -> Builder) -> Result<Accounts, OpenError> {
    change(options(shop.folder.path(), &shop.clock))
        .open()
        .await
}

#[tokio::test]
async fn private_keys_are_sealed_when_a_sealing_key_is_first_given_and_sealed_anew_when_it_changes()
{
    let shop = Shop::open().await;
    shop.ada().await;
    shop.accounts
        .rotate_keys(None, None, Begin::WhenDue)
        .await
        .unwrap();
    let session = shop.sign_in().await;
    let kid = signing(&shop.accounts).await;
    assert_eq!(readable(&stored(&shop)), 2, "the test can tell");

    let first = open(&shop, |builder| builder.sealing_key(ONE))
        .await
        .unwrap();
    let sealed = stored(&shop);
    assert_eq!((sealed.len(), readable(&sealed)), (2, 0));
    let again = open(&shop, |builder| builder.sealing_key(ONE))
        .await
        .unwrap();
    assert_eq!(stored(&shop), sealed, "once");
    drop((first, again));

    let both = |builder: Builder| builder.sealing_key(TWO).previous_sealing_key(ONE);
    let (one, two) = tokio::join!(open(&shop, both), open(&shop, both));
    let (one, two) = (one.unwrap(), two.unwrap());
    let anew = stored(&shop);
    assert!(anew.iter().all(|private| !sealed.contains(private)));
    assert_eq!(readable(&anew), 0);
    for accounts in [&one, &two] {
        assert_eq!(signing(accounts).await, kid);
        assert!(accounts.guard().verify(&session.access_token).is_ok());
    }
    let pem = two.export_key(&kid).await.unwrap();
    assert_eq!(SigningKey::from_pem(&pem).unwrap().key_id().as_str(), kid);
    // What is made from now on is sealed too.
    two.rotate_keys(None, None, Begin::Now).await.unwrap();
    assert_eq!(readable(&stored(&shop)), 0);
    let alone = open(&shop, |builder| builder.sealing_key(TWO)).await;
    assert!(alone.is_ok(), "the previous one is needed no more");
}

#[tokio::test]
async fn a_missing_or_a_wrong_sealing_key_is_refused_and_nothing_is_lost() {
    let shop = Shop::with(|builder| builder.sealing_key(ONE)).await;
    let before = stored(&shop);
    let missing = open(&shop, |builder| builder)
        .await
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no sealing key is given"), "{missing}");
    let wrong = open(&shop, |builder| builder.sealing_key(TWO)).await;
    let wrong = wrong.unwrap_err().to_string();
    assert!(wrong.contains("another sealing key"), "{wrong}");
    let alone = open(&shop, |builder| builder.previous_sealing_key(ONE)).await;
    let alone = alone.unwrap_err().to_string();
    assert!(alone.contains("give sealing_key too"), "{alone}");
    assert_eq!(stored(&shop), before);
    open(&shop, |builder| builder.sealing_key(ONE))
        .await
        .unwrap();
}

#[tokio::test]
async fn chains_go_on_when_the_sealing_key_is_first_given_and_when_it_changes() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let mut used = session.refresh_token.expose().to_owned();
    let mut head = shop.accounts.refresh(&used).await.unwrap();
    let openings: [fn(Builder) -> Builder; 4] = [
        |builder| builder.sealing_key(ONE),
        |builder| builder.sealing_key(TWO).previous_sealing_key(ONE),
        |builder| builder.sealing_key(TWO),
        |builder| builder.sealing_key(ONE).previous_sealing_key(TWO),
    ];
    for (number, opening) in openings.into_iter().enumerate() {
        let accounts = open(&shop, opening).await.unwrap();
        // The answer was lost; the same token comes again after the change, within the grace.
        let replayed = accounts.refresh(&used).await.unwrap();
        assert_eq!(
            replayed.refresh_token.expose(),
            head.refresh_token.expose(),
            "opening {number}"
        );
        head.refresh_token.expose().clone_into(&mut used);
        head = accounts.refresh(&used).await.unwrap();
    }
}

/// A node that was not given the sealing key yet, or not the new one, when another rotates: it signs on with the former
/// key, and refuses nobody for what the others sign.
#[tokio::test]
async fn a_node_without_the_sealing_key_refuses_no_token_of_the_others() {
    let shop = Shop::open().await;
    shop.ada().await;
    let sealing = open(&shop, |builder| builder.sealing_key(ONE))
        .await
        .unwrap();
    sealing.rotate_keys(None, None, Begin::Now).await.unwrap();
    let theirs = sealing.sign_in(crate::shop::ada_signs_in()).await.unwrap();
    crate::shop::eventually("it verifies by the new key", || {
        shop.refused(&theirs.access_token).is_none()
    })
    .await;
    let ours = shop.sign_in().await;
    assert!(sealing.guard().verify(&ours.access_token).is_ok());
}
