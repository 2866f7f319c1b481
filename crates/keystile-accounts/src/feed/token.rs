//! The Security Event Token (RFC 8417) that tells of one revocation, and how it is signed.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keystile::{SigningKey, Timestamp};
use serde_json::{Value, json};

use crate::error::Fault;
use crate::store::{RevocationRecord, Revoked};

const TYPE: &str = "secevent+jwt";
/// No reader takes a longer line, of which the name of the field is a part.
const LONGEST: usize = 16 * 1024 - "data: ".len();
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const TOKEN_REVOKED: &str = "urn:keystile:event:token-revoked";
const SUBJECT_REVOKED: &str = "urn:keystile:event:subject-revoked";
const KEY_WITHDRAWN: &str = "urn:keystile:event:key-withdrawn";

/// Signs what tells of a row. `None` where no reader could take it: its id is of more than ten thousand characters.
pub(super) fn sign(
    key: &SigningKey,
    issuer: &str,
    row: &RevocationRecord,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    signed(key, &claims(issuer, row, now))
}

/// The same with another key's signature. Everything else in it stays.
pub(super) fn sign_anew(key: &SigningKey, token: &str) -> Result<Option<String>, Fault> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok());
    let claims: Value = claims.ok_or_else(|| unsigned("it cannot be read back"))?;
    signed(key, &claims)
}

fn signed(key: &SigningKey, claims: &Value) -> Result<Option<String>, Fault> {
    let token = match key.sign_claims(TYPE, claims) {
        Err(keystile::IssueError::Refused(_)) => None,
        other => Some(other.map_err(unsigned)?),
    };
    let fitting = token.filter(|token| token.len() <= LONGEST);
    if fitting.is_none() {
        tracing::error!(
            jti = %claims["jti"],
            "a revocation's id is too long to be told to readers of the feed; its token is refused here only"
        );
    }
    Ok(fitting)
}

fn unsigned(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
    Fault::because("issue_failed", "a revocation could not be signed", why)
}

/// What the token says. Its `jti` is the same whichever node tells of the row, and when.
fn claims(issuer: &str, row: &RevocationRecord, now: Timestamp) -> Value {
    let until = row.until.div_euclid(1000) + i64::from(row.until.rem_euclid(1000) > 0);
    let at = Timestamp::from_millis(row.at).as_seconds();
    let (kind, subject, about) = match &row.revoked {
        Revoked::Session { session_id } => (
            SESSION_REVOKED,
            json!({ "format": "complex", "session": { "format": "opaque", "id": session_id } }),
            json!({ "event_timestamp": at, "until": until }),
        ),
        Revoked::Token { token_id } => (
            TOKEN_REVOKED,
            json!({ "format": "jwt_id", "iss": issuer, "jti": token_id }),
            json!({ "event_timestamp": at, "until": until }),
        ),
        Revoked::Subject {
            account_id,
            smallest_generation,
        } => (
            SUBJECT_REVOKED,
            json!({ "format": "iss_sub", "iss": issuer, "sub": account_id }),
            json!({ "event_timestamp": at, "until": until, "generation_below": smallest_generation }),
        ),
        Revoked::Key { kid } => (
            KEY_WITHDRAWN,
            json!({ "format": "opaque", "id": kid }),
            json!({ "event_timestamp": at }),
        ),
    };
    json!({
        "iss": issuer,
        "jti": own_id(row, kind, &subject),
        "iat": now.as_seconds(),
        "sub_id": subject,
        "events": { kind: about },
    })
}

fn own_id(row: &RevocationRecord, kind: &str, subject: &Value) -> String {
    let whole = json!([row.id, row.at, row.until, kind, subject]).to_string();
    let digest = digest(&SHA256, whole.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use keystile::{Algorithm, Random};

    use super::*;

    fn row(revoked: Revoked) -> RevocationRecord {
        RevocationRecord {
            id: 7,
            place: 7,
            revoked,
            at: 1_800_000_000_999,
            until: 1_800_001_020_001,
        }
    }

    fn session() -> RevocationRecord {
        row(Revoked::Session {
            session_id: "s-1".to_owned(),
        })
    }

    fn said(row: &RevocationRecord) -> Value {
        claims("https://id.example", row, Timestamp::from_seconds(5))
    }

    #[test]
    fn each_kind_says_what_the_wire_format_says() {
        let session = said(&session());
        let about = &session["events"][SESSION_REVOKED];
        assert_eq!(about["until"], 1_800_001_021_i64, "rounded up");
        assert_eq!(about["event_timestamp"], 1_800_000_000_i64);
        assert_eq!(session["sub_id"]["session"]["id"], "s-1");
        assert_eq!(
            (&session["iat"], &session["iss"]),
            (&json!(5), &json!("https://id.example"))
        );
        for absent in ["exp", "sub", "aud"] {
            assert!(session.get(absent).is_none(), "{absent}");
        }
        let token = said(&row(Revoked::Token {
            token_id: "t".to_owned(),
        }));
        assert_eq!(
            token["sub_id"],
            json!({ "format": "jwt_id", "iss": "https://id.example", "jti": "t" })
        );
        let subject = said(&row(Revoked::Subject {
            account_id: "7".to_owned(),
            smallest_generation: 3,
        }));
        assert_eq!(subject["events"][SUBJECT_REVOKED]["generation_below"], 3);
        assert_eq!(subject["sub_id"]["sub"], "7");
        let key = said(&row(Revoked::Key {
            kid: "k".to_owned(),
        }));
        assert_eq!(
            key["events"],
            json!({ KEY_WITHDRAWN: { "event_timestamp": 1_800_000_000_i64 } })
        );
    }

    #[test]
    fn its_own_id_is_the_rows_and_nothing_elses() {
        let one = said(&session());
        assert_eq!(
            one["jti"],
            claims("https://id.example", &session(), Timestamp::from_seconds(9))["jti"]
        );
        let mut other = session();
        other.id = 8;
        assert_ne!(one["jti"], said(&other)["jti"]);
        let token = row(Revoked::Token {
            token_id: "s-1".to_owned(),
        });
        assert_ne!(one["jti"], said(&token)["jti"]);
    }

    #[test]
    fn what_is_signed_anew_says_the_same() {
        let [old, new] = [1, 2]
            .map(|seed| SigningKey::generate(Algorithm::EdDsa, &Random::seeded(seed)).unwrap());
        let now = Timestamp::from_seconds(5);
        let token = sign(&old, "https://id.example", &session(), now)
            .unwrap()
            .unwrap();
        let anew = sign_anew(&new, &token).unwrap().unwrap();
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (token, anew) = (parts(&token), parts(&anew));
        assert_eq!(token[1], anew[1]);
        assert_ne!((&token[0], &token[2]), (&anew[0], &anew[2]));
    }

    #[test]
    fn no_line_is_longer_than_readers_take() {
        let key = SigningKey::generate(Algorithm::EdDsa, &Random::seeded(1)).unwrap();
        let sign = |length: usize| {
            let row = row(Revoked::Token {
                token_id: "t".repeat(length),
            });
            sign(&key, "https://id.example", &row, Timestamp::from_seconds(5)).unwrap()
        };
        assert!(sign(11_000).is_some_and(|token| token.len() <= LONGEST));
        assert!(sign(12_500).is_none());
    }
}
