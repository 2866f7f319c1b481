//! The payload of a token: registered claims with their types (RFC 7519, section 4.1; RFC 9068, section 2.2).

use std::borrow::Cow;

use crate::strict::{self, KnownNames, Piece};
use crate::{Audience, Claims, Reason, Roles, Scope};

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
}

/// Reads a payload strictly. A registered claim of the wrong type is noted, not refused.
pub(crate) fn parse(json: &[u8]) -> Result<Payload, Reason> {
    let mut payload = Payload::default();
    strict::read_object(json, |name, piece| payload.take(name, piece))?;
    Ok(payload)
}

/// Whether a verifier would read the payload of these claims. `extra` is their extra part as JSON, and the only part that
/// needs reading: the others are written once each and of their type, and only their numbers can be beyond what is read.
pub(crate) fn check_written<E>(claims: &Claims<E>, extra: &[u8]) -> Result<(), Reason> {
    let times = [Some(claims.exp), claims.nbf, claims.iat, claims.auth_time];
    let bounded = times
        .into_iter()
        .flatten()
        .all(|at| (-FARTHEST..=FARTHEST).contains(&at));
    if !bounded
        || claims
            .generation
            .is_some_and(|number| i64::try_from(number).is_err())
    {
        return Err(Reason::TokenClaimMalformed);
    }
    // Nothing is flattened into nothing.
    if extra == b"null" {
        return Ok(());
    }
    let mut read = Payload::default();
    let named = strict::read_object(extra, |name, piece| read.take(name, piece))?;
    if named & written(claims) != 0 {
        return Err(Reason::TokenMemberDuplicate);
    }
    match read.malformed {
        Some(_) => Err(Reason::TokenClaimMalformed),
        None => Ok(()),
    }
}

/// The registered claims that are written into a payload beside the extra ones.
fn written<E>(claims: &Claims<E>) -> KnownNames {
    [
        (Registered::Iss, claims.iss.is_some()),
        (Registered::Sub, !claims.sub.is_empty()),
        (Registered::Aud, !claims.aud.is_empty()),
        (Registered::Exp, true),
        (Registered::Nbf, claims.nbf.is_some()),
        (Registered::Iat, claims.iat.is_some()),
        (Registered::Jti, claims.jti.is_some()),
        (Registered::Sid, claims.sid.is_some()),
        (Registered::Gen, claims.generation.is_some()),
        (Registered::Scope, !claims.scope.is_empty()),
        (Registered::Roles, !claims.roles.is_empty()),
        (Registered::AuthTime, claims.auth_time.is_some()),
        (Registered::Amr, !claims.amr.is_empty()),
        (
            Registered::PreferredUsername,
            claims.preferred_username.is_some(),
        ),
        (Registered::ClientId, claims.client_id.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_written)| *is_written)
    .fold(0, |names, (claim, _)| names | claim.bit())
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

    /// What `check_written` answers, and what reading the whole payload answers: the same, whatever the extra claims.
    #[test]
    fn what_is_written_is_judged_as_if_it_were_read() {
        let full = Claims {
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
        let mut all = vec![full.clone(), Claims::new("s", 1), Claims::new("", 1)];
        for at in [
            FARTHEST,
            FARTHEST + 1,
            -FARTHEST,
            -FARTHEST - 1,
            i64::MAX,
            i64::MIN,
        ] {
            all.push(Claims::new("s", at));
            for set in [
                |claims: &mut Claims, at| claims.nbf = Some(at),
                |claims: &mut Claims, at| claims.iat = Some(at),
                |claims: &mut Claims, at| claims.auth_time = Some(at),
                |claims: &mut Claims, at: i64| claims.generation = Some(at.unsigned_abs()),
            ] {
                let mut claims = Claims::new("s", 1);
                set(&mut claims, at);
                all.push(claims);
            }
        }
        let mut extras = vec!["null".to_owned(), "{}".to_owned()];
        let deep =
            |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        extras.extend([30, 31, 32, 33].map(deep));
        for name in serde_json::to_value(&full)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
        {
            for value in [r#""a""#, "7", "null", r#"["a"]"#, "1.5", "1e300", "{}"] {
                extras.push(format!(r#"{{"shop":"n","{name}":{value}}}"#));
            }
        }
        for claims in all {
            for extra in &extras {
                let value: serde_json::Value = serde_json::from_str(extra).unwrap();
                let json = serde_json::to_vec(&claims.clone().with_extra(&value)).unwrap();
                let read = parse(&json).and_then(|read| match read.malformed {
                    Some(_) => Err(Reason::TokenClaimMalformed),
                    None => Ok(()),
                });
                let extra = serde_json::to_vec(&value).unwrap();
                let judged = check_written(&claims, &extra);
                assert_eq!(judged.is_ok(), read.is_ok(), "{claims:?} {extra:?}");
            }
        }
    }
}
