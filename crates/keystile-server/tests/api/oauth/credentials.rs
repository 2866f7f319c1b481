//! How a client proves who it is: the same at all three endpoints.

use keystile_accounts::GuessLimits;

use super::{FORM, basic, basic_bytes, form_to};
use crate::actors::Server;
use crate::http::Request;

const TARGETS: [(&str, &str); 3] = [
    ("/oauth/token", "grant_type=client_credentials"),
    ("/oauth/introspect", "token=x"),
    ("/oauth/revoke", "token=x"),
];

#[tokio::test]
async fn nobody_is_let_in_without_credentials() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    for (target, form) in TARGETS {
        let by_id = format!("{form}&client_id={}", client.id);
        let by_secret = format!("{form}&client_secret={}", client.secret);
        let empty = format!("{form}&client_id=&client_secret=");
        let assertion = format!("{by_id}&client_assertion=a.b.c");
        for form in [form, &by_id, &by_secret, &empty, &assertion] {
            let answer = server.send(form_to(target, form)).await;
            assert_eq!(answer.oauth(401), "invalid_client", "{target} {form}");
        }
    }
}

#[tokio::test]
async fn credentials_come_by_basic_or_in_the_form() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let other = server.client("other").await;
    // RFC 6749, section 2.3.1: each half is form-encoded, whatever of it needed that.
    let encoded = |text: &str| {
        let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        bytes.concat()
    };
    let ways = [
        (Some(client.basic()), String::new()),
        (
            Some(client.basic().replace("Basic", "bAsIc")),
            String::new(),
        ),
        (
            Some(basic(&encoded(&client.id), &encoded(&client.secret))),
            String::new(),
        ),
        (Some(client.basic()), format!("&client_id={}", client.id)),
        (
            None,
            format!("&client_id={}&client_secret={}", client.id, client.secret),
        ),
        (
            None,
            format!(
                "&client_id={}&client_secret={}",
                encoded(&client.id),
                encoded(&client.secret)
            ),
        ),
    ];
    for (target, form) in TARGETS {
        for (basic, more) in &ways {
            let mut request = form_to(target, &format!("{form}{more}"));
            if let Some(basic) = basic {
                request = request.header("authorization", basic);
            }
            server.send(request).await.expect(200);
        }
        for more in [
            format!("&client_secret={}", client.secret),
            format!("&client_id={}&client_secret={}", client.id, client.secret),
            format!("&client_id={}", other.id),
        ] {
            let answer = client.post(target, &format!("{form}{more}")).await;
            assert_eq!(answer.oauth(400), "invalid_request", "{more}");
        }
        let twice = form_to(target, form)
            .header("authorization", &client.basic())
            .header("authorization", &client.basic());
        assert_eq!(server.send(twice).await.oauth(400), "invalid_request");
    }
}

#[tokio::test]
async fn hostile_credentials_are_wrong_ones() {
    let server = Server::start().await;
    let client = server.client("reader").await;
    let other = server.client("other").await;
    let root = server.administrator().await;
    let long = "x".repeat(10_000);
    let mut values = vec![
        basic(&client.id, &other.secret),
        basic(&client.id, ""),
        basic("", &client.secret),
        basic("", ""),
        basic(&client.secret, &client.id),
        basic(&client.id.to_uppercase(), &client.secret.to_uppercase()),
        basic("root", crate::actors::PASSWORD),
        basic(&long, &long),
        basic(&format!("{}%00", client.id), &client.secret),
        basic(&client.id, &format!("{}%00", client.secret)),
        basic(&client.id, &format!("{}%", client.secret)),
        basic(&client.id, "%ff%fe"),
        basic("' OR 1=1 --", "' OR 1=1 --"),
        basic("%27%20OR%201=1", "%"),
        basic_bytes(b"no colon"),
        basic_bytes(b"\xff\xfe:\xff"),
        basic_bytes(b"a\0b:c"),
        format!("Basic {}:{}", client.id, client.secret),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic \u{e9}".to_owned(),
        format!("Digest {}", client.secret),
        format!("Bearer {}", client.token().await),
        format!("Bearer {}", root.access),
    ];
    values.push(
        client
            .basic()
            .trim_end_matches('=')
            .replace("Basic ", "Basic !"),
    );
    for (target, form) in TARGETS {
        for value in &values {
            let answer = server
                .send(form_to(target, form).header("authorization", value))
                .await;
            assert_eq!(answer.oauth(401), "invalid_client", "{value:?}");
        }
        for form in [
            format!("{form}&client_id=%00&client_secret=%00"),
            format!("{form}&client_id={long}&client_secret={long}"),
            format!(
                "{form}&client_id={}&client_secret={}",
                client.id, other.secret
            ),
        ] {
            let answer = server.send(form_to(target, &form)).await;
            assert_eq!(answer.oauth(401), "invalid_client");
        }
    }
    let query = format!(
        "/oauth/token?grant_type=client_credentials&client_id={}&client_secret={}",
        client.id, client.secret
    );
    let answer = server
        .send(Request::new("POST", &query).raw(FORM, b"a=b"))
        .await;
    assert_eq!(
        answer.oauth(400),
        "invalid_request",
        "a query ends up in logs"
    );
}

/// Known and unknown alike; and a program that has the right secret is never locked out.
#[tokio::test]
async fn wrong_secrets_are_limited() {
    let limits = GuessLimits::default().per_address(3, std::time::Duration::from_secs(900));
    let server = Server::start_with(limits, true).await;
    let client = server.client("reader").await;
    let wrong = |target, id: &str| {
        let secret = basic(id, "ksc_wrong");
        server.send(form_to(target, "token=x").header("authorization", &secret))
    };
    for ((target, _), id) in TARGETS
        .iter()
        .zip([client.id.as_str(), "nobody", "somebody"])
    {
        assert_eq!(wrong(target, id).await.oauth(401), "invalid_client");
    }
    for ((target, _), id) in TARGETS
        .iter()
        .zip([client.id.as_str(), "nobody", "another"])
    {
        let answer = wrong(target, id).await;
        assert_eq!(answer.oauth(429), "temporarily_unavailable");
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&after), "{after}");
    }
    client.token().await;
}
