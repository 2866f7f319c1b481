//! Refusals are counted once, however a service's layer answers them.

use std::sync::Arc;

use keystile::{Checked, Reason, Verified};

use super::*;

fn refused(guard: &Guard) -> Vec<(Reason, u64)> {
    guard.refused().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn in_bytes_in_a_body_of_its_own_and_as_grpc() {
    let guard = guard();
    let bytes = guard.layer().layer(Inner(hello));
    let own = guard
        .layer()
        .answering(|answer: Response<Bytes>, _| answer.map(Full::from));
    let own = own.layer(Inner(hello));
    let grpc = guard.layer().answering_grpc().layer(Inner(hello));
    send(&bytes, request("")).await;
    assert_eq!(refused(&guard), [(Reason::TokenMissing, 1)]);
    send(&own, request("")).await;
    assert_eq!(refused(&guard), [(Reason::TokenMissing, 2)]);
    send(&grpc, request("")).await;
    assert_eq!(refused(&guard), [(Reason::TokenMissing, 3)]);
    let admins = guard.layer().require::<Admin>().layer(Inner(hello));
    send(&admins, bearer("")).await;
    assert_eq!(text(send(&bytes, bearer("")).await).await, "ada");
    assert_eq!(text(send(&own, bearer("")).await).await, "ada");
    assert_eq!(
        refused(&guard),
        [(Reason::TokenMissing, 3), (Reason::RoleMissing, 1)]
    );
}

/// One that had to be waited for, too.
#[tokio::test]
async fn after_a_wait() {
    let guard = guard().also_check(|_: &Arc<Verified>| {
        Checked::later(async {
            tokio::task::yield_now().await;
            Err(Reason::TokenRevoked)
        })
    });
    let app = guard.layer().layer(Inner(hello));
    assert_eq!(send(&app, bearer("")).await.status(), 401);
    assert_eq!(refused(&guard), [(Reason::TokenRevoked, 1)]);
}
