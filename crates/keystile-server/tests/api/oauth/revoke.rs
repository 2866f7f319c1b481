use serde_json::json;

use crate::actors::Server;
use crate::http::Request;

#[tokio::test]
async fn a_client_gives_back_what_it_was_given() {
    let server = Server::start().await;
    server.person("ada").await;
    let client = server.client("reader").await;
    let active = async |token: &str| {
        let form = format!("token={token}");
        let answer = client.post("/oauth/introspect", &form).await.expect(200);
        answer.json()["active"] == json!(true)
    };
    let revoke = async |token: &str| {
        client
            .post("/oauth/revoke", &format!("token={token}"))
            .await
    };
    let (one, two) = (client.token().await, client.token().await);
    let answer = revoke(&one).await.expect(200);
    assert_eq!(answer.body, b"");
    assert!(!active(&one).await && active(&two).await);
    revoke(&one).await.expect(200);

    let (access, refresh) = client.session_of("ada").await;
    let form = format!("token={refresh}&token_type_hint=access_token");
    client.post("/oauth/revoke", &form).await.expect(200);
    let me = server
        .send(Request::new("GET", "/v1/me").bearer(&access))
        .await;
    assert_eq!(
        me.problem(401),
        "token_revoked",
        "its session ended with it"
    );
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let answer = client.post("/oauth/token", &form).await;
    assert_eq!(answer.oauth(400), "invalid_grant");
    revoke(&refresh).await.expect(200);
    for unknown in ["nonsense", "ksr_", "a.b.c", "%00", &"x".repeat(30_000)] {
        revoke(unknown).await.expect(200);
    }
}

/// RFC 7009, section 2.1: refused, and told; whoever hears 200 believes that the token is dead.
#[tokio::test]
async fn it_revokes_nothing_of_anybody_else() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let (mine, other) = (server.client("mine").await, server.client("other").await);
    let (access, refresh) = mine.session_of("ada").await;
    let token = mine.token().await;
    for token in [&ada.access, &ada.refresh, &access, &refresh, &token] {
        let answer = other.post("/oauth/revoke", &format!("token={token}")).await;
        assert_eq!(answer.oauth(400), "invalid_grant");
    }
    for token in [&ada.access, &access] {
        server
            .send(Request::new("GET", "/v1/me").bearer(token))
            .await
            .expect(200);
    }
    ada.refreshed().await;
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let next = mine.post("/oauth/token", &form).await.expect(200);
    // Spent ones are dead, whoever's they are, and one of nobody's is answered alike; no session ends.
    let next = next.text("/refresh_token");
    for spent in [&refresh, &ada.refresh] {
        let answer = other.post("/oauth/revoke", &format!("token={spent}")).await;
        assert_eq!(answer.expect(200).body, b"");
    }
    let of_next = format!("token={next}");
    let answer = other.post("/oauth/revoke", &of_next).await;
    assert_eq!(answer.oauth(400), "invalid_grant");
    let form = format!("grant_type=refresh_token&refresh_token={next}");
    let last = mine.post("/oauth/token", &form).await.expect(200);
    // So are those of a session that has ended, and those that have expired.
    let of_last = format!("token={}", last.text("/refresh_token"));
    mine.post("/oauth/revoke", &of_last).await.expect(200);
    other.post("/oauth/revoke", &of_last).await.expect(200);
    let (_, old) = mine.session_of("ada").await;
    server.advance(400 * 24 * 3_600);
    let answer = other.post("/oauth/revoke", &format!("token={old}")).await;
    answer.expect(200);
}
