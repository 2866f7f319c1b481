use crate::keystile::{Folder, PASSWORD};

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

    folder
        .run("key export nonsense")
        .failed("keystile key list");
    folder
        .run_with("key import -", &pem)
        .failed("in the store already");
    folder.run_with("key import -", "nonsense").failed("PEM");
    folder.run("key import nowhere.pem").failed("nowhere.pem");
}

#[test]
fn an_imported_key_goes_on_signing_whatever_starts_later() {
    let folder = Folder::new();
    let made = folder.serve("");
    let key = ::keystile::SigningKey::generate(
        ::keystile::Algorithm::EdDsa,
        &::keystile::Random::system(),
    );
    let pem = key.unwrap().to_pem().unwrap();
    folder.run_with("key import -", &pem).worked();
    drop(made);
    let server = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let states = folder.run("key list --json").worked().json();
    assert_eq!(
        (&states[0]["alg"], &states[0]["state"]),
        (&"EdDSA".into(), &"signing".into())
    );
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    let shown = folder.run(&format!("token inspect {token} --json"));
    assert_eq!(shown.worked().json()["header"]["alg"], "EdDSA");
    assert_eq!(server.me(token), 200);
}
