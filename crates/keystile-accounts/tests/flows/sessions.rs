//! What an owner sees of the sessions, how many there may be, and how refreshes are counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keystile_accounts::{NewClient, Refresh, RefreshError, Which};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use crate::shop::{Shop, ada_signs_in, caller, sql};

#[tokio::test]
async fn a_session_shows_who_used_it_last_and_from_where() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let request = ada_signs_in()
        .device("a browser")
        .from("192.0.2.7".parse().unwrap());
    let session = shop.accounts.sign_in(request).await.unwrap();
    let opened = shop.clock.now();
    shop.turn(60);
    let request = Refresh::token(session.refresh_token.as_str()).from("2001:db8::9".parse().unwrap());
    let session = shop.accounts.refresh_with(request).await.unwrap();
    let refreshed = shop.clock.now();
    let look = async || shop.accounts.sessions(&ada.id).await.unwrap().remove(0);
    let seen = look().await;
    assert_eq!((seen.opened_at, seen.last_used_at), (opened, refreshed));
    assert_eq!(seen.device.as_deref(), Some("a browser"));
    assert_eq!(seen.address.as_deref(), Some("2001:db8::9"));
    // Who does not say where it comes from leaves what is known.
    shop.turn(60);
    shop.accounts.refresh(&session.refresh_token).await.unwrap();
    assert_eq!(look().await.address.as_deref(), Some("2001:db8::9"));
}

#[tokio::test]
async fn a_device_s_name_shows_nothing_that_is_not_seen() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let long = "x".repeat(100_000);
    for (device, shown) in [
        ("a\r\nSet-Cookie: b=c", Some("aSet-Cookie: b=c")),
        ("\u{1b}[2Jclean", Some("[2Jclean")),
        ("evil\u{202e}gpj.exe\u{2066}", Some("evilgpj.exe")),
        ("Ünicode / 日本語", Some("Ünicode / 日本語")),
        ("<script>alert(1)</script>", Some("<script>alert(1)</script>")),
        ("\u{0}\u{7f}\u{85}\u{200b} \u{feff}", None),
        ("", None),
        (long.as_str(), Some(&long[..256])),
    ] {
        let request = ada_signs_in().device(device);
        shop.accounts.sign_in(request).await.unwrap();
        let newest = shop.accounts.sessions(&ada.id).await.unwrap().remove(0);
        assert_eq!(newest.device.as_deref(), shown, "{device:.40}");
    }
}

#[tokio::test]
async fn beyond_the_limit_the_longest_unused_ends() {
    let shop = Shop::with(|builder| builder.session_limit(Some(3))).await;
    let ada = shop.ada().await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(shop.sign_in().await);
        shop.turn(1);
    }
    sessions[0] = shop.accounts.refresh(&sessions[0].refresh_token).await.unwrap();
    shop.turn(1);
    let fourth = shop.sign_in().await;
    assert_eq!(shop.accounts.sessions(&ada.id).await.unwrap().len(), 3);
    assert_eq!(shop.refused(&sessions[1].access_token), Some("token_revoked"));
    let refused = shop.accounts.refresh(&sessions[1].refresh_token).await;
    assert_eq!(refused.unwrap_err().code(), "session_ended");
    for living in [&sessions[0], &sessions[2], &fourth] {
        assert_eq!(shop.refused(&living.access_token), None);
    }
}

#[tokio::test]
async fn fifty_sign_ins_at_once_keep_to_the_limit() {
    let shop = Shop::with(|builder| builder.session_limit(Some(4))).await;
    let ada = shop.ada().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let accounts = shop.accounts.clone();
        tasks.spawn(async move { accounts.sign_in(ada_signs_in()).await.unwrap() });
    }
    let signed_in = tasks.join_all().await;
    assert_eq!(shop.accounts.sessions(&ada.id).await.unwrap().len(), 4);
    let good = signed_in
        .iter()
        .filter(|session| shop.refused(&session.access_token).is_none());
    assert_eq!(good.count(), 4, "the others' access tokens ended with them");
}

#[tokio::test]
async fn a_refresh_token_names_its_session_whatever_became_of_it() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let first = shop.sign_in().await;
    let second = shop.accounts.refresh(&first.refresh_token).await.unwrap();
    let of = async |token: &str| shop.accounts.session_of_refresh_token(token).await.unwrap();
    let id = Some(first.session_id.clone());
    assert_eq!(of(first.refresh_token.as_str()).await, id);
    shop.accounts
        .sign_out(&ada.id, &first.session_id, Which::This)
        .await
        .unwrap();
    assert_eq!(of(second.refresh_token.as_str()).await, id);
    for unknown in ["", "ksr_", &format!("ksr_{}", "A".repeat(43)), &first.access_token] {
        assert_eq!(of(unknown).await, None);
    }
}

