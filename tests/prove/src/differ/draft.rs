//! A token before it is signed: members as they will stand in the JSON, so that anything can be written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::dice::Dice;
use super::judges::{AUDIENCE, ISSUER};
use super::keys::Key;

/// The members of an object: each name and each value as JSON text, which need not be JSON.
#[derive(Clone, Debug)]
pub(super) struct Object(pub(super) Vec<(String, String)>);

impl Object {
    pub(super) fn set(&mut self, name: &str, value: &Value) {
        self.write(name, &value.to_string());
    }

    /// In the place of what has the name, or at the end.
    pub(super) fn write(&mut self, name: &str, text: &str) {
        let name = Value::from(name).to_string();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => text.clone_into(value),
            None => self.0.push((name, text.to_owned())),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        let name = Value::from(name).to_string();
        self.0.retain(|(known, _)| *known != name);
    }

    pub(super) fn text(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

/// A good token, until it is changed.
pub(super) struct Draft<'k> {
    pub(super) header: Object,
    pub(super) payload: Object,
    pub(super) key: &'k Key,
    pub(super) now: i64,
}

/// Longer than any run takes.
pub(super) const DAY: i64 = 86_400;

impl<'k> Draft<'k> {
    /// Most are signed with the secret: the quickest.
    pub(super) fn new(dice: &mut Dice, keys: &'k [Key], now: i64) -> Self {
        let key = match dice.below(100) {
            0..80 => &keys[0],
            80..86 => &keys[1],
            86..97 => &keys[2],
            _ => &keys[3],
        };
        let mut header = Object(Vec::new());
        header.set("alg", &json!(key.algorithm));
        header.set("typ", &json!("at+jwt"));
        header.set("kid", &json!(key.id));
        let mut payload = Object(Vec::new());
        payload.set("iss", &json!(ISSUER));
        payload.set("sub", &json!(format!("account-{}", dice.below(1_000_000))));
        payload.set("aud", &json!(AUDIENCE));
        payload.set("exp", &json!(now + DAY));
        for (name, value) in [
            ("nbf", json!(now - DAY)),
            ("iat", json!(now - DAY)),
            ("jti", json!(format!("{:x}", dice.number()))),
            ("sid", json!("0199f0a0-5c3e-7b1b-9c11-3a5d7e9f1b2d")),
            ("gen", json!(dice.below(9))),
            ("scope", json!("pies:read pies:write")),
            ("roles", json!(["baker"])),
            ("auth_time", json!(now - DAY)),
            ("amr", json!(["pwd", "otp"])),
            ("preferred_username", json!("ada")),
            ("client_id", json!("till")),
            (
                "shop",
                json!({"town": "north", "tables": [1, 2, {"free": true}]}),
            ),
        ] {
            if dice.chance(40) {
                payload.set(name, &value);
            }
        }
        Self {
            header,
            payload,
            key,
            now,
        }
    }

    pub(super) fn sign(&self) -> anyhow::Result<String> {
        self.sign_texts(self.header.text(), self.payload.text())
    }

    /// Signs these bytes in place of the header and the payload.
    pub(super) fn sign_texts(
        &self,
        header: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> anyhow::Result<String> {
        let (header, payload) = (BASE64URL.encode(header), BASE64URL.encode(payload));
        self.sign_parts(&header, &payload)
    }

    /// Signs what is encoded already, however it is.
    pub(super) fn sign_parts(&self, header: &str, payload: &str) -> anyhow::Result<String> {
        let signed = format!("{header}.{payload}");
        let signature = BASE64URL.encode(self.key.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }
}
