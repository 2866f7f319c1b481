//! Keys in a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keystile::{
    Algorithm, Claims, Clock, Expected, Guard, KeyFile, KeyFileError, KeySet, SigningKey,
    Timestamp, Trust, Verifier,
};

use crate::common::{NOW, clock, key};

/// A folder of this test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("keystile-key-file-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, text: &str) -> PathBuf {
        let path = self.0.join("keys");
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pem(key: &SigningKey) -> String {
    key.verifying_key().to_pem().unwrap()
}

fn jwks(keys: &[&SigningKey]) -> String {
    let keys = keys.iter().map(|key| key.verifying_key().clone());
    KeySet::new(keys).to_jwks_json()
}

fn guard(file: &KeyFile, clock: &Clock) -> Guard {
    let trust = Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: file,
    };
    Guard::new(Verifier::new(trust).clock(clock.clone()))
}

fn passes(guard: &Guard, key: &SigningKey) -> bool {
    let token = key.issue(&Claims::new("ada", NOW + 90_000)).unwrap();
    guard.verify(&token).is_ok()
}

#[test]
fn every_kind_of_file_is_read() {
    let folder = Folder::new("kinds");
    let keys = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256].map(|of| key(of, 1));
    let each = |write: fn(&SigningKey) -> String| keys.iter().map(write).collect::<String>();
    let texts = [
        each(pem),
        each(|key| key.to_pem().unwrap().to_string()),
        format!("# three keys\r\n\r\n{}", each(pem).replace('\n', "\r\n")),
        jwks(&keys.each_ref()),
        format!("\n  {}\n", jwks(&keys.each_ref())),
    ];
    for text in texts {
        let file = KeyFile::open(folder.put(&text)).unwrap();
        let guard = guard(&file, &clock());
        assert_eq!(file.keys().len(), 3, "{text}");
        assert!(keys.iter().all(|key| passes(&guard, key)), "{text}");
        assert!(!format!("{file:?}").contains("BEGIN"));
    }
    let one = keys[0].verifying_key().to_jwk().unwrap().to_string();
    assert_eq!(KeyFile::open(folder.put(&one)).unwrap().keys().len(), 1);
}

#[test]
fn what_holds_no_keys_is_refused_with_the_cure_and_never_quoted() {
    let folder = Folder::new("refused");
    let good = pem(&key(Algorithm::Es256, 1));
    let secret = r#"{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}"#;
    let cut = &good[..good.len() / 2];
    let long = format!("{good}{}", " ".repeat(512 * 1024));
    let cases = [
        ("", "not PEM"),
        ("c2VjcmV0", "not PEM"),
        ("{", "neither PEM nor"),
        (r#"{"keys":7}"#, "not a JWKS"),
        (cut, "not PEM"),
        (secret, "HS256"),
        (&format!(r#"{{"keys":[{secret}]}}"#), "no key of this JWKS"),
        (&format!("{good}{cut}"), "not PEM"),
        (&long, "longer than"),
    ];
    for (text, says) in cases {
        let fault = KeyFile::open(folder.put(text)).unwrap_err().to_string();
        assert!(fault.contains(says), "{text:.40}: {fault}");
        assert!(!fault.contains("c2VjcmV0"), "{fault}");
    }
    let missing = KeyFile::open(folder.0.join("missing")).unwrap_err();
    assert!(matches!(missing, KeyFileError::Unreadable { .. }));
    let is_folder = KeyFile::open(Path::new(&folder.0)).unwrap_err();
    assert!(is_folder.to_string().contains("no file"), "{is_folder}");
}

/// New keys count for whoever holds the file, remembered tokens of the old key no more.
#[test]
fn a_change_is_seen_when_the_time_has_come() {
    let folder = Folder::new("change");
    let (old, new) = (key(Algorithm::Es256, 1), key(Algorithm::Es256, 2));
    let clock = clock();
    let file = KeyFile::open(folder.put(&pem(&old))).unwrap();
    let guard = guard(&file, &clock);
    assert!(passes(&guard, &old) && !passes(&guard, &new));

    folder.put(&pem(&new));
    clock.set(Timestamp::from_seconds(NOW + 9));
    assert!(passes(&guard, &old) && !passes(&guard, &new));
    clock.set(Timestamp::from_seconds(NOW + 10));
    assert!(!passes(&guard, &old) && passes(&guard, &new));

    // A clock that was set back by an hour does not keep it from looking.
    folder.put(&jwks(&[&old, &new]));
    clock.set(Timestamp::from_seconds(NOW - 3_600));
    assert!(passes(&guard, &old) && passes(&guard, &new));
}

/// One and the same token, remembered: it is refused from the very look that finds its key gone.
#[test]
fn a_remembered_token_goes_with_its_key() {
    let folder = Folder::new("remembered");
    let (old, new) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let clock = clock();
    let file = KeyFile::open(folder.put(&pem(&old))).unwrap();
    let guard = guard(&file, &clock);
    let token = old.issue(&Claims::new("ada", NOW + 90_000)).unwrap();
    assert!(guard.verify(&token).is_ok() && guard.verify(&token).is_ok());
    folder.put(&pem(&new));
    clock.set(Timestamp::from_seconds(NOW + 10));
    assert!(guard.verify(&token).is_err());
}

/// A key may have gone between the start and the first token, hours later.
#[test]
fn the_first_token_has_the_file_looked_at() {
    let folder = Folder::new("first");
    let (old, new) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let file = KeyFile::open(folder.put(&pem(&old))).unwrap();
    let guard = guard(&file, &clock());
    folder.put(&pem(&new));
    assert!(!passes(&guard, &old) && passes(&guard, &new));
}

#[test]
fn a_broken_file_leaves_the_last_keys_and_says_so() {
    let folder = Folder::new("broken");
    let (old, new) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let path = folder.put(&pem(&old));
    let file = KeyFile::open(&path).unwrap().look_every(Duration::MAX);
    let guard = guard(&file, &clock());
    assert_eq!(file.reread(), Ok(false));
    for broken in ["", "-----BEGIN PUBLIC KEY-----\n"] {
        folder.put(broken);
        let fault = file.reread().unwrap_err();
        assert_eq!(file.fault(), Some(fault));
        assert!(passes(&guard, &old));
    }
    std::fs::remove_file(&path).unwrap();
    assert!(file.reread().is_err() && passes(&guard, &old));
    folder.put(&pem(&new));
    assert_eq!((file.reread(), file.fault()), (Ok(true), None));
    assert!(!passes(&guard, &old) && passes(&guard, &new));
    // To take all keys away, say so.
    folder.put(r#"{"keys":[]}"#);
    assert_eq!(file.reread(), Ok(true));
    assert!(!passes(&guard, &new));
}

/// However many tokens come at once, all are verified and the file is read; only by call where that was said.
#[test]
fn many_at_once_and_only_by_call() {
    let folder = Folder::new("many");
    let (old, new) = (key(Algorithm::EdDsa, 1), key(Algorithm::EdDsa, 2));
    let file = KeyFile::open(folder.put(&jwks(&[&old]))).unwrap();
    let clock = clock();
    let looked = guard(&file, &clock);
    assert!(passes(&looked, &old));
    folder.put(&jwks(&[&old, &new]));
    clock.set(Timestamp::from_seconds(NOW + 60));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!((0..20).all(|_| passes(&looked, &old))));
        }
    });
    assert!(passes(&looked, &new));

    let by_call = KeyFile::open(folder.put(&jwks(&[&old]))).unwrap();
    let by_call = by_call.look_every(Duration::MAX);
    let kept = guard(&by_call, &clock);
    assert!(passes(&kept, &old));
    folder.put(&jwks(&[&new]));
    clock.set(Timestamp::from_seconds(NOW + 80_000));
    assert!(passes(&kept, &old) && !passes(&kept, &new));
    assert_eq!(by_call.reread(), Ok(true));
    assert!(!passes(&kept, &old) && passes(&kept, &new));
    let unlike = Verifier::new(Trust {
        issuer: Expected::Unchecked,
        audience: Expected::Unchecked,
        token_type: "at+jwt".into(),
        keys: by_call,
    });
    assert!(!unlike.replace_keys(0, KeySet::default()));
}

