use crate::keystile::{Folder, PASSWORD};

#[test]
fn a_token_is_taken_apart_and_judged_by_its_issuer() {
    let folder = Folder::new();
    let server = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    let issuer = format!("http://{}", server.address);

    let shown = folder
        .run_with("token inspect", &format!("{token}\n"))
        .worked();
    assert!(
        shown.out.contains("\"preferred_username\": \"ada\"")
            && shown.out.contains("nothing was verified"),
        "{}",
        shown.out
    );
    let judged = folder
        .run(&format!("token inspect {token} --issuer {issuer} --json"))
        .worked()
        .json();
    assert_eq!(judged["verification"]["ok"], true);
    assert_eq!(judged["header"]["typ"], "at+jwt");

    let judged = folder.run(&format!("token inspect {token} --issuer {issuer}"));
    assert!(
        judged
            .worked()
            .out
            .contains("whether it was revoked only its issuer knows")
    );

    let (head, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let changed = format!("{head}.{first}{}", &signature[1..]);
    let line = format!("token inspect {changed} --issuer {issuer}");
    folder.run(&line).failed("token_signature_invalid");
    folder
        .run(&format!(
            "token inspect {token} --issuer {issuer} --audience cakes"
        ))
        .failed("token_audience_wrong");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    folder
        .run(&format!("token inspect {refresh}"))
        .failed("access_token_needed");
    drop(server);
    folder
        .run(&format!("token inspect {token} --issuer {issuer}"))
        .failed("cannot fetch");
}

#[test]
fn by_a_key_from_a_file() {
    let folder = Folder::new();
    let server = folder.serve("");
    folder
        .run_with("account create --username ada --password-stdin", PASSWORD)
        .worked();
    let (_, tokens) = server.sign_in("ada");
    let token = tokens["access_token"].as_str().unwrap();
    let (_, keys) = server.ask("GET", "/.well-known/jwks.json", "", "");
    folder.write("keys.json", &keys);
    folder
        .run(&format!("token inspect {token} --key keys.json"))
        .worked();
    let one: serde_json::Value = serde_json::from_str(&keys).unwrap();
    folder.write("key.json", &one["keys"][0].to_string());
    folder
        .run(&format!("token inspect {token} --key key.json"))
        .worked();

    folder.write("secret", "a secret of thirty-two bytes or more\n");
    folder
        .run(&format!("token inspect {token} --secret-file secret"))
        .failed("does not verify");
    folder
        .run(&format!("token inspect {token} --key nowhere"))
        .failed("nowhere");
    assert_eq!(
        folder
            .run(&format!("token inspect {token} --key a --issuer b"))
            .code,
        2
    );
    assert_eq!(
        folder
            .run(&format!("token inspect {token} --audience b"))
            .code,
        2
    );
}

#[test]
fn a_refresh_token_and_an_issuer_without_scheme_are_told_apart_from_faults_of_a_token() {
    let folder = Folder::new();
    let refresh = "ksr_8BAQS5tyDctuVwSoowCr7r6DWnDNBfo5d6WG4vSqjA8";
    let said = folder.run(&format!("token inspect {refresh}"));
    let said = said.failed("access_token_needed: A refresh token came");
    assert!(!said.err.contains(refresh), "{}", said.err);
    let key = ::keystile::SigningKey::hs256([7; 32]).unwrap();
    let token = key.issue(&::keystile::Claims::new("ada", 1)).unwrap();
    folder
        .run(&format!("token inspect {token} --issuer 127.0.0.1:1"))
        .failed("not an issuer's URL");
}
