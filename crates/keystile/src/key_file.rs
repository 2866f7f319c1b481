//! Keys in a file, read again when it changes.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;

use crate::entry::Keys;
use crate::{KeyError, KeySet, Timestamp, VerifyingKey};

/// Most bytes of a file.
const CAP: u64 = 512 * 1024;
/// How often the file is looked at, unless said otherwise.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// An issuer's public keys in a file: PEM, one key or several after each other, or a JWKS, or one JWK. It is read again when it
/// changes; clones share what was read.
///
/// It is looked at by the token that comes first after [a while](Self::look_every), without a thread of its own. A file that
/// cannot be read, or that holds no key, leaves the last keys as they are, and [`fault`](Self::fault) says what is wrong.
/// Secrets are not read from files: `oct` in a JWKS counts for nothing.
///
/// ```
/// use keystile::{Algorithm, Claims, KeyFile, Random, SigningKey, Trust, Verifier};
///
/// # let folder = std::env::temp_dir().join(format!("keystile-key-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("issuer.pem");
/// # let key = SigningKey::generate(Algorithm::Es256, &Random::system())?;
/// # std::fs::write(&path, key.verifying_key().to_pem()?)?;
/// let file = KeyFile::open(&path)?;
/// let verifier = Verifier::new(Trust {
///     issuer: "https://id.example".into(),
///     audience: "cakes".into(),
///     token_type: "at+jwt".into(),
///     keys: &file,
/// });
///
/// # let claims = Claims { iss: Some("https://id.example".into()), aud: "cakes".into(), ..Claims::new("ada", 4_000_000_000) };
/// # let token = key.issue(&claims)?;
/// assert!(verifier.verify(&token).is_ok());
/// # let next = SigningKey::generate(Algorithm::Es256, &Random::system())?;
/// # std::fs::write(&path, next.verifying_key().to_pem()?)?;
/// assert!(file.reread()?, "another key was put there");
/// # assert!(verifier.verify(&token).is_err());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    keys: Arc<Keys>,
    read: Mutex<Content>,
    /// In milliseconds.
    every: AtomicI64,
    /// When the file is looked at next, in milliseconds.
    next_look: AtomicI64,
}

/// What was read last.
#[derive(Default)]
struct Content {
    text: Option<String>,
    fault: Option<KeyFileError>,
}

/// Why a file's keys were not taken. It never holds what the file says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("{path:?} cannot be read: {cause}; give the path of a file that this program may read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// What is in it are no keys.
    #[error("{path:?} holds no keys that can be used: {fault}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        fault: KeyError,
    },
}

impl KeyFile {
    /// Reads the file: at most 512 KiB. What is wrong with it is told here.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let file = Self(Arc::new(Inner {
            path: path.as_ref().to_owned(),
            keys: Arc::new(Keys::new(KeySet::default())),
            read: Mutex::default(),
            every: AtomicI64::new(millis(LOOK_EVERY)),
            next_look: AtomicI64::new(i64::MIN),
        }));
        file.reread()?;
        Ok(file)
    }

    /// How long after one look at the file the next token has it looked at again. 10 seconds unless said otherwise;
    /// `Duration::MAX`: only when [`reread`](Self::reread) is called. The look is a read of the file, and the token whose turn
    /// it is waits for the disk: give a file on this machine.
    #[must_use]
    pub fn look_every(self, every: Duration) -> Self {
        self.0.every.store(millis(every), Ordering::Release);
        self
    }

    /// Reads the file now, and says whether it has changed. The new keys count at once, for every verifier; if they cannot be
    /// used the last ones stay.
    pub fn reread(&self) -> Result<bool, KeyFileError> {
        let mut last = self.last_read();
        let found = self.text().and_then(|text| {
            if last.text.as_ref() == Some(&text) {
                Ok(None)
            } else {
                let keys = keys_in(&text).map_err(|fault| KeyFileError::Keys {
                    path: self.0.path.clone(),
                    fault,
                })?;
                Ok(Some((text, keys)))
            }
        });
        last.fault = found.as_ref().err().cloned();
        let Some((text, keys)) = found? else {
            return Ok(false);
        };
        last.text = Some(text);
        self.0.keys.replace(keys);
        Ok(true)
    }

    /// What was wrong with the file at the last look; `None` if it was read.
    pub fn fault(&self) -> Option<KeyFileError> {
        self.last_read().fault.clone()
    }

    /// The keys that count at present.
    pub fn keys(&self) -> KeySet {
        KeySet::clone(&self.0.keys.load())
    }

    pub(crate) fn shared_keys(&self) -> &Arc<Keys> {
        &self.0.keys
    }

    /// Looks at the file if it is time. One token does it; the others go on with the keys that are there.
    pub(crate) fn look(&self, now: Timestamp) {
        let (now, every) = (now.as_millis(), self.0.every.load(Ordering::Acquire));
        let due = self.0.next_look.load(Ordering::Acquire);
        let was_set_back = due.saturating_sub(now) > every;
        if now < due && !was_set_back {
            return;
        }
        let next = now.saturating_add(every);
        let turn =
            self.0
                .next_look
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire);
        if turn.is_ok() && every != i64::MAX {
            // What is wrong stands in `fault`.
            let _ = self.reread();
        }
    }

    fn text(&self) -> Result<String, KeyFileError> {
        let unreadable = |cause: String| KeyFileError::Unreadable {
            path: self.0.path.clone(),
            cause,
        };
        read(&self.0.path).map_err(unreadable)
    }

    fn last_read(&self) -> MutexGuard<'_, Content> {
        self.0.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let fault = |error: std::io::Error| error.to_string();
    // A pipe would make whoever opens it wait.
    if !std::fs::metadata(path).map_err(fault)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(fault)?;
    file.take(CAP + 1)
        .read_to_string(&mut text)
        .map_err(fault)?;
    if text.len() as u64 > CAP {
        return Err(format!("it is longer than {CAP} bytes"));
    }
    Ok(text)
}

fn keys_in(text: &str) -> Result<KeySet, KeyError> {
    if !text.trim_start().starts_with('{') {
        return KeySet::from_pem(text);
    }
    let json: serde_json::Value = serde_json::from_str(text)
        .map_err(|_| KeyError::Unreadable("this is neither PEM nor the JSON of a JWKS"))?;
    let Some(listed) = json.get("keys") else {
        let key = VerifyingKey::from_jwk(text)?;
        return if key.algorithm().is_symmetric() {
            Err(KeyError::Symmetric)
        } else {
            Ok(KeySet::from(key))
        };
    };
    let keys = KeySet::from_jwks_json(text)?;
    let lists_some = listed.as_array().is_none_or(|keys| !keys.is_empty());
    if keys.is_empty() && lists_some {
        return Err(KeyError::Unsupported(
            "no key of this JWKS can be used; it needs an ES256, EdDSA or RS256 key",
        ));
    }
    Ok(keys)
}

fn millis(by: Duration) -> i64 {
    i64::try_from(by.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("path", &self.0.path)
            .field("keys", &self.0.keys.load().len())
            .finish_non_exhaustive()
    }
}
