use serde_json::json;

use crate::keystile::Folder;

#[test]
fn clients_are_made_listed_and_deleted() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let made = folder
        .run("client create microblog --scope revocations:read --json")
        .worked();
    let made = made.json();
    let (id, secret) = (
        made["client_id"].as_str().unwrap(),
        made["client_secret"].as_str().unwrap(),
    );
    assert!(secret.starts_with("ksc_") && secret.len() == 47, "{secret}");
    assert_eq!(
        (&made["name"], &made["scopes"], &made["audiences"]),
        (
            &json!("microblog"),
            &json!(["revocations:read"]),
            &json!([])
        )
    );
    folder
        .run("client create microblog")
        .failed("this name is taken");
    folder
        .run("client create other --audience https://a#b")
        .failed("audience");
    let plain = folder
        .run("client create orders --scope b,a --scope c --audience https://a.example --audience https://b.example")
        .worked();
    assert!(plain.err.contains("not shown again"), "{}", plain.err);
    let shown: Vec<&str> = plain.out.split_whitespace().collect();
    assert_eq!(
        (shown[0], shown[2], shown.len()),
        ("client_id", "client_secret", 4)
    );

    let list = folder.run("client list --json").worked().json();
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(list[0], expected);
    assert_eq!(list[1]["scopes"], json!(["a", "b", "c"]));
    let table = folder.run("client list").worked().out;
    for part in ["microblog", id, "https://a.example https://b.example"] {
        assert!(table.contains(part), "{table}");
    }
    for secret in [secret, shown[3]] {
        assert!(!table.contains(secret) && !list.to_string().contains(secret));
        let kept = std::fs::read(folder.0.path().join("keystile-data/keystile.db")).unwrap();
        assert!(
            !kept
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
        );
    }

    folder.run("client delete microblog").failed("--yes");
    folder
        .run("client delete nobody --yes")
        .failed("keystile client list");
    let gone = folder
        .run("client delete microblog --yes --json")
        .worked()
        .json();
    assert_eq!(gone, json!({ "deleted": id, "sessions": 0 }));
    folder
        .run(&format!("client delete {} --yes", shown[1]))
        .worked();
    assert_eq!(folder.run("client list --json").worked().json(), json!([]));
}

#[test]
fn a_client_is_made_where_a_server_is_and_nowhere_else() {
    let folder = Folder::new();
    for line in [
        "client list",
        "client create microblog",
        "client delete x --yes",
    ] {
        folder.run(line).failed("there is no database");
        let made = folder.0.path().join("keystile-data").exists();
        assert!(!made, "{line} made something");
    }
    let said = folder.run("migrate").worked();
    assert!(
        said.err.contains("Made a new database: sqlite"),
        "{}",
        said.err
    );
    let said = folder.run("migrate").worked();
    assert!(!said.err.contains("Made"), "{}", said.err);
}

#[test]
fn one_that_cannot_reach_the_feed_is_told_of() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let issuer = "http://127.0.0.1:8080";
    for (more, told) in [
        ("--audience https://a.example".to_owned(), true),
        (
            format!("--audience https://a.example --audience {issuer}"),
            false,
        ),
        (String::new(), false),
    ] {
        let line = format!("client create reader --scope revocations:read {more}");
        let said = folder.run(&line).worked();
        let note = format!("--audience {issuer} too");
        assert_eq!(said.err.contains(&note), told, "{more}: {}", said.err);
        let issuer = format!("issuer = {issuer:?}\n");
        std::fs::write(folder.0.path().join("keystile.toml"), issuer).unwrap();
        let looked = folder.run("doctor").out;
        let noticed = looked.contains("note  clients: reader has the scope revocations:read");
        assert_eq!(noticed, told, "{more}: {looked}");
        assert_eq!(
            looked.contains("ok    clients: 1"),
            !told,
            "{more}: {looked}"
        );
        std::fs::remove_file(folder.0.path().join("keystile.toml")).unwrap();
        folder.run("client delete reader --yes").worked();
    }
}
