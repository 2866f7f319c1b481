use serde_json::json;

use crate::actors::{PASSWORD, Person, Server};
use crate::http::Request;

#[tokio::test]
async fn one_s_own_sessions_are_listed_and_ended() {
    let server = Server::start().await;
    let here = server.person("ada").await;
    let there = server.sign_in("ada").await;
    let list = here.call("GET", "/v1/me/sessions").await.expect(200).json();
    let list = list["data"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let current: Vec<&str> = list
        .iter()
        .filter(|s| s["current"] == true)
        .filter_map(|s| s["id"].as_str())
        .collect();
    assert_eq!(current, [here.session.as_str()]);
    assert_eq!(list[0]["address"], "127.0.0.1");

    here.call("DELETE", &format!("/v1/me/sessions/{}", there.session))
        .await
        .expect(204);
    assert_eq!(there.refused().await, "token_revoked");
    let again = here.call("DELETE", "/v1/me/sessions/nonsense").await;
    assert_eq!(again.problem(404), "session_unknown");
}

#[tokio::test]
async fn another_s_session_is_unknown() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    let eve = server.person("eve").await;
    let answer = eve
        .call("DELETE", &format!("/v1/me/sessions/{}", ada.session))
        .await;
    assert_eq!(answer.problem(404), "session_unknown");
    ada.call("GET", "/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_session_shows_its_device_its_address_and_its_uses() {
    let server = Server::start().await;
    let body = json!({ "username": "ada", "password": PASSWORD });
    server.post("/v1/signup", &body).await.expect(201);
    let login = Request::new("POST", "/v1/login")
        .header("user-agent", "Mozilla/5.0 \u{202e}(evil\u{85}) é")
        .header("x-forwarded-for", "198.51.100.7")
        .json(&body);
    let answer = server.send(login).await.expect(200);
    let ada = Person::from_answer(&server, &answer);
    server.advance(60);
    let ada = ada.refreshed().await;
    let list = ada.call("GET", "/v1/me/sessions").await.expect(200);
    assert_eq!(list.text("/data/0/device"), "Mozilla/5.0 (evil) é");
    assert_eq!(
        list.text("/data/0/address"),
        "127.0.0.1",
        "no proxy is trusted"
    );
    assert_eq!(list.text("/data/0/opened_at"), "2027-01-15T08:00:00Z");
    assert_eq!(list.text("/data/0/last_used_at"), "2027-01-15T08:01:00Z");
    assert_eq!(list.json()["data"][0]["current"], true);
    assert!(list.json()["next_cursor"].is_null());
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let server = Server::start().await;
    let ada = server.person("ada").await;
    server.person("eve").await;
    let mut expected = vec![ada.session.clone()];
    for _ in 0..4 {
        expected.insert(0, server.sign_in("ada").await.session);
    }
    let (mut seen, mut target) = (Vec::new(), "/v1/me/sessions?limit=2".to_owned());
    loop {
        let page = ada.call("GET", &target).await.expect(200).json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        seen.extend(data.iter().map(|s| s["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => target = format!("/v1/me/sessions?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    for (query, code) in [
        ("limit=0", "query_invalid"),
        ("limit=201", "query_invalid"),
        ("limit=1&limit=2", "query_invalid"),
        ("after=1", "query_invalid"),
        ("cursor=5", "cursor_invalid"),
    ] {
        let answer = ada.call("GET", &format!("/v1/me/sessions?{query}")).await;
        assert_eq!(answer.problem(400), code, "{query}");
    }
}