#[tokio::test]
async fn the_audit_keeps_where_a_sign_out_came_from() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    let here = "192.0.2.1".parse().unwrap();
    let client = shop.client(NewClient::named("shop")).await;
    let client = shop.believed(&client).await;
    let bound = shop.accounts.sign_in(ada_signs_in().client(&client)).await.unwrap();
    let (one, two) = (shop.sign_in().await, shop.sign_in().await);
    let accounts = &shop.accounts;
    accounts.revoke_for(&client, bound.refresh_token.as_str()).await.unwrap();
    accounts.sign_out_from(&ada.id, &one.session_id, Which::This, here).await.unwrap();
    let token = Refresh::token(two.refresh_token.as_str()).from(here);
    accounts.sign_out_by_refresh_token(token).await.unwrap();
    accounts.sign_out_from(&ada.id, &two.session_id, Which::All, here).await.unwrap();
    let kept = "SELECT string_agg(kind || ' ' || origin, ',' ORDER BY id) FROM audit \
        WHERE kind LIKE 'session.%ended'";
    let each = ["session.ended"; 3].into_iter().chain(["session.all_ended"]);
    let expected: Vec<String> = each.map(|kind| format!("{kind} {here}")).collect();
    assert_eq!(sql(shop.folder.path(), kept), expected.join(","));
}

/// What was counted, by outcome.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(Mutex<u64>);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        *self.0.lock().unwrap() += value;
    }

    fn absolute(&self, value: u64) {
        *self.0.lock().unwrap() = value;
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(metrics::Label::value).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        let mut counts = self.0.lock().unwrap();
        Counter::from_arc(Arc::clone(counts.entry(name).or_default()))
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
async fn each_refresh_is_counted_by_its_outcome() {
    let counts = Counts::default();
    let _counting = metrics::set_default_local_recorder(&counts);
    let limits = |builder: keystile_accounts::Builder| {
        let (idle, absolute) = (Duration::from_secs(1_000), Duration::from_secs(1_500));
        builder.idle_limit(Some(idle)).absolute_limit(Some(absolute))
    };
    let shop = Shop::with(limits).await;
    shop.ada().await;
    let code = async |token: &str| {
        let refused = shop.accounts.refresh(token).await;
        refused.map_or_else(|error| error.code(), |_| "ok")
    };
    let first = shop.sign_in().await;
    let token = first.refresh_token.as_str();
    let second = shop.accounts.refresh(token).await.unwrap();
    assert_eq!(code(token).await, "ok", "within the grace");
    assert_eq!(code(second.refresh_token.as_str()).await, "ok");
    assert_eq!(code(token).await, "refresh_token_reused");
    assert_eq!(code(token).await, "session_ended");
    assert_eq!(code(token).await, "session_ended");
    let idle = shop.sign_in().await;
    let old = shop.sign_in().await;
    shop.turn(900);
    let old = shop.accounts.refresh(&old.refresh_token).await.unwrap();
    shop.turn(700);
    assert_eq!(code(idle.refresh_token.as_str()).await, "session_expired_idle");
    assert_eq!(code(old.refresh_token.as_str()).await, "session_expired_absolute");
    assert_eq!(code(&format!("ksr_{}", "A".repeat(43))).await, "refresh_token_unknown");
    assert_eq!(code("nonsense").await, "refresh_token_malformed");
    shop.accounts.close().await;
    let failed = shop.accounts.refresh(token).await;
    assert!(matches!(failed, Err(RefreshError::Store(_))));

    let counts = counts.0.lock().unwrap();
    let told: BTreeMap<&str, u64> = counts
        .iter()
        .map(|(name, count)| (name.as_str(), *count.0.lock().unwrap()))
        .filter(|(name, _)| name.starts_with("keystile_refreshes_total "))
        .map(|(name, count)| (name.rsplit(' ').next().unwrap(), count))
        .collect();
    let expected = [
        ("ended", 2),
        ("expired_absolute", 1),
        ("expired_idle", 1),
        ("failed", 1),
        ("malformed", 1),
        ("replayed", 1),
        ("reused", 1),
        ("rotated", 3),
        ("unknown", 1),
    ];
    assert_eq!(told, BTreeMap::from(expected));
}

#[tokio::test]
async fn pages_of_sessions_show_each_once() {
    let shop = Shop::open().await;
    let ada = shop.ada().await;
    for _ in 0..5 {
        shop.sign_in().await;
    }
    let all = shop.accounts.sessions(&ada.id).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = shop.accounts.sessions_page(&ada.id, after, 2).await.unwrap();
        assert!(page.sessions.len() <= 2);
        // What ends meanwhile is gone, and moves nothing.
        if after.is_none() {
            let mine = shop.sign_in().await;
            let caller = caller(&shop.accounts, &mine);
            let first = &page.sessions[0].id;
            shop.accounts.end_session(&caller, first).await.unwrap();
        }
        seen.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
}
