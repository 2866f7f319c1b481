//! A client program signs people in: the session is bound to it, over HTTP alone.

use keystile_accounts::{GuessLimits, NewClient};
use serde_json::{Value, json};

use crate::actors::{ISSUER, PASSWORD, Server};
use crate::http::{Answer, Request};
use crate::oauth::{API, Client, basic, claims};

const OTHER_API: &str = "https://other.example";

/// A sign-in of ada's by this client, with these members in place of its own.
fn body(client: &Client<'_>, more: &Value) -> Value {
    let mut body = json!({
        "username": "ada", "password": PASSWORD,
        "client_id": client.id, "client_secret": client.secret,
    });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}

async fn login(server: &Server, client: &Client<'_>, more: &Value) -> Answer {
    server.post("/v1/login", &body(client, more)).await
}

async fn me(server: &Server, token: &str) -> Answer {
    server
        .send(Request::new("GET", "/v1/me").bearer(token))
        .await
}

#[tokio::test]
async fn from_the_sign_in_to_the_sign_out_it_is_the_clients() {
    let server = Server::start().await;
    server.person("ada").await;
    let (mine, other) = (server.client("mine").await, server.client("other").await);
    let answer = login(&server, &mine, &json!({})).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (access, refresh) = (answer.text("/access_token"), answer.text("/refresh_token"));
    let told = claims(&access);
    assert_eq!(
        (&told["client_id"], &told["aud"], &told["sub"]),
        (
            &json!(mine.id),
            &json!(ISSUER),
            &json!(answer.text("/account/id"))
        )
    );
    me(&server, &access).await.expect(200);

    // Whoever has only the refresh token has nothing; nor has another client.
    let elsewhere = json!({ "refresh_token": refresh });
    for target in ["/v1/refresh", "/v1/logout"] {
        let answer = server.post(target, &elsewhere).await;
        assert_eq!(answer.problem(401), "refresh_token_unknown", "{target}");
    }
    let all = json!({ "refresh_token": refresh, "sessions": "all" });
    let answer = server.post("/v1/logout", &all).await;
    assert_eq!(answer.problem(401), "refresh_token_unknown");
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(
        other.post("/oauth/token", &form).await.oauth(400),
        "invalid_grant"
    );
    let asked = format!("token={refresh}");
    let shown = other.post("/oauth/introspect", &asked).await.expect(200);
    assert_eq!(shown.json(), json!({ "active": false }));

    let next = mine.post("/oauth/token", &form).await.expect(200);
    let (access, refresh) = (next.text("/access_token"), next.text("/refresh_token"));
    for token in [&access, &refresh] {
        let shown = mine
            .post("/oauth/introspect", &format!("token={token}"))
            .await;
        let shown = shown.expect(200).json();
        assert_eq!(
            (&shown["active"], &shown["client_id"]),
            (&json!(true), &json!(mine.id))
        );
    }
    let revoked = mine
        .post("/oauth/revoke", &format!("token={refresh}"))
        .await;
    revoked.expect(200);
    assert_eq!(me(&server, &access).await.problem(401), "token_revoked");
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(
        mine.post("/oauth/token", &form).await.oauth(400),
        "invalid_grant"
    );
}

#[tokio::test]
async fn the_first_token_is_for_the_clients_audience_as_all_are() {
    let server = Server::start().await;
    server.person("ada").await;
    let make = async |name: &str, audiences: &[&str]| {
        let new = NewClient::named(name).audiences(audiences.iter().copied());
        server.client_as(new).await
    };
    let plain = make("plain", &[]).await;
    let api = make("api", &[API]).await;
    let two = make("two", &[API, OTHER_API]).await;
    let three = make("three", &[API, OTHER_API, ISSUER]).await;
    let resource = |audience: &str| json!({ "resource": audience });
    for (client, more, audience) in [
        (&plain, json!({}), Ok(ISSUER)),
        (&plain, resource(ISSUER), Ok(ISSUER)),
        (&plain, resource(API), Err("resource_refused")),
        (&api, json!({}), Ok(API)),
        (&api, resource(API), Ok(API)),
        (&api, resource(ISSUER), Err("resource_refused")),
        (
            &api,
            resource("https://api.example/"),
            Err("resource_refused"),
        ),
        (&api, resource(""), Err("resource_refused")),
        (&two, json!({}), Err("resource_needed")),
        (&two, resource(OTHER_API), Ok(OTHER_API)),
        (&three, json!({}), Ok(ISSUER)),
        (&three, resource(API), Ok(API)),
    ] {
        let answer = login(&server, client, &more).await;
        let audience = match audience {
            Ok(audience) => audience,
            Err(code) => {
                assert_eq!(answer.problem(400), code, "{more}");
                continue;
            }
        };
        let access = answer.expect(200).text("/access_token");
        assert_eq!(claims(&access)["aud"], json!(audience), "{more}");
        let here = me(&server, &access).await;
        if audience == ISSUER {
            here.expect(200);
        } else {
            assert_eq!(here.problem(401), "token_audience_wrong");
        }
    }
    // Without a client there is the issuer alone.
    let person = json!({ "username": "ada", "password": PASSWORD });
    for (audience, status) in [(ISSUER, 200), (API, 400)] {
        let mut person = person.clone();
        person["resource"] = json!(audience);
        server.post("/v1/login", &person).await.expect(status);
    }
}

