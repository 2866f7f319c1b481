//! Key sets: JWKS in and out (RFC 7517, section 5).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::key::Jwk;
use crate::{KeyError, VerifyingKey};

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// From keys, in the order in which they are to be tried for a token that names none.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// From a JWKS document. A key that cannot be used here is left out and spoils nothing; `oct` is always left out,
    /// since a published secret is none.
    pub fn from_jwks_json(json: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_str(json).map_err(|_| {
            KeyError::Unreadable(
                "this is not a JWKS document: it must be a JSON object with an array 'keys'",
            )
        })?;
        let keys = document.keys.into_iter().filter_map(|key| {
            let key: Jwk = serde_json::from_value(key).ok()?;
            (!key.is_symmetric()).then(|| key.verifying_key().ok())?
        });
        Ok(Self::new(keys))
    }

    /// From the keys of a PEM text, one after the other, each as [`VerifyingKey::from_pem`] reads it. One that cannot be used
    /// refuses them all.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        const BEGIN: &str = "-----BEGIN ";
        let starts = text.match_indices(BEGIN).map(|(at, _)| at);
        let keys = starts
            .map(|at| &text[at..])
            // Parameters stand before the key that they belong to.
            .filter(|key| !key[BEGIN.len()..].starts_with("EC PARAMETERS"))
            .map(VerifyingKey::from_pem)
            .collect::<Result<Self, _>>()?;
        if keys.is_empty() {
            // There is none to begin with: this says what a PEM text looks like.
            return VerifyingKey::from_pem(text).map(Self::from);
        }
        Ok(keys)
    }

    /// As a JWKS document: the public keys with `kid`, `alg` and `use`. Symmetric keys are never written.
    pub fn to_jwks_json(&self) -> String {
        let keys: Vec<Value> = self.iter().filter_map(|key| key.to_jwk().ok()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The first key of this id.
    pub fn get(&self, id: &str) -> Option<&VerifyingKey> {
        self.iter().find(|key| key.key_id().as_str() == id)
    }

    /// Each key.
    pub fn iter(&self) -> std::slice::Iter<'_, VerifyingKey> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self(vec![key])
    }
}

impl FromIterator<VerifyingKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self::new(keys)
    }
}

impl<'a> IntoIterator for &'a KeySet {
    type Item = &'a VerifyingKey;
    type IntoIter = std::slice::Iter<'a, VerifyingKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
