//! Points between two steps of a flow where a test may hold it back, so that a race has the order it asks for.
//! Without the feature `testing` there is nothing here.

#[cfg(feature = "testing")]
use std::{pin::Pin, sync::Arc};

/// Between which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "testing"),
    expect(unreachable_pub, reason = "public with the feature")
)]
pub enum Point {
    /// A password was right; no session is open yet.
    PasswordChecked,
    /// A session was opened and committed; its access token is not signed yet.
    SessionOpened,
    /// A refresh token was rotated and committed; the access token is not signed yet.
    Rotated,
}

/// What a test runs at each point.
#[cfg(feature = "testing")]
pub type Hold = Arc<dyn Fn(Point) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where a test's hold is kept.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    #[cfg(feature = "testing")]
    pub(crate) hold: Option<Hold>,
}

impl Gate {
    #[cfg(feature = "testing")]
    pub(crate) async fn reach(&self, point: Point) {
        if let Some(hold) = &self.hold {
            hold(point).await;
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_async, reason = "the same form as with the feature")]
    pub(crate) async fn reach(&self, _point: Point) {}
}