/// Whatever an attacker, or a tool that went wrong, puts in the file's place: no panic, no wait, and the last keys stay.
#[cfg(unix)]
#[test]
fn what_is_no_file_of_keys_leaves_the_last_ones() {
    let folder = Folder::new("odd");
    let old = key(Algorithm::EdDsa, 1);
    let path = folder.put(&pem(&old));
    let file = KeyFile::open(&path).unwrap().look_every(Duration::ZERO);
    let guard = guard(&file, &clock());
    let is_refused = |what: &str| {
        let fault = file.reread().expect_err(what);
        assert!(passes(&guard, &old), "{what}");
        assert_eq!(file.fault(), Some(fault), "{what}");
    };
    let good = jwks(&[&key(Algorithm::EdDsa, 2)]);
    let twice = good.replacen('{', r#"{"keys":[],"#, 1);
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let nested = [[b'['; 100], [b']'; 100]].concat();
    let bytes: [&[u8]; 6] = [
        &[0xff; 64],
        &[0; 64],
        &utf16,
        twice.as_bytes(),
        &[b'['; 10_000],
        &nested,
    ];
    for content in bytes {
        std::fs::write(&path, content).unwrap();
        is_refused(&format!("{:.40}", String::from_utf8_lossy(content)));
    }
    std::fs::remove_file(&path).unwrap();
    for target in ["/dev/zero", "/dev/tty", "/", "keys", "/proc/self/mem"] {
        std::os::unix::fs::symlink(target, &path).unwrap();
        is_refused(target);
        std::fs::remove_file(&path).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    is_refused("a pipe that nobody writes into");
    std::fs::remove_file(&path).unwrap();
    // A link that is turned to another file, as orchestrators mount what changes.
    let new = key(Algorithm::EdDsa, 2);
    std::fs::write(folder.0.join("next"), pem(&new)).unwrap();
    std::os::unix::fs::symlink("next", &path).unwrap();
    assert_eq!(file.reread(), Ok(true));
    assert!(!passes(&guard, &old) && passes(&guard, &new));
}

/// Two keys of one id, one of them an attacker's to choose: each verifies what it signed, and nothing of the other.
#[test]
fn keys_of_one_id_are_told_apart_by_their_signatures() {
    let folder = Folder::new("ids");
    let [one, two] = [1, 2].map(|seed| key(Algorithm::EdDsa, seed).with_key_id("k"));
    let third = key(Algorithm::EdDsa, 3).with_key_id("k");
    let es = key(Algorithm::Es256, 4).with_key_id("k");
    let file = KeyFile::open(folder.put(&jwks(&[&one, &two, &es]))).unwrap();
    let guard = guard(&file, &clock());
    assert!([&one, &two, &es].iter().all(|key| passes(&guard, key)));
    assert!(!passes(&guard, &third));
    guard.revoked().withdraw_key(&"k".into());
    assert!(![&one, &two, &es].iter().any(|key| passes(&guard, key)));
}
