//! Who is let in.

use std::time::Duration;

use keystile::Claims;

use crate::node::Node;
use crate::place::Place;
use crate::reading::Reading;

const HOUR: Duration = Duration::from_secs(3_600);

async fn refusal(node: &Node, token: &str) -> (u16, String) {
    let reading = Reading::open(node.address, token, None).await;
    (reading.status, reading.problem().await)
}

pub(crate) async fn only_a_clients_token_with_the_scope_is_let_in(place: Place) {
    let node = place.node().await;
    let nobody = Reading::ask(node.address, "").await;
    assert_eq!(
        (nobody.status, nobody.problem().await),
        (401, "token_missing".to_owned())
    );

    let ada = node.person("ada").await;
    let expected = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        refusal(&node, &ada.access_token).await,
        expected(403, "scope_missing")
    );
    assert_eq!(
        refusal(&node, ada.refresh_token.expose()).await,
        expected(401, "access_token_needed")
    );

    // However a person came by such a scope, or by the name of a client whose session it is.
    let client = node.claims("c", HOUR);
    let persons = [
        Claims {
            sid: Some("s".to_owned()),
            generation: Some(0),
            ..client.clone()
        },
        Claims {
            sid: Some("s".to_owned()),
            ..client.clone()
        },
        Claims {
            client_id: None,
            ..client.clone()
        },
        Claims {
            sub: ada.account.id.as_str().to_owned(),
            ..client.clone()
        },
        Claims {
            sub: "client:other".to_owned(),
            ..client.clone()
        },
    ];
    for claims in persons {
        let token = node.sign(&claims).await;
        assert_eq!(refusal(&node, &token).await, expected(403, "client_needed"));
    }
    let others = [
        (
            Claims {
                scope: "accounts:read".into(),
                ..client.clone()
            },
            403,
            "scope_missing",
        ),
        (
            Claims {
                scope: "revocations:read2".into(),
                ..client.clone()
            },
            403,
            "scope_missing",
        ),
        (
            Claims {
                aud: "https://api.example".into(),
                ..client.clone()
            },
            401,
            "token_audience_wrong",
        ),
        (
            Claims {
                exp: node.now().as_seconds(),
                ..client.clone()
            },
            401,
            "token_expired",
        ),
    ];
    for (claims, status, code) in others {
        let token = node.sign(&claims).await;
        assert_eq!(refusal(&node, &token).await, expected(status, code));
    }
    node.revoke("c").await;
    let token = node.sign(&client).await;
    assert_eq!(refusal(&node, &token).await, expected(401, "token_revoked"));
    let in_the_query = Reading::ask(node.address, "x-token: 1\r\n").await;
    assert_eq!(in_the_query.status, 401);
    assert_eq!(node.read(None).await.status, 200);
}

pub(crate) async fn there_is_an_end_to_readers(place: Place) {
    let node = place.small_node(3).await;
    let mut readings = Vec::new();
    for _ in 0..3 {
        let mut reading = node.read(None).await;
        reading.up_to_current().await;
        readings.push(reading);
    }
    let surplus = node.read(None).await;
    assert_eq!(surplus.status, 503);
    assert!(surplus.header("retry-after").is_some());
    assert_eq!(surplus.problem().await, "feed_full");
    // The others go on, and a place is free when one of them goes.
    node.revoke("a").await;
    for reading in &mut readings {
        reading.until_told(&["a"]).await;
    }
    readings.pop();
    let since = std::time::Instant::now();
    while node.read(None).await.status == 503 {
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "no place is free"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
