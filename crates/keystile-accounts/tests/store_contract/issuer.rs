//! The issuer on which servers agree.

use crate::fixture::Database;

pub(crate) async fn all_who_ask_at_once_agree_on_one(database: &Database) {
    let (one, two) = (database.open().await, database.open().await);
    let (first, second) = tokio::join!(
        one.issuer_or_insert("http://127.0.0.1:1"),
        two.issuer_or_insert("http://127.0.0.1:2")
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    assert!(["http://127.0.0.1:1", "http://127.0.0.1:2"].contains(&first.as_str()));
    let later = database.open().await;
    let later = later.issuer_or_insert("http://127.0.0.1:3").await;
    assert_eq!(later.unwrap(), first, "also after a restart");
}

pub(crate) async fn it_is_replaced_only_as_it_was_seen(database: &Database) {
    let store = database.open().await;
    assert!(
        !store
            .replace_issuer("https://a", "https://b")
            .await
            .unwrap()
    );
    store.issuer_or_insert("https://a").await.unwrap();
    assert!(
        store
            .replace_issuer("https://a", "https://b")
            .await
            .unwrap()
    );
    let late = store.replace_issuer("https://a", "https://c").await;
    assert!(!late.unwrap(), "another was first");
    assert_eq!(
        store.issuer_or_insert("https://a").await.unwrap(),
        "https://b"
    );
}
