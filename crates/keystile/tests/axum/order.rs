//! In which order a request is judged: of two things that are wrong, the one that is looked at first is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::routing::post;
use keystile::testing::{TestIssuer, TestToken};
use keystile::{
    Checked, Csrf, Denied, Fresh, FromCaller, Guard, Loaded, Principal, Reason, TokenCookie,
    Verified,
};

use crate::send;

const OURS: &str = "https://app.example";
const DAY: Duration = Duration::from_secs(86_400);

/// A request that is let in, until something about it is spoilt.
struct Case {
    issuer: TestIssuer,
    token: TestToken,
    is_forged: bool,
    origin: &'static str,
    shows_csrf: bool,
}

impl Case {
    fn good() -> Self {
        let issuer = TestIssuer::new().require_claim("type", "access");
        Self {
            token: issuer.token("ada").fresh(),
            issuer,
            is_forged: false,
            origin: OURS,
            shows_csrf: true,
        }
    }

    fn with(mut self, change: impl FnOnce(TestToken) -> TestToken) -> Self {
        self.token = change(self.token);
        self
    }

    fn guard(&self) -> Guard {
        let cookie = TokenCookie::on_loopback("access");
        let guard = self.issuer.guard().token_from_cookie(cookie, csrf());
        guard.also_check(barred)
    }

    fn request(&self) -> Request<Body> {
        let mut token = self.token.build();
        if self.is_forged {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let first = if signature.starts_with('A') { "B" } else { "A" };
            token = format!("{signed}.{first}{}", &signature[1..]);
        }
        let mut request = Request::post("/")
            .header("cookie", format!("access={token}"))
            .header("origin", self.origin);
        if self.shows_csrf {
            request = request.header("x-csrf-token", csrf().token("ada-session"));
        }
        request.body(Body::empty()).unwrap()
    }

    /// By extractors alone, and below a layer: they agree. The reason's code, or "in".
    async fn told(&self) -> String {
        let guard = self.guard();
        let app = || Router::new().route("/", post(async |_: Loaded<Account, Fresh<300>>| {}));
        let bare = app().with_state(guard.clone());
        let layered = app().layer(guard.layer()).with_state(guard);
        let mut told = Vec::new();
        for app in [bare, layered] {
            let answer = send(&app, self.request()).await;
            told.push(if answer.status.is_success() {
                "in".to_owned()
            } else {
                answer.code().await
            });
        }
        assert_eq!(told[0], told[1], "the extractor and the layer agree");
        told.remove(0)
    }
}

fn csrf() -> Csrf {
    Csrf::new([5; 32], [OURS])
}

/// A list of the application's own, asked for every token.
fn barred(token: &Arc<Verified>) -> Result<(), Reason> {
    match token.claims().client_id.as_deref() {
        Some("barred") => Err(Reason::AccessDenied),
        _ => Ok(()),
    }
}

/// A look-up of the application's own, for one route.
struct Account;

impl FromCaller<Guard> for Account {
    async fn from_caller(caller: &Principal, _: &Parts, _: &Guard) -> Result<Self, Denied> {
        match caller.preferred_username.as_deref() {
            Some("gone") => Err(Reason::AccountUnknown.into()),
            _ => Ok(Self),
        }
    }
}

type Spoilt = (&'static str, fn(Case) -> Case);

/// What can be wrong, in the order in which it is looked at.
const ORDER: [Spoilt; 17] = [
    ("origin_refused", |case| Case {
        origin: "https://evil.example",
        ..case
    }),
    // Decode.
    ("token_too_large", |case| {
        case.with(|token| token.claim("padding", "x".repeat(16 * 1024)))
    }),
    ("token_critical_refused", |case| {
        case.with(|token| token.header("crit", vec!["exp"]))
    }),
    ("token_algorithm_refused", |case| {
        case.with(|token| token.header("alg", "none"))
    }),
    ("token_key_unknown", |case| {
        case.with(|token| token.header("kid", "nobodys"))
    }),
    ("token_signature_invalid", |case| Case {
        is_forged: true,
        ..case
    }),
    ("token_claim_malformed", |case| {
        case.with(|token| token.claim("nbf", "soon"))
    }),
    // Type.
    ("token_type_wrong", |case| {
        case.with(|token| token.token_type("another+jwt"))
    }),
    ("token_issuer_wrong", |case| {
        case.with(|token| token.claim("iss", "https://another.test"))
    }),
    ("token_audience_wrong", |case| {
        case.with(|token| token.audience("https://another-api.test"))
    }),
    ("access_token_needed", |case| {
        case.with(|token| token.claim("type", "refresh"))
    }),
    ("token_expired", |case| {
        case.with(|token| token.expired_ago(DAY))
    }),
    // The guard's own list.
    ("token_revoked", |case| {
        case.issuer.revoke_session_now("ada-session");
        case
    }),
    ("csrf_token_missing", |case| Case {
        shows_csrf: false,
        ..case
    }),
    // Extra verification.
    ("access_denied", |case| {
        case.with(|token| token.client("barred"))
    }),
    // What the route asks.
    ("not_fresh", |case| {
        case.with(|token| token.signed_in_ago(DAY))
    }),
    // The user.
    ("account_unknown", |case| {
        case.with(|token| token.username("gone"))
    }),
];

#[tokio::test]
async fn of_two_faults_the_one_that_is_looked_at_first_is_told() {
    assert_eq!(Case::good().told().await, "in");
    for (at, (code, spoil)) in ORDER.into_iter().enumerate() {
        assert_eq!(spoil(Case::good()).told().await, code);
        for (later, also) in &ORDER[at + 1..] {
            for case in [also(spoil(Case::good())), spoil(also(Case::good()))] {
                assert_eq!(case.told().await, code, "and {later}");
            }
        }
    }
}

/// One who takes each token once notes it when asked. No other site may have it spent, and nobody without a good one.
#[tokio::test]
async fn nobody_is_asked_about_a_token_before_its_page_is_known() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (now, later) = (Arc::clone(&asked), Arc::clone(&asked));
    let at_once = move |_: &Arc<Verified>| {
        now.fetch_add(1, Ordering::SeqCst);
        Ok::<(), Reason>(())
    };
    let elsewhere = move |_: &Arc<Verified>| {
        let later = Arc::clone(&later);
        Checked::later(async move {
            tokio::task::yield_now().await;
            later.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    };
    let case = Case::good();
    let guard = case.guard().also_check(at_once).also_check(elsewhere);
    let app = || Router::new().route("/", post(async |_: Principal| {}));
    let bare = app().with_state(guard.clone());
    let layered = app().layer(guard.layer()).with_state(guard.clone());
    for (code, spoil) in ORDER {
        let looked_at_later = ["access_denied", "not_fresh", "account_unknown"].contains(&code);
        if looked_at_later || code == "token_revoked" {
            continue;
        }
        // Of this guard's issuer, whatever is spoilt of it.
        let case = spoil(Case {
            issuer: case.issuer.clone(),
            token: case.token.clone(),
            ..Case::good()
        });
        for app in [&bare, &layered] {
            assert_eq!(send(app, case.request()).await.code().await, code);
        }
        let (head, _) = case.request().into_parts();
        assert_eq!(
            guard.verify_request(&head, None).await.unwrap_err().code(),
            code
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for app in [&bare, &layered] {
        assert_eq!(send(app, case.request()).await.status, 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4, "each once for a request");
}
