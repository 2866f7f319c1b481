//! Clients that were deleted after the backup was taken.

use keystile_accounts::store::{NewSession, Revoked, Trusted, client_subject};

use super::restore::{backed_up, restore};
use crate::fixture::{Database, act, audited, client, fresh, lives, new_session, signed_in};

/// Whatever is trusted: it was deleted because its secret got out, perhaps.
#[tokio::test]
async fn a_client_that_was_deleted_stays_so() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (own, _) = signed_in(&store, "ada").await;
    client(&store, "kept").await;
    client(&store, "leaked").await;
    let through = NewSession {
        client_id: Some("leaked".to_owned()),
        ..new_session(&own.account, fresh())
    };
    let through = store.open_session(act(), through).await.unwrap().unwrap();
    let file = backed_up(&database);
    store.delete_client(act(), "leaked").await.unwrap();
    store.close().await;
    for trusted in [Trusted::Everything, Trusted::Keys] {
        restore(&database, &file, trusted).unwrap();
        let store = database.open().await;
        assert!(store.client("kept").await.unwrap().is_some());
        assert_eq!(store.client("leaked").await.unwrap(), None);
        assert_eq!(lives(&store, &own).await, trusted == Trusted::Everything);
        assert!(!lives(&store, &through).await);
        let told = store.revocation_snapshot(0).await.unwrap().rows;
        let told: Vec<_> = told.into_iter().map(|row| row.revoked).collect();
        let session_id = through.session.id.clone();
        assert!(told.contains(&Revoked::Session { session_id }), "{told:?}");
        let account_id = client_subject("leaked");
        assert!(
            told.contains(&Revoked::Subject {
                account_id,
                smallest_generation: 1
            }),
            "{told:?}"
        );
        assert_eq!(
            audited(&store)
                .await
                .iter()
                .filter(|kind| *kind == "client.deleted")
                .count(),
            1
        );
        store.close().await;
    }
}
