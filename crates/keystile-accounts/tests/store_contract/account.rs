//! Accounts.

use keystile_accounts::store::{
    AccountChanges, AccountFilter, Field, NewAccount, NewAccountId, Rotation, WriteError,
};

use crate::fixture::{
    Database, account, act, audited, beginning, fresh, lives, name, new_account, new_session,
    rotate, session, signed_in,
};

pub(crate) async fn names_are_unique_by_their_key(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "Ada").await;
    assert_eq!(store.account(&ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(
        store.account_by_username("ada").await.unwrap().as_ref(),
        Some(&ada)
    );
    assert_eq!(
        store
            .account_by_email("ada@example.org")
            .await
            .unwrap()
            .as_ref(),
        Some(&ada)
    );
    assert_eq!(store.account_by_username("Ada").await.unwrap(), None);

    let mut same_name = new_account("other");
    same_name.username = Some(name("aDA"));
    let mut same_email = new_account("other");
    same_email.email = Some(name("ADA@example.org"));
    let mut same_id = new_account("other");
    same_id.id = NewAccountId::Given(ada.id);
    for (new, expected) in [
        (same_name, Field::Username),
        (same_email, Field::Email),
        (same_id, Field::Id),
    ] {
        let refused = store.create_account(act(), new).await.unwrap_err();
        assert!(
            matches!(refused, WriteError::Taken(field) if field == expected),
            "{refused:?}"
        );
    }

    let nameless = |id: &str| NewAccount {
        id: NewAccountId::Given(id.to_owned()),
        username: None,
        email: None,
        password: None,
        roles: Vec::new(),
        imported: false,
    };
    for id in ["first", "second"] {
        store
            .create_account(act(), nameless(id))
            .await
            .expect("a name that is missing is no one's");
    }
}

pub(crate) async fn a_refused_change_changes_nothing(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    account(&store, "bob").await;
    let changes = AccountChanges {
        username: Some(Some(name("Countess"))),
        email: Some(Some(name("bob@example.org"))),
        expected_password: None,
    };
    let refused = store
        .update_account(act(), &ada.id, changes)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, WriteError::Taken(Field::Email)),
        "{refused:?}"
    );
    assert_eq!(store.account(&ada.id).await.unwrap(), Some(ada));

    let nobody = store
        .update_account(act(), "nobody", AccountChanges::default())
        .await;
    assert!(matches!(nobody, Err(WriteError::NotFound)));
}

pub(crate) async fn sequence_ids_never_come_again(database: &Database) {
    let store = database.open().await;
    let next = async |username: &str| {
        let new = NewAccount {
            id: NewAccountId::Sequence,
            ..new_account(username)
        };
        store
            .create_account(act(), new)
            .await
            .map(|account| account.id)
    };
    assert_eq!(next("a").await.unwrap(), "1");
    assert_eq!(next("b").await.unwrap(), "2");
    assert!(matches!(
        next("b").await,
        Err(WriteError::Taken(Field::Username))
    ));
    store.delete_account(act(), "2", None).await.unwrap();
    assert_eq!(
        next("c").await.unwrap(),
        "3",
        "a refused one uses no number, a deleted one keeps its own"
    );

    let given = NewAccount {
        id: NewAccountId::Given("10".to_owned()),
        ..new_account("imported")
    };
    store.create_account(act(), given).await.unwrap();
    store.delete_account(act(), "10", None).await.unwrap();
    assert_eq!(next("d").await.unwrap(), "11");
    for (id, username) in [
        ("-5", "minus"),
        ("0012", "padded"),
        ("9223372036854775807", "huge"),
    ] {
        let given = NewAccount {
            id: NewAccountId::Given(id.to_owned()),
            ..new_account(username)
        };
        store.create_account(act(), given).await.unwrap();
    }
    assert_eq!(next("e").await.unwrap(), "12");
}

pub(crate) async fn a_reused_id_begins_above_what_is_revoked(database: &Database) {
    let store = database.open().await;
    let ada = account(&store, "ada").await;
    store
        .set_roles(act(), &ada.id, vec!["admin".to_owned()])
        .await
        .unwrap();
    store.delete_account(act(), &ada.id, None).await.unwrap();
    let again = account(&store, "ada").await;
    assert_eq!(
        again.generation,
        ada.generation + 2,
        "its tokens are not the former owner's"
    );
}

pub(crate) async fn pages_show_all_once_in_order_of_creation(database: &Database) {
    let store = database.open().await;
    for number in 0..7 {
        account(&store, &format!("user{number}")).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .accounts(AccountFilter::default(), after, 3)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|account| account.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        seen,
        (0..7)
            .map(|number| format!("id-user{number}"))
            .collect::<Vec<_>>()
    );
    let exactly = store
        .accounts(AccountFilter::default(), None, 7)
        .await
        .unwrap();
    assert_eq!((exactly.items.len(), exactly.next), (7, None));
}

