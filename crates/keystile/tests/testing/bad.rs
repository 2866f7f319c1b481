//! A bad token for every reason, each refused for just that one.

use keystile::testing::TestIssuer;
use keystile::{Algorithm, Fresh, Guard, Reason, Requirement};

keystile::role!(Admin = "admin");
keystile::scope!(Read = "read");

/// Why a token is refused by the guard, or by what a route asks for.
fn refused(guard: &Guard, token: &str, reason: Reason) -> Option<Reason> {
    let verified = match guard.verify(token) {
        Err(refusal) => return Some(refusal.reason()),
        Ok(verified) => verified,
    };
    let asked = match reason {
        Reason::RoleMissing => Admin::check(&verified, guard.now()),
        Reason::ScopeMissing => Read::check(&verified, guard.now()),
        Reason::NotFresh => Fresh::<300>::check(&verified, guard.now()),
        // As an application does, whose only account is Ada's.
        Reason::AccountUnknown | Reason::ResourceNotOwn if verified.claims().sub != "ada" => {
            Err(reason.into())
        }
        _ => Ok(()),
    };
    asked.err().map(|refusal| refusal.reason())
}

/// Those that come of the request, or of the state of the service. A token is never at fault.
const NO_TOKENS: [Reason; 14] = [
    Reason::TokenMissing,
    Reason::CredentialsAmbiguous,
    Reason::AuthorizationMalformed,
    Reason::OriginRefused,
    Reason::CsrfTokenMissing,
    Reason::CsrfTokenWrong,
    Reason::RevocationUnknown,
    Reason::KeysUnknown,
    Reason::TokenInactive,
    Reason::BodyTooLarge,
    Reason::BodyUnreadable,
    Reason::BodyTooSlow,
    Reason::AccessDenied,
    Reason::AccessUnknown,
];

#[test]
fn each_bad_token_is_refused_for_just_its_reason() {
    for algorithm in Algorithm::ALL {
        let access = TestIssuer::new()
            .algorithm(algorithm)
            .require_claim("type", "access");
        let refresh = access.clone().require_claim("use", "refresh");
        for reason in Reason::ALL.iter().copied() {
            if NO_TOKENS.contains(&reason) {
                continue;
            }
            let issuer = match reason {
                Reason::RefreshTokenNeeded => &refresh,
                _ => &access,
            };
            let guard = issuer.guard();
            let token = issuer.bad(reason);
            assert_eq!(
                refused(&guard, &token, reason),
                Some(reason),
                "{algorithm} {token}"
            );
            // Nothing is left behind that spoils what comes after.
            assert!(
                guard.verify(&issuer.token("ada").build()).is_ok(),
                "{reason}"
            );
        }
    }
}

#[test]
fn there_is_one_for_every_reason_that_a_token_can_bring_about() {
    let reasons = |issuer: &TestIssuer| -> Vec<Reason> {
        issuer
            .bad_tokens()
            .into_iter()
            .map(|(reason, _)| reason)
            .collect()
    };
    let plain = TestIssuer::new();
    let all = plain
        .clone()
        .require_claim("type", "access")
        .require_claim("use", "refresh");
    let expected = |but: &[Reason]| -> Vec<Reason> {
        let all = Reason::ALL.iter().copied();
        all.filter(|reason| !NO_TOKENS.contains(reason) && !but.contains(reason))
            .collect()
    };
    assert_eq!(reasons(&all), expected(&[]));
    let claims = [Reason::TokenClaimWrong, Reason::RefreshTokenNeeded];
    assert_eq!(reasons(&plain), expected(&claims));
    for (reason, token) in plain.bad_tokens() {
        assert_eq!(refused(&plain.guard(), &token, reason), Some(reason));
    }
}

/// What cannot be had says what to do instead.
#[test]
fn where_no_token_is_at_fault_it_is_said_what_is() {
    let issuer = TestIssuer::new();
    for reason in NO_TOKENS {
        let asked = issuer.clone();
        let asked = std::thread::spawn(move || asked.bad(reason)).join();
        let message = *asked.unwrap_err().downcast::<String>().unwrap();
        assert!(
            message.starts_with(&format!("no token is refused with {reason}: s")),
            "{message}"
        );
    }
}
