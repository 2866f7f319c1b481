//! What is counted of refusals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
};

use crate::actors::Server;
use crate::http::Request;

/// What was counted, by label.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() != "keystile_refusals_total" {
            return Counter::noop();
        }
        let labels: Vec<_> = key.labels().map(Label::value).collect();
        let mut counts = self.0.lock().unwrap();
        Counter::from_arc(Arc::clone(counts.entry(labels.join(" ")).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// On one thread, which has a recorder of its own.
#[tokio::test(flavor = "current_thread")]
async fn each_refusal_of_the_guard_is_counted_once_by_its_reason() {
    let counts = Counts::default();
    let _counting = metrics::set_default_local_recorder(&counts);
    let server = Server::start().await;
    let ada = server.person("ada").await;
    ada.call("GET", "/v1/me").await.expect(200);
    server.anonymous("GET", "/v1/me").await.expect(401);
    server.anonymous("GET", "/v1/revocations").await.expect(401);
    ada.call("GET", "/v1/revocations").await.expect(403);
    ada.call("GET", "/v1/admin/accounts").await.expect(403);
    server
        .send(Request::new("GET", "/v1/me").bearer("x"))
        .await
        .expect(401);
    ada.call("POST", "/v1/logout").await.expect(204);
    ada.call("GET", "/v1/me").await.expect(401);
    server.anonymous("GET", "/nowhere").await.expect(404);

    let counts = counts.0.lock().unwrap();
    let told: Vec<(&str, u64)> = counts
        .iter()
        .map(|(reason, count)| (&**reason, count.load(Ordering::Relaxed)))
        .collect();
    let expected = [
        ("role_missing", 1),
        ("scope_missing", 1),
        ("token_malformed", 1),
        ("token_missing", 2),
        ("token_revoked", 1),
    ];
    assert_eq!(told, expected);
}
