use crate::keystile::Folder;

#[test]
fn keys_are_listed_exported_and_imported() {
    let folder = Folder::new();
    folder.run("migrate").worked();
    let list = folder.run("key list --json").worked().json();
    assert_eq!(
        (&list[0]["alg"], &list[0]["state"]),
        (&"ES256".into(), &"signing".into())
    );
    let kid = list[0]["kid"].as_str().unwrap();
    let pem = folder.run(&format!("key export {kid}")).worked().out;
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));

    let other = Folder::new();
    let imported = other.run_with("key import - --json", &pem).worked().json();
    assert_eq!(imported[0]["kid"], kid);
    let states = other.run("key list --json").worked().json();
    assert_eq!(states[0]["kid"], kid);
    assert_eq!(states[0]["state"], "signing");

    folder.run("key export nonsense").failed("key");
    folder.run_with("key import -", "nonsense").failed("PEM");
    folder.run("key import nowhere.pem").failed("nowhere.pem");
}
