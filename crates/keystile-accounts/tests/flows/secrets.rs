use keystile_accounts::{Changes, NewAccount, SignIn, SignUp};

use crate::shop::{OTHER, PASSWORD, Shop, caller};

pub(crate) fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

#[tokio::test]
async fn on_sqlite_the_database_holds_no_secret_that_was_used() {
    const SECRET: &str = "a signing secret of thirty-two bytes and more";
    const HASH_KEY: &str = "a key for hashes of thirty-two bytes and more";
    // It looks into SQLite's files.
    if crate::shop::on_postgres() {
        return;
    }
    let shop =
        Shop::with(|builder| builder.signing_secret(SECRET).refresh_hash_key(HASH_KEY)).await;
    shop.ada().await;
    let first = shop.sign_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    let changed = shop
        .accounts
        .change_password(&caller(&shop.accounts, &second), PASSWORD, OTHER)
        .await
        .unwrap();
    let third = shop.accounts.refresh(&changed.refresh_token).await.unwrap();
    let secrets = [SECRET, HASH_KEY, PASSWORD, OTHER]
        .into_iter()
        .map(str::to_owned)
        .chain(
            [&first, &second, &changed, &third]
                .into_iter()
                .flat_map(|session| {
                    [
                        session.refresh_token.expose().to_owned(),
                        session.access_token.clone(),
                    ]
                }),
        );

    // Beside the open store, so that the write-ahead log is read too.
    let mut files = Vec::new();
    for file in std::fs::read_dir(shop.folder.path()).unwrap() {
        files.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(
        files.iter().any(|bytes| holds(bytes, b"Ada@Example.org")),
        "the rows are in these files"
    );
    for secret in secrets {
        let plain = secret.strip_prefix("ksr_").unwrap_or(&secret);
        assert!(
            !files.iter().any(|bytes| holds(bytes, plain.as_bytes())),
            "{secret}"
        );
    }
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let shop = Shop::open().await;
    shop.ada().await;
    let session = shop.sign_in().await;
    let shown = [
        format!("{session:?}"),
        format!("{:?}", session.refresh_token),
        format!("{:?}", SignUp::username("ada").password(PASSWORD)),
        format!("{:?}", SignIn::username("ada").password(PASSWORD)),
        format!("{:?}", Changes::new().current_password(PASSWORD)),
        format!("{:?}", NewAccount::username("ada").password(PASSWORD)),
        format!(
            "{:?}",
            NewAccount::username("ada").password_hash("$2b$05$abcdefgh")
        ),
        format!("{:?}", shop.accounts),
        format!(
            "{:?}",
            keystile_accounts::Accounts::builder("sqlite://x").signing_secret(PASSWORD)
        ),
    ];
    for text in shown {
        for secret in [
            PASSWORD,
            session.refresh_token.expose(),
            &session.access_token,
            "abcdefgh",
        ] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
