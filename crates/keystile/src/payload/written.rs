//! Whether claims can be written so that a verifier reads them.

use super::{FARTHEST, Payload, Registered};
use crate::strict::{self, KnownNames};
use crate::{Claims, Reason};

/// Whether a verifier would read the payload of these claims. `extra` is their extra part as JSON, and the only part that
/// needs reading: the others are written once each and of their type, and only their numbers can be beyond what is read.
pub(crate) fn check_written<E>(claims: &Claims<E>, extra: &[u8]) -> Result<(), Reason> {
    let expires = (claims.exp != Claims::NEVER).then_some(claims.exp);
    let times = [expires, claims.nbf, claims.iat, claims.auth_time];
    let bounded = times
        .into_iter()
        .flatten()
        .all(|at| (0..=FARTHEST).contains(&at));
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
        (Registered::Exp, claims.exp != Claims::NEVER),
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

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn full() -> Claims {
        Claims {
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
        }
    }

    /// Full and sparse ones, and those whose numbers lie at the bounds and beyond.
    fn claims() -> Vec<Claims> {
        let mut all = vec![full(), Claims::new("s", 1), Claims::new("", 1)];
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
        all
    }

    /// Nothing, nestings about as deep as may be, and every registered name with values of every type.
    fn extras() -> Vec<String> {
        let mut extras = vec!["null".to_owned(), "{}".to_owned()];
        let deep =
            |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        extras.extend([30, 31, 32, 33].map(deep));
        let registered = serde_json::to_value(full()).unwrap();
        for name in registered.as_object().unwrap().keys() {
            for value in [r#""a""#, "7", "null", r#"["a"]"#, "1.5", "1e300", "{}"] {
                extras.push(format!(r#"{{"shop":"n","{name}":{value}}}"#));
            }
        }
        extras
    }

    /// What `check_written` answers, and what reading the whole payload answers: the same, whatever the extra claims.
    #[test]
    fn what_is_written_is_judged_as_if_it_were_read() {
        for extra in extras() {
            let value: serde_json::Value = serde_json::from_str(&extra).unwrap();
            let extra = serde_json::to_vec(&value).unwrap();
            for claims in claims() {
                let json = serde_json::to_vec(&claims.clone().with_extra(&value)).unwrap();
                let read = parse(&json).is_ok_and(|read| read.malformed.is_none());
                let judged = check_written(&claims, &extra).is_ok();
                assert_eq!(judged, read, "{claims:?} {value}");
            }
        }
    }
}
