use crate::actors::Server;

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
