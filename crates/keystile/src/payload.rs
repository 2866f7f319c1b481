//! The payload of a token: registered claims with their types (RFC 7519, section 4.1; RFC 9068, section 2.2).

mod written;

use std::borrow::Cow;

use crate::strict::{self, KnownNames, Piece};
use crate::{Audience, Claims, Reason, Roles, Scope};
pub(crate) use written::check_written;

/// Beyond this many seconds, the largest integer that every JSON parser agrees on, a number is no time.
const FARTHEST: i64 = 1 << 53;

/// A registered claim.
#[derive(Clone, Copy)]
enum Registered {
    Iss,
    Sub,
    Aud,
    Exp,
    Nbf,
    Iat,
    Jti,
    Sid,
    Gen,
    Scope,
    Roles,
    AuthTime,
    Amr,
    PreferredUsername,
    ClientId,
}

impl Registered {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Iss,
            "sub" => Self::Sub,
            "aud" => Self::Aud,
            "exp" => Self::Exp,
            "nbf" => Self::Nbf,
            "iat" => Self::Iat,
            "jti" => Self::Jti,
            "sid" => Self::Sid,
            "gen" => Self::Gen,
            "scope" => Self::Scope,
            "roles" => Self::Roles,
            "auth_time" => Self::AuthTime,
            "amr" => Self::Amr,
            "preferred_username" => Self::PreferredUsername,
            "client_id" => Self::ClientId,
            _ => return None,
        })
    }

    const fn bit(self) -> KnownNames {
        1 << self as u16
    }
}

/// Claims as they stand in a payload, and the first that has the wrong type: told only once the signature holds.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) claims: Claims,
    pub(crate) malformed: Option<&'static str>,
    pub(crate) has_subject: bool,
    pub(crate) has_expiry: bool,
    /// `sub` is a JSON integer, as older issuers write it.
    pub(crate) integer_subject: bool,
    /// The claims as their issuer knows them, where the subject was read from elsewhere.
    pub(crate) as_issued: Option<Box<Claims>>,
}

/// Reads a payload strictly. A registered claim of the wrong type is noted, not refused.
pub(crate) fn parse(json: &[u8]) -> Result<Payload, Reason> {
    let mut payload = Payload::default();
    if strict::read_plain_object(json, |name, piece| payload.take(name, piece)).is_some() {
        return Ok(payload);
    }
    payload = Payload::default();
    strict::read_object(json, |name, piece| payload.take(name, piece))?;
    Ok(payload)
}

/// The first registered claim of the wrong type, of those that are not forgiven.
pub(crate) fn malformed_but_for(
    json: &[u8],
    forgiven: impl Fn(&str) -> bool,
) -> Result<Option<&'static str>, Reason> {
    let mut payload = Payload::default();
    strict::read_object(json, |name, piece| {
        if forgiven(name) {
            0
        } else {
            payload.take(name, piece)
        }
    })?;
    Ok(payload.malformed)
}

impl Payload {
    /// Notes a member; the bit of its name if it is a registered claim.
    fn take(&mut self, name: &str, piece: Piece<'_>) -> KnownNames {
        let Some(claim) = Registered::of(name) else {
            return 0;
        };
        let fault = self.take_registered(claim, piece).err();
        self.malformed = self.malformed.or(fault);
        claim.bit()
    }

    fn take_registered(&mut self, claim: Registered, piece: Piece<'_>) -> Result<(), &'static str> {
        let claims = &mut self.claims;
        match claim {
            Registered::Iss => text(piece, "iss", &mut claims.iss)?,
            Registered::Sub => self.take_subject(piece)?,
            Registered::Aud => audience(piece, &mut claims.aud)?,
            Registered::Exp => {
                claims.exp = seconds(&piece, f64::floor).ok_or("exp")?;
                self.has_expiry = true;
            }
            Registered::Nbf => time(&piece, "nbf", &mut claims.nbf)?,
            Registered::Iat => time(&piece, "iat", &mut claims.iat)?,
            Registered::AuthTime => time(&piece, "auth_time", &mut claims.auth_time)?,
            Registered::Jti => text(piece, "jti", &mut claims.jti)?,
            Registered::Sid => text(piece, "sid", &mut claims.sid)?,
            Registered::Gen => generation(&piece, &mut claims.generation)?,
            Registered::Scope => match piece {
                Piece::Text(words) => claims.scope = Scope::from(words.into_owned()),
                _ => return Err("scope"),
            },
            Registered::Roles => match piece {
                Piece::Texts(words) => claims.roles = words.iter().collect::<Roles>(),
                _ => return Err("roles"),
            },
            Registered::Amr => match piece {
                Piece::Texts(words) => {
                    claims.amr = words.into_iter().map(Cow::into_owned).collect();
                }
                _ => return Err("amr"),
            },
            Registered::PreferredUsername => {
                text(piece, "preferred_username", &mut claims.preferred_username)?;
            }
            Registered::ClientId => text(piece, "client_id", &mut claims.client_id)?,
        }
        Ok(())
    }

    fn take_subject(&mut self, piece: Piece<'_>) -> Result<(), &'static str> {
        self.has_subject = true;
        match piece {
            Piece::Text(subject) => self.claims.sub = subject.into_owned(),
            Piece::Integer(number) => {
                self.claims.sub = number.to_string();
                self.integer_subject = true;
            }
            _ => return Err("sub"),
        }
        Ok(())
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

/// A `NumericDate`: whole seconds from 1970 on, or a fraction rounded to the stricter side.
fn seconds(piece: &Piece<'_>, round: fn(f64) -> f64) -> Option<i64> {
    match piece {
        Piece::Integer(at) if (0..=FARTHEST).contains(at) => Some(*at),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "bounded on the same line, and whole after rounding"
        )]
        Piece::Number(at) if (0.0..=FARTHEST as f64).contains(at) => Some(round(*at) as i64),
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
            r#"{"nbf":-1}"#,
            r#"{"iat":-0.5}"#,
            r#"{"auth_time":-9007199254740991}"#,
        ] {
            assert!(malformed(json).is_some(), "{json}");
        }
    }

    #[test]
    fn fractions_round_to_the_stricter_side() {
        let payload = parse(br#"{"exp":10.9,"nbf":10.1,"iat":0.5}"#).unwrap();
        assert_eq!(payload.claims.exp, 10);
        assert_eq!(payload.claims.nbf, Some(11));
        assert_eq!(payload.claims.iat, Some(1));
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