pub(crate) async fn filters_hold_together(database: &Database) {
    let store = database.open().await;
    for username in ["ada", "adam", "ad_m", "bob", "\u{10FFFF}"] {
        account(&store, username).await;
    }
    let mut by_email = new_account("zoe");
    by_email.email = Some(name("adalbert@example.org"));
    store.create_account(act(), by_email).await.unwrap();
    store.disable_account(act(), "id-adam").await.unwrap();
    store
        .set_roles(act(), "id-ada", vec!["user".to_owned(), "admin".to_owned()])
        .await
        .unwrap();

    let found = async |prefix: Option<&str>, disabled: Option<bool>, role: Option<&str>| {
        let filter = AccountFilter {
            prefix: prefix.map(str::to_owned),
            disabled,
            role: role.map(str::to_owned),
        };
        let page = store.accounts(filter, None, 100).await.unwrap();
        page.items
            .into_iter()
            .map(|account| account.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(Some("ada"), None, None).await,
        ["id-ada", "id-adam", "id-zoe"]
    );
    assert_eq!(
        found(Some("ad_"), None, None).await,
        ["id-ad_m"],
        "no wildcard"
    );
    assert_eq!(
        found(Some("ada"), Some(false), None).await,
        ["id-ada", "id-zoe"]
    );
    assert_eq!(found(None, Some(true), None).await, ["id-adam"]);
    assert_eq!(found(None, None, Some("admin")).await, ["id-ada"]);
    assert_eq!(found(Some("adam"), None, Some("admin")).await, [""; 0]);
    assert_eq!(
        found(None, None, Some("adm")).await,
        [""; 0],
        "a role is whole or not at all"
    );
}

pub(crate) async fn names_change_only_while_the_password_is_the_expected_one(database: &Database) {
    let store = database.open().await;
    let (live, _) = signed_in(&store, "ada").await;
    let change = |expected: &str| AccountChanges {
        username: Some(Some(name("Countess"))),
        email: Some(None),
        expected_password: Some(expected.to_owned()),
    };
    let refused = store
        .update_account(act(), "id-ada", change("$test$c=1$old"))
        .await;
    assert!(matches!(refused, Err(WriteError::Changed)), "{refused:?}");
    let changed = store
        .update_account(act(), "id-ada", change("$test$c=1$ada"))
        .await
        .unwrap();
    assert_eq!(
        (changed.username, changed.email),
        (Some(name("Countess")), None)
    );
    assert_eq!(changed.generation, live.account.generation);
    assert!(lives(&store, &live).await);
    let mut heir = new_account("ada");
    heir.id = NewAccountId::Given("another".to_owned());
    store
        .create_account(act(), heir)
        .await
        .expect("the old names are free");
}

pub(crate) async fn a_role_change_raises_the_generation_and_ends_no_session(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let same = store
        .set_roles(act(), "id-ada", live.account.roles.clone())
        .await
        .unwrap();
    assert_eq!(same.generation, live.account.generation);
    let roles = vec!["admin".to_owned(), "a \"quoted\" röle".to_owned()];
    let changed = store
        .set_roles(act(), "id-ada", roles.clone())
        .await
        .unwrap();
    assert_eq!(
        (changed.generation, &changed.roles),
        (live.account.generation + 1, &roles)
    );
    let Rotation::Rotated(after) = rotate(&store, token).await else {
        panic!("the session goes on");
    };
    assert_eq!(
        (after.account.generation, &after.account.roles),
        (changed.generation, &roles)
    );
    assert_eq!(
        store
            .revocations_after(beginning(), 10)
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
}

pub(crate) async fn disabling_ends_all_and_enabling_revives_nothing(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let disabled = store.disable_account(act(), "id-ada").await.unwrap();
    assert!(disabled.disabled_at.is_some());
    assert_eq!(disabled.generation, live.account.generation + 1);
    let again = store.disable_account(act(), "id-ada").await.unwrap();
    assert_eq!(again, disabled, "once is enough");
    assert!(!lives(&store, &live).await);
    assert!(
        store
            .open_session(act(), new_session(&disabled, fresh()))
            .await
            .unwrap()
            .is_none()
    );

    let enabled = store.enable_account(act(), "id-ada").await.unwrap();
    assert_eq!(
        (enabled.disabled_at, enabled.generation),
        (None, disabled.generation)
    );
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
    session(&store, &enabled).await;
    for outcome in [
        store.disable_account(act(), "nobody").await,
        store.enable_account(act(), "nobody").await,
    ] {
        assert!(matches!(outcome, Err(WriteError::NotFound)));
    }
}

pub(crate) async fn deletion_ends_all_and_forgets_places(database: &Database) {
    let store = database.open().await;
    let (live, token) = signed_in(&store, "ada").await;
    let refused = store
        .delete_account(act(), "id-ada", Some("another".to_owned()))
        .await;
    assert!(matches!(refused, Err(WriteError::Changed)));
    assert!(lives(&store, &live).await);

    store
        .delete_account(act(), "id-ada", Some("$test$c=1$ada".to_owned()))
        .await
        .unwrap();
    assert_eq!(store.account("id-ada").await.unwrap(), None);
    assert!(!lives(&store, &live).await);
    assert_eq!(audited(&store).await[0], "account.deleted");
    assert!(matches!(rotate(&store, token).await, Rotation::Ended(_)));
    assert!(
        store
            .open_session(act(), new_session(&live.account, fresh()))
            .await
            .unwrap()
            .is_none()
    );
    assert!(matches!(
        store.delete_account(act(), "id-ada", None).await,
        Err(WriteError::NotFound)
    ));
}
