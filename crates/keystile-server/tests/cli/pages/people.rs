//! What people do at a node meanwhile.

use serde_json::{Value, json};

use crate::keystile::{PASSWORD, Serving};

const JSON: &str = "content-type: application/json\r\n";

/// A pair of tokens.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Pair {
    fn from(answer: &Value) -> Self {
        let text = |name: &str| {
            let text = answer[name].as_str();
            text.unwrap_or_else(|| panic!("no {name}: {answer}"))
                .to_owned()
        };
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

pub(super) fn sign_up(node: &Serving, name: &str) {
    let account = json!({ "username": name, "password": PASSWORD }).to_string();
    let (status, said) = node.ask("POST", "/v1/signup", JSON, &account);
    assert_eq!(status, 201, "{name}: {said}");
}

pub(super) fn sign_in(node: &Serving, name: &str) -> Pair {
    let (status, answer) = node.sign_in(name);
    assert_eq!(status, 200, "{name}: {answer}");
    Pair::from(&answer)
}

/// The status of a sign-in with this password.
pub(super) fn sign_in_with(node: &Serving, name: &str, password: &str) -> u16 {
    let body = json!({ "username": name, "password": password }).to_string();
    node.ask("POST", "/v1/login", JSON, &body).0
}

pub(super) fn refresh(node: &Serving, token: &str) -> (u16, Value) {
    let body = json!({ "refresh_token": token }).to_string();
    let (status, body) = node.ask("POST", "/v1/refresh", JSON, &body);
    (status, serde_json::from_str(&body).expect("JSON"))
}

pub(super) fn refreshed(node: &Serving, token: &str) -> Pair {
    let (status, answer) = refresh(node, token);
    assert_eq!(status, 200, "{answer}");
    Pair::from(&answer)
}

pub(super) fn sign_out(node: &Serving, pair: &Pair) {
    let bearer = format!("authorization: Bearer {}\r\n", pair.access);
    assert_eq!(node.ask("POST", "/v1/logout", &bearer, "").0, 204);
}

pub(super) fn change_password(node: &Serving, pair: &Pair, new: &str) {
    let headers = format!("{JSON}authorization: Bearer {}\r\n", pair.access);
    let body = json!({ "current_password": PASSWORD, "new_password": new }).to_string();
    let (status, said) = node.ask("POST", "/v1/me/password", &headers, &body);
    assert_eq!(status, 200, "{said}");
}
