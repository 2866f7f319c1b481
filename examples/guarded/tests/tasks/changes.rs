//! What the application itself gives and takes away: cookies, tokens of its own, sessions.

use std::time::Duration;

use guarded::revoke::Barred;
use guarded::{cookies, issue, revoke};
use keystile::{Guard, SigningKey, testing::TestIssuer};

use crate::{all, ask, send};

const ORIGIN: (&str, &str) = ("origin", "https://app.example");

#[tokio::test]
async fn a_token_lies_in_a_cookie_and_a_page_shows_that_it_is_ours() {
    let issuer = TestIssuer::new();
    let app = cookies::router(issuer.guard(), [9; 32], "https://app.example");
    let bearer = issuer.token("ada").bearer();
    let by_header = ("authorization", bearer.as_str());
    let foreign = ("origin", "https://evil.example");
    for origin in [&[][..], &[foreign]] {
        let refused = send(&app, "POST /session", &[&[by_header], origin].concat(), "").await;
        assert_eq!(refused.told(), (403, "origin_refused"));
    }
    let of_no_session = issuer.token("ada").without("sid").bearer();
    let headers = [("authorization", of_no_session.as_str()), ORIGIN];
    let refused = send(&app, "POST /session", &headers, "").await;
    assert_eq!(
        (refused.status, refused.headers.get("set-cookie")),
        (400, None)
    );
    let opened = send(&app, "POST /session", &[by_header, ORIGIN], "").await;
    assert_eq!(opened.status, 204, "{}", opened.body);
    let set = opened.headers.get_all("set-cookie").iter();
    let set: Vec<&str> = set.map(|value| value.to_str().unwrap()).collect();
    assert!(set[0].starts_with("__Host-access=") && set[0].contains("Max-Age=900; "));
    assert!(set[0].contains("HttpOnly") && !set[1].contains("HttpOnly"));
    let value = |line: &str| line.split(';').next().unwrap().to_owned();
    let both = format!("{}; {}", value(set[0]), value(set[1]));
    let csrf = value(set[1]).split_once('=').unwrap().1.to_owned();
    let jar = ("cookie", both.as_str());
    let shown = ("x-csrf-token", csrf.as_str());

    for (request, headers, status, told) in [
        ("GET /me", &[jar][..], 200, "ada"),
        ("POST /cakes", &[jar, ORIGIN, shown], 200, "one for ada"),
        ("POST /cakes", &[jar, ORIGIN], 403, "csrf_token_missing"),
        ("POST /cakes", &[jar, foreign, shown], 403, "origin_refused"),
        ("POST /cakes", &[by_header], 200, "one for ada"),
        (
            "POST /cakes",
            &[jar, by_header],
            400,
            "credentials_ambiguous",
        ),
        // The first token comes in the header.
        ("POST /session", &[jar, ORIGIN, shown], 401, "token_missing"),
    ] {
        let answer = send(&app, request, headers, "").await;
        assert_eq!(answer.told(), (status, told), "{request} {headers:?}");
    }
    let closed = send(&app, "DELETE /session", &[jar, ORIGIN, shown], "").await;
    assert_eq!(closed.status, 204);
    let mut cleared = 0;
    for line in closed.headers.get_all("set-cookie") {
        assert!(line.to_str().unwrap().contains("Max-Age=0"), "{line:?}");
        cleared += 1;
    }
    assert_eq!(cleared, 2);
}

#[tokio::test]
async fn a_ticket_is_a_token_of_another_kind_and_can_be_looked_at() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let key = SigningKey::hs256([5; 32]).unwrap();
    let door = Guard::hs256([5; 32]).unwrap().clock(clock.clone());
    let door = door.token_type("ticket+jwt").audience("cinema");
    let app = issue::router(issuer.guard(), door, key, clock);
    let ada = issuer.token("ada").bearer();

    let ticket = send(
        &app,
        "POST /ticket",
        &[("authorization", &ada)],
        "Metropolis",
    )
    .await;
    assert_eq!(ticket.status, 200, "{}", ticket.body);
    let shown = format!("Bearer {}", ticket.body);
    all(&app, &[("GET /enter", &shown, 200, "ada sees Metropolis")]).await;
    // Neither is taken for the other.
    assert_eq!(ask(&app, "GET /enter", &ada).await.status, 401);
    assert_eq!(ask(&app, "POST /ticket", &shown).await.status, 401);

    let looked = send(&app, "POST /look", &[], &ticket.body).await;
    assert!(
        looked.body.contains("\"kind\":\"ticket+jwt\""),
        "{}",
        looked.body
    );
    assert!(
        looked.body.contains("\"subject\":\"ada\""),
        "{}",
        looked.body
    );
    assert_eq!(send(&app, "POST /look", &[], "a.b.c").await.status, 400);

    issuer.clock().advance(Duration::from_secs(300));
    all(&app, &[("GET /enter", &shown, 401, "token_expired")]).await;
}

#[tokio::test]
async fn a_sign_out_ends_the_session_and_a_list_of_ones_own_is_asked() {
    let issuer = TestIssuer::new();
    let barred = Barred::default();
    let app = revoke::router(issuer.guard(), barred.clone());
    let here = issuer.token("ada").session("here").bearer();
    let too = issuer.token("ada").session("here").bearer();
    let there = issuer.token("ada").session("there").bearer();
    assert_eq!(ask(&app, "POST /sign-out", &here).await.status, 204);
    all(
        &app,
        &[
            ("GET /me", &here, 401, "token_revoked"),
            ("GET /me", &too, 401, "token_revoked"),
            ("GET /me", &there, 200, "ada"),
        ],
    )
    .await;
    barred.bar("ada");
    all(&app, &[("GET /me", &there, 401, "token_revoked")]).await;

    let nameless = issuer.token("bob").without("sid").bearer();
    assert_eq!(ask(&app, "POST /sign-out", &nameless).await.status, 400);
}
