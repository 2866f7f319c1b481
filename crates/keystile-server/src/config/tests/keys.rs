//! Settings of keys.

use super::*;

#[test]
fn a_schedule_of_keys_must_leave_them_their_times() {
    let (_folder, sources) = file("[keys]\nrotate_every = \"20m\"\nmax_age = \"2d\"\n");
    assert_eq!(subjects(&sources), ["keys.max_age", "keys.rotate_every"]);
    let (_folder, sources) = file("[keys]\nrotate_every = \"20m\"\n");
    let told = Config::load(&sources).unwrap_err().to_string();
    assert!(told.contains("Give at least 28m4s"), "{told}");
    let (_folder, sources) = file("[keys]\nrotate_every = \"28m4s\"\n");
    let keys = Config::load(&sources).unwrap().keys;
    assert_eq!(keys.rotate_every, Some(Duration::from_secs(1684)));
}

#[test]
fn key_files_are_read_and_their_contradictions_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, algorithm) in [("one.pem", Algorithm::EdDsa), ("two.pem", Algorithm::Es256)] {
        let key = SigningKey::generate(algorithm, &keystile::Random::system()).unwrap();
        std::fs::write(path(name), key.to_pem().unwrap().as_bytes()).unwrap();
    }
    std::fs::write(path("no.pem"), "hunter2").unwrap();
    let (one, two) = (path("one.pem"), path("two.pem"));
    let with = |files: &str, more: &[(&str, &str)]| {
        let variables = [&[("KEYSTILE_KEYS__FILES", files)], more].concat();
        environment(&variables)
    };
    let both = format!("{one}, {two}");
    let keys = Config::load(&with(&both, &[])).unwrap().keys.files;
    let algorithms: Vec<_> = keys.iter().map(SigningKey::algorithm).collect();
    assert_eq!(algorithms, [Algorithm::EdDsa, Algorithm::Es256]);
    let schedule = ("KEYSTILE_KEYS__ROTATE_EVERY", "90d");
    let other = ("KEYSTILE_TOKENS__ALGORITHM", "ES256");
    let told = subjects(&with(&both, &[schedule, other]));
    assert_eq!(told, ["keys.rotate_every", "tokens.algorithm"]);
    for (files, part) in [
        (format!("{one},{one}"), "another file holds too"),
        (path("none.pem"), "cannot be read"),
        (path("no.pem"), "no.pem"),
    ] {
        let told = Config::load(&with(&files, &[])).unwrap_err().to_string();
        assert!(told.contains(part) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn sealing_keys_are_thirty_two_bytes_and_never_shown() {
    let one = "0123456789abcdef".repeat(4);
    let other = "fedcba9876543210".repeat(4);
    let sources = |present: &str, previous: &str| {
        environment(&[
            ("KEYSTILE_KEYS__SEALING_KEY", present),
            ("KEYSTILE_KEYS__SEALING_KEY_PREVIOUS", previous),
        ])
    };
    let right = sources(&one, &other);
    let keys = Config::load(&right).unwrap().keys;
    assert_eq!(
        keys.sealing_key.as_ref().unwrap().expose()[..2],
        [0x01, 0x23]
    );
    let shown = format!("{keys:?}{:?}", Shown::all(&right));
    assert!(
        !shown.contains(&one) && !shown.contains("35, 69"),
        "{shown}"
    );
    let placeholder = "00".repeat(32);
    let signed = format!("+1{}", &one[2..]);
    for wrong in ["hunter2", &one[2..], &placeholder, &signed] {
        let told = Config::load(&sources(wrong, "")).unwrap_err().to_string();
        assert!(told.contains("openssl rand -hex 32"), "{told}");
        assert!(!told.contains(wrong), "{told}");
    }
    assert_eq!(subjects(&sources("", &one)), ["keys.sealing_key_previous"]);
    assert_eq!(
        subjects(&sources(&one, &one)),
        ["keys.sealing_key_previous"]
    );
}
