//! The rows: what brings a reason about in a place.

use keystile::remote::Introspection;
use keystile::testing::{Fault, TestIssuer};
use keystile::{Guard, Place, Reason, Trust, Verifier};

use crate::requests::{self, Asking, Ending, Way};

/// What is answered.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    /// The reason of the row.
    Refused,
    /// This reason of the row cannot come about there; what would bring it about has this one instead.
    Instead(Reason),
    /// It cannot come about there: what would bring it about elsewhere is let in.
    LetIn,
}

pub(crate) struct Row {
    pub(crate) guard: Guard,
    pub(crate) request: Asking,
    pub(crate) expected: Expected,
    /// Whatever must live for as long as the row is tried.
    _held: Option<keystile::testing::ServedIssuer>,
}

impl Row {
    fn refused(guard: Guard, place: Place, request: Asking) -> Self {
        Self {
            guard: requests::reading(place, guard),
            request,
            expected: Expected::Refused,
            _held: None,
        }
    }

    fn instead(self, reason: Reason) -> Self {
        let expected = Expected::Instead(reason);
        Self { expected, ..self }
    }

    fn let_in_unless(self, refused: bool) -> Self {
        let expected = if refused {
            self.expected
        } else {
            Expected::LetIn
        };
        Self { expected, ..self }
    }
}

pub(crate) fn row(reason: Reason, place: Place, way: Way) -> Row {
    let row = seen(reason, place, way);
    if way.looks_in(place) {
        row
    } else {
        // Whatever token it is: nobody has seen it.
        row.instead(Reason::TokenMissing)
    }
}

/// Where the token is seen.
fn seen(reason: Reason, place: Place, way: Way) -> Row {
    use Reason as R;
    let issuer = TestIssuer::new().require_claim("type", "access");
    let good = issuer.token("ada").build();
    let of = |request: Asking| Row::refused(issuer.guard(), place, request);
    let bad = |issuer: &TestIssuer| {
        let token = issuer.bad(reason);
        Row::refused(issuer.guard(), place, requests::with(place, &token))
    };
    let is_cookie = place == Place::Cookie;
    match reason {
        R::TokenMissing => of(requests::without(place)),
        R::CredentialsAmbiguous => of(requests::with_two(place, &good)),
        // Only a header has a scheme before the token; elsewhere no token at all is a malformed one.
        R::AuthorizationMalformed => match place {
            Place::Header => of(requests::with(place, "")),
            Place::Query | Place::Form | Place::Json => {
                of(requests::with(place, "")).instead(R::TokenMalformed)
            }
            // A cookie that was cleared is there, and empty.
            Place::Cookie => of(requests::with(place, "")).instead(R::TokenMissing),
        },
        R::BodyTooLarge => unreadable(of, place, way, &good, Ending::TooLong),
        R::BodyUnreadable => unreadable(of, place, way, &good, Ending::BreaksOff),
        R::BodyTooSlow => unreadable(of, place, way, &good, Ending::Stops),
        // A browser adds cookies by itself, and nothing else.
        R::OriginRefused => {
            let request = requests::with(place, &good).without("origin");
            of(request.header("origin", "https://theirs.example")).let_in_unless(is_cookie)
        }
        R::CsrfTokenMissing => {
            let request = requests::with(place, &good).without("x-csrf-token");
            of(request).let_in_unless(is_cookie)
        }
        R::CsrfTokenWrong => {
            let request = requests::with(place, &good).without("x-csrf-token");
            of(request.header("x-csrf-token", "AAAA")).let_in_unless(is_cookie)
        }
        R::KeysUnknown => keys_unknown(place),
        R::TokenInactive => inactive(place),
        R::RevocationUnknown => {
            issuer.lose_feed();
            of(requests::with(place, &good))
        }
        // Ada at Bob's, and one whom the application's own check refuses or cannot find out about.
        R::ResourceNotOwn | R::AccessDenied | R::AccessUnknown => of(requests::with(place, &good)),
        R::AccountUnknown => {
            let request = requests::with(place, &issuer.bad(reason));
            of(requests::of_session("no-such-account-session", request))
        }
        R::RefreshTokenNeeded => bad(&TestIssuer::new().require_claim("type", "refresh")),
        R::TokenTooLarge
        | R::TokenMalformed
        | R::TokenMemberDuplicate
        | R::TokenCriticalRefused
        | R::TokenAlgorithmRefused
        | R::TokenIssuerWrong
        | R::TokenKeyUnknown
        | R::TokenSignatureInvalid
        | R::TokenClaimMalformed
        | R::TokenTypeWrong
        | R::TokenAudienceWrong
        | R::TokenClaimMissing
        | R::AccessTokenNeeded
        | R::TokenClaimWrong
        | R::TokenExpired
        | R::TokenNotYetValid
        | R::TokenIssuedInFuture
        | R::TokenRevoked
        | R::RoleMissing
        | R::ScopeMissing
        | R::NotFresh => bad(&issuer),
        _ => panic!("{reason} has no row: say what brings it about in each place"),
    }
}

/// A body that cannot be read to its end: of no matter where neither the token nor its CSRF token stands in it.
fn unreadable(
    of: impl FnOnce(Asking) -> Row,
    place: Place,
    way: Way,
    good: &str,
    ending: Ending,
) -> Row {
    let row = of(requests::with_body(place, good, ending));
    match place {
        Place::Header | Place::Query => row.let_in_unless(false),
        // The cookie is seen, and the CSRF token in the form is not.
        Place::Cookie if !way.reads_bodies() => row.instead(Reason::CsrfTokenMissing),
        Place::Cookie | Place::Form | Place::Json => row,
    }
}

/// The issuer is down, and its keys were never had.
fn keys_unknown(place: Place) -> Row {
    let issuer = TestIssuer::new().serve();
    issuer.fail(Fault::Down);
    // A token waits for the keys so long: nobody brings them.
    let short = std::time::Duration::from_millis(20);
    let guard = issuer.follow().timeout(short).connect_lazy().unwrap();
    let request = requests::with(place, &issuer.token("ada").build());
    Row {
        _held: Some(issuer),
        ..Row::refused(guard, place, request)
    }
}

/// The issuer, asked about it, knows no such token.
fn inactive(place: Place) -> Row {
    let issuer = TestIssuer::new().serve();
    let (url, id) = (issuer.url(), TestIssuer::CLIENT_ID);
    let asked = format!("{url}/oauth/introspect");
    let guard = Guard::new(Verifier::new(Trust {
        issuer: url.into(),
        audience: keystile::Expected::Unchecked,
        token_type: keystile::Expected::Unchecked,
        keys: Introspection::at(asked, id, TestIssuer::CLIENT_SECRET).unwrap(),
    }));
    let request = requests::with(place, "an-opaque-token");
    Row {
        _held: Some(issuer),
        ..Row::refused(guard, place, request)
    }
}
