//! The payload of a token: registered claims with their types (RFC 7519, section 4.1; RFC 9068, section 2.2).

use std::borrow::Cow;

use crate::strict::{self, Piece};
use crate::{Audience, Claims, Reason, Roles, Scope};

/// Claims as they stand in a payload, and the first that has the wrong type: told only once the signature holds.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) claims: Claims,
    pub(crate) malformed: Option<&'static str>,
    pub(crate) has_subject: bool,
    pub(crate) has_expiry: bool,
    /// `sub` is a JSON integer, as older issuers write it.
    pub(crate) integer_subject: bool,
}

/// Reads a payload strictly. A registered claim of the wrong type is noted, not refused.
pub(crate) fn parse(json: &[u8]) -> Result<Payload, Reason> {
    let mut payload = Payload::default();
    strict::read_object(json, |name, piece| payload.take(name, piece))?;
    Ok(payload)
}

impl Payload {
    fn take(&mut self, name: &str, piece: Piece<'_>) {
        let claims = &mut self.claims;
        let fault = match name {
            "iss" => text(piece, "iss", &mut claims.iss).err(),
            "sub" => return self.take_subject(piece),
            "aud" => audience(piece, &mut claims.aud).err(),
            "exp" => match seconds(&piece, f64::floor) {
                Some(at) => {
                    claims.exp = at;
                    self.has_expiry = true;
                    None
                }
                None => Some("exp"),
            },
            "nbf" => time(&piece, "nbf", &mut claims.nbf).err(),
            "iat" => time(&piece, "iat", &mut claims.iat).err(),
            "auth_time" => time(&piece, "auth_time", &mut claims.auth_time).err(),
            "jti" => text(piece, "jti", &mut claims.jti).err(),
            "sid" => text(piece, "sid", &mut claims.sid).err(),
            "gen" => generation(&piece, &mut claims.generation).err(),
            "scope" => match piece {
                Piece::Text(words) => {
                    claims.scope = Scope::from(words.into_owned());
                    None
                }
                _ => Some("scope"),
            },
            "roles" => match piece {
                Piece::Texts(words) => {
                    claims.roles = words.iter().collect::<Roles>();
                    None
                }
                _ => Some("roles"),
            },
            "amr" => match piece {
                Piece::Texts(words) => {
                    claims.amr = words.into_iter().map(Cow::into_owned).collect();
                    None
                }
                _ => Some("amr"),
            },
            "preferred_username" => {
                text(piece, "preferred_username", &mut claims.preferred_username).err()
            }
            "client_id" => text(piece, "client_id", &mut claims.client_id).err(),
            _ => None,
        };
        self.malformed = self.malformed.or(fault);
    }

    fn take_subject(&mut self, piece: Piece<'_>) {
        self.has_subject = true;
        match piece {
            Piece::Text(subject) => self.claims.sub = subject.into_owned(),
            Piece::Integer(number) => {
                self.claims.sub = number.to_string();
                self.integer_subject = true;
            }
            _ => self.malformed = self.malformed.or(Some("sub")),
        }
    }
}

fn text(
    piece: Piece<'_>,
    name: &'static str,
    into: &mut Option<String>,
) -> Result<(), &'static str> {
    match piece {
        Piece::Text(text) => {
            *into = Some(text.into_owned());
            Ok(())
        }
        _ => Err(name),
    }
}

fn audience(piece: Piece<'_>, into: &mut Audience) -> Result<(), &'static str> {
    match piece {
        Piece::Text(one) => *into = Audience::from(one.into_owned()),
        Piece::Texts(some) if !some.is_empty() => *into = some.iter().collect(),
        _ => return Err("aud"),
    }
    Ok(())
}

fn time(piece: &Piece<'_>, name: &'static str, into: &mut Option<i64>) -> Result<(), &'static str> {
    *into = Some(seconds(piece, f64::ceil).ok_or(name)?);
    Ok(())
}

