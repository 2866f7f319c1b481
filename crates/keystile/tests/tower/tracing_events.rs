//! An event for each refusal, without anything of the token.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::*;

/// Keeps the fields of every event of the library.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "keystile" && *metadata.level() == Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_refusal_is_one_event_with_its_reason_and_nothing_of_the_token() {
    let guard = guard().token_from_query("token");
    let app = guard.layer().require::<Admin>().layer(Inner(hello));
    let kept = Kept::default();
    let listening = tracing::subscriber::set_default(kept.clone());
    let bad = token("");
    let mut by_query = request("");
    *by_query.uri_mut() = format!("/cakes?token={bad}").parse().unwrap();
    for request in [request(""), request(&format!("Bearer {bad}x")), by_query] {
        send(&app, request).await;
    }
    send(&app, bearer(r#","roles":["admin"]"#)).await;
    drop(listening);
    send(&app, request("")).await;

    let kept = kept.0.lock().unwrap();
    let told = |at: usize, name: &str| kept[at].get(name).map(String::as_str);
    let reasons: Vec<_> = (0..kept.len()).map(|at| told(at, "reason")).collect();
    let expected = [
        "\"token_missing\"",
        "\"token_signature_invalid\"",
        "\"role_missing\"",
    ];
    assert_eq!(reasons, expected.map(Some));
    assert_eq!((told(0, "status"), told(0, "place")), (Some("401"), None));
    assert_eq!(told(1, "place"), Some("Header"));
    assert_eq!(
        (
            told(2, "place"),
            told(2, "path"),
            told(2, "method"),
            told(2, "needed")
        ),
        (
            Some("Query"),
            Some("\"/cakes\""),
            Some("\"GET\""),
            Some("\"admin\"")
        )
    );
    let text = format!("{kept:?}");
    assert!(!text.contains(bad.rsplit('.').next().unwrap()), "{text}");
}