/// The answer to a wrong client is the same whoever the person is, and comes before the password is looked at.
#[tokio::test]
async fn a_wrong_client_learns_nothing_of_the_person() {
    let server = Server::start().await;
    server.person("ada").await;
    let (mine, other) = (server.client("mine").await, server.client("other").await);
    let wrong = [
        json!({ "client_secret": "ksc_wrong" }),
        json!({ "client_secret": "" }),
        json!({ "client_secret": other.secret }),
        json!({ "client_id": "nobody" }),
        json!({ "client_id": "mine" }),
        json!({ "client_id": "a\u{0}b" }),
    ];
    let people = [
        json!({}),
        json!({ "password": "wrong password here" }),
        json!({ "username": "nobody" }),
    ];
    let mut answers = Vec::new();
    for client in &wrong {
        for person in &people {
            let mut more = client.clone();
            more.as_object_mut()
                .unwrap()
                .extend(person.as_object().unwrap().clone());
            let answer = login(&server, &mine, &more).await;
            assert_eq!(answer.problem(401), "client_wrong", "{more}");
            let mut json = answer.json();
            json["request_id"] = json!(null);
            answers.push((json, answer.header("www-authenticate").map(str::to_owned)));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let wrong = login(&server, &mine, &people[1]).await;
    assert_eq!(wrong.problem(401), "credentials_wrong");
    // A resource that cannot be had is told to a client that has proved who it is, and to no other.
    let far = json!({ "client_secret": "ksc_wrong", "resource": "https://x" });
    assert_eq!(
        login(&server, &mine, &far).await.problem(401),
        "client_wrong"
    );
}

#[tokio::test]
async fn both_secrets_have_their_limits_and_neither_opens_the_others() {
    let limits = GuessLimits::default().per_address(3, std::time::Duration::from_secs(60));
    let server = Server::start_with(limits, true).await;
    server.person("ada").await;
    let mine = server.client("mine").await;
    let guess = json!({ "password": "wrong password here" });
    for _ in 0..3 {
        let answer = login(&server, &mine, &guess).await;
        assert_eq!(answer.problem(401), "credentials_wrong");
    }
    // The client's secret does not lift the limit on the person's password.
    for more in [&guess, &json!({})] {
        let limited = login(&server, &mine, more).await;
        assert_eq!(limited.problem(429), "limited");
        assert!(limited.header("retry-after").is_some());
    }
    server.advance(61);
    let forged = json!({ "client_secret": "ksc_wrong" });
    for _ in 0..3 {
        let answer = login(&server, &mine, &forged).await;
        assert_eq!(answer.problem(401), "client_wrong");
    }
    assert_eq!(login(&server, &mine, &forged).await.problem(429), "limited");
    // Whoever fails on purpose locks neither the program nor the person out.
    login(&server, &mine, &json!({})).await.expect(200);
    server.sign_in("ada").await;
}

#[tokio::test]
async fn each_half_comes_in_its_place() {
    let server = Server::start().await;
    server.person("ada").await;
    let mine = server.client("mine").await;
    for (missing, member) in [
        ("client_id", "client_secret"),
        ("client_secret", "client_id"),
    ] {
        let mut half = body(&mine, &json!({}));
        half.as_object_mut().unwrap().remove(missing);
        let answer = server.post("/v1/login", &half).await;
        assert_eq!(answer.problem(400), "member_missing", "{member} alone");
        assert_eq!(answer.text("/member"), missing);
    }
    // Cookies are for pages, which keep no client's secret.
    let cookie = json!({ "delivery": "cookie" });
    let answer = login(&server, &mine, &cookie).await;
    assert_eq!(answer.problem(400), "delivery_not_for_clients");
    assert!(answer.header("set-cookie").is_none());
    // A Basic header is the person's; the client's credentials stand in the body all the same.
    let client = json!({ "client_id": mine.id, "client_secret": mine.secret });
    let by = |header: String, body: &Value| {
        let request = Request::new("POST", "/v1/login").header("authorization", &header);
        server.send(request.json(body))
    };
    let answer = by(basic("ada", PASSWORD), &client).await.expect(200);
    assert_eq!(
        claims(&answer.text("/access_token"))["client_id"],
        json!(mine.id)
    );
    let person = json!({ "username": "ada", "password": PASSWORD });
    let answer = by(mine.basic(), &person).await;
    assert_eq!(answer.problem(400), "credentials_ambiguous");
    let form = Request::new("POST", "/v1/login").raw(crate::oauth::FORM, b"username=ada");
    assert!(matches!(server.send(form).await.status, 400 | 415));
}

#[tokio::test]
async fn a_deleted_client_signs_nobody_in_and_its_sessions_are_over() {
    let server = Server::start().await;
    server.person("ada").await;
    let mine = server.client("mine").await;
    let answer = login(&server, &mine, &json!({})).await.expect(200);
    let access = answer.text("/access_token");
    server
        .accounts
        .delete_client(None, &mine.id)
        .await
        .expect("deleted");
    assert_eq!(me(&server, &access).await.problem(401), "token_revoked");
    let answer = login(&server, &mine, &json!({})).await;
    assert_eq!(answer.problem(401), "client_wrong");
}
