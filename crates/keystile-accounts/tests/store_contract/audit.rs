//! The audit.

use keystile_accounts::store::{AuditRecord, WriteError};

use crate::fixture::{
    Database, account, act, act_of, audited, new_account, rotate, rotated, signed_in,
};

pub(crate) async fn a_row_for_each_act_and_none_for_a_refused_one(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    assert!(
        store
            .create_account(act(), new_account("ada"))
            .await
            .is_err()
    );
    rotated(&store, token).await;
    store
        .set_roles(act_of(&live), "id-ada", vec!["admin".to_owned()])
        .await
        .unwrap();
    let refused = store.end_all_sessions(act_of(&live), "id-ada").await;
    assert!(matches!(refused, Err(WriteError::Stale)));
    assert_eq!(
        audited(&store).await,
        ["account.roles_set", "session.opened", "account.created"]
    );

    let page = store.audit(Some("id-ada"), None, 1).await.unwrap();
    let expected = AuditRecord {
        at: act().now,
        kind: "account.roles_set".to_owned(),
        actor_id: Some("id-ada".to_owned()),
        account_id: Some("id-ada".to_owned()),
        session_id: None,
        from: act().from,
        detail: None,
    };
    assert_eq!(page.items, [expected]);
    assert_eq!(
        rotate(&store, [1; 32]).await,
        keystile_accounts::store::Rotation::Unknown
    );
    assert_eq!(audited(&store).await.len(), 3, "guesses write nothing");
}

pub(crate) async fn pages_go_back_in_time(database: &Database) {
    let store = database.open().await;
    account(&store, "ada").await;
    for number in 0..5 {
        let record = AuditRecord {
            at: number,
            kind: format!("custom.{number}"),
            account_id: Some(if number % 2 == 0 { "even" } else { "odd" }.to_owned()),
            detail: Some("{}".to_owned()),
            ..AuditRecord::default()
        };
        store.record_audit(record).await.unwrap();
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit(None, before, 2).await.unwrap();
        seen.extend(page.items.into_iter().map(|row| row.kind));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(
        seen,
        [
            "custom.4",
            "custom.3",
            "custom.2",
            "custom.1",
            "custom.0",
            "account.created"
        ]
    );
    let odd = store.audit(Some("odd"), None, 10).await.unwrap();
    assert_eq!(
        odd.items.iter().map(|row| row.at).collect::<Vec<_>>(),
        [3, 1]
    );
}