fn generation(piece: &Piece<'_>, into: &mut Option<u64>) -> Result<(), &'static str> {
    match piece {
        Piece::Integer(number) => {
            *into = Some(u64::try_from(*number).map_err(|_| "gen")?);
            Ok(())
        }
        _ => Err("gen"),
    }
}

/// Beyond this many seconds, the largest integer that every JSON parser agrees on, a number is no time.
const FARTHEST: i64 = 1 << 53;

/// A `NumericDate`: whole seconds, or a fraction rounded to the stricter side.
fn seconds(piece: &Piece<'_>, round: fn(f64) -> f64) -> Option<i64> {
    match piece {
        Piece::Integer(at) if (-FARTHEST..=FARTHEST).contains(at) => Some(*at),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "bounded on the same line, and whole after rounding"
        )]
        Piece::Number(at) if at.abs() <= FARTHEST as f64 => Some(round(*at) as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(json: &str) -> Option<&'static str> {
        parse(json.as_bytes()).unwrap().malformed
    }

    #[test]
    fn a_registered_claim_of_the_wrong_type_is_named() {
        for name in [
            "iss",
            "sub",
            "aud",
            "exp",
            "nbf",
            "iat",
            "jti",
            "sid",
            "gen",
            "scope",
            "roles",
            "auth_time",
            "amr",
            "preferred_username",
            "client_id",
        ] {
            for value in [
                "null",
                "true",
                "{}",
                "[1]",
                "[[\"a\"]]",
                "1e300",
                "-1e300",
                "[\"a\",1]",
            ] {
                let json = format!(r#"{{"{name}":{value}}}"#);
                assert_eq!(malformed(&json), Some(name), "{json}");
            }
        }
        for json in [
            r#"{"exp":"1800000000"}"#,
            r#"{"exp":9223372036854775807}"#,
            r#"{"exp":18446744073709551615}"#,
            r#"{"exp":-9223372036854775808}"#,
            r#"{"gen":-1}"#,
            r#"{"gen":1.5}"#,
            r#"{"gen":"1"}"#,
            r#"{"scope":["a"]}"#,
            r#"{"roles":"a"}"#,
            r#"{"amr":"pwd"}"#,
            r#"{"aud":[]}"#,
            r#"{"aud":1}"#,
            r#"{"sub":1.5}"#,
            r#"{"iss":1}"#,
            r#"{"jti":7}"#,
            r#"{"nbf":"0"}"#,
        ] {
            assert!(malformed(json).is_some(), "{json}");
        }
    }

    #[test]
    fn fractions_round_to_the_stricter_side() {
        let payload = parse(br#"{"exp":10.9,"nbf":10.1,"iat":-0.5}"#).unwrap();
        assert_eq!(payload.claims.exp, 10);
        assert_eq!(payload.claims.nbf, Some(11));
        assert_eq!(payload.claims.iat, Some(0));
    }

    #[test]
    fn every_registered_claim_is_read() {
        let payload = parse(
            br#"{"iss":"i","sub":"s","aud":["a","b"],"exp":1,"nbf":2,"iat":3,"jti":"j","sid":"d","gen":4,
                "scope":"x y","roles":["r"],"auth_time":5,"amr":["pwd"],"preferred_username":"\u0061da","client_id":"c","more":{"a":[1]}}"#,
        )
        .unwrap();
        assert_eq!(payload.malformed, None);
        let expected = Claims {
            iss: Some("i".into()),
            aud: ["a", "b"].into(),
            nbf: Some(2),
            iat: Some(3),
            jti: Some("j".into()),
            sid: Some("d".into()),
            generation: Some(4),
            scope: "x y".into(),
            roles: ["r"].into(),
            auth_time: Some(5),
            amr: vec!["pwd".into()],
            preferred_username: Some("ada".into()),
            client_id: Some("c".into()),
            ..Claims::new("s", 1)
        };
        assert_eq!(payload.claims, expected);
    }
}
