use serde_json::json;

use crate::actors::Server;
use crate::http::Request;

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repetition() {
    let server = Server::start().await;
    let root = server.administrator().await;
    for n in 0..4 {
        let body = json!({ "username": format!("user{n}") });
        root.call_with("POST", "/v1/admin/accounts", &body)
            .await
            .expect(201);
    }
    let mut names = Vec::new();
    let mut target = "/v1/admin/accounts?limit=2".to_owned();
    loop {
        let page = root.call("GET", &target).await.expect(200).json();
        let found = page["data"].as_array().unwrap();
        assert!(found.len() <= 2);
        names.extend(
            found
                .iter()
                .map(|account| account["username"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        target = format!("/v1/admin/accounts?limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["root", "user0", "user1", "user2", "user3"]);
}

#[tokio::test]
async fn filters_narrow_and_odd_queries_are_refused() {
    let server = Server::start().await;
    let root = server.administrator().await;
    server.person("ada").await;
    for (query, count) in [
        ("starts_with=AD", 1),
        ("role=admin", 1),
        ("disabled=true", 0),
        ("disabled=false", 2),
    ] {
        let page = root
            .call("GET", &format!("/v1/admin/accounts?{query}"))
            .await
            .expect(200)
            .json();
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{query}");
    }
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "unknown=1",
        "limit=1&limit=2",
        "disabled=maybe",
    ] {
        let answer = root
            .call("GET", &format!("/v1/admin/accounts?{query}"))
            .await;
        assert_eq!(answer.problem(400), "query_invalid", "{query}");
    }
    for cursor in ["1", "", "a.b.c", &root.access] {
        let answer = root
            .call("GET", &format!("/v1/admin/accounts?cursor={cursor}"))
            .await;
        assert_eq!(answer.problem(400), "cursor_invalid", "{cursor}");
    }
}

#[tokio::test]
async fn a_page_goes_on_at_another_node() {
    let server = Server::start().await;
    let root = server.administrator().await;
    for name in ["ada", "bob"] {
        server.person(name).await;
    }
    let first = root.call("GET", "/v1/admin/accounts?limit=2").await;
    let cursor = first.expect(200).text("/next_cursor");
    let target = format!("/v1/admin/accounts?limit=2&cursor={cursor}");
    let beside = server.beside().await;
    let request = Request::new("GET", &target).bearer(&root.access);
    let rest = request.send(beside).await.expect(200).json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["data"][0]["username"], "bob");
}
