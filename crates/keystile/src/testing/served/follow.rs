//! How the served issuer is followed.

use std::time::Duration;

use super::ServedIssuer;
use crate::remote::Follow;
use crate::testing::TestIssuer;
use crate::{Feed, Guard};

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

impl ServedIssuer {
    /// How a client of this issuer hears of its revocations. However far the clock is turned, what was heard counts on.
    #[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
    pub fn feed(&self) -> Feed {
        Feed::client(TestIssuer::CLIENT_ID, TestIssuer::CLIENT_SECRET).serve_stale(A_YEAR)
    }

    /// A guard that follows this issuer and its [feed](Self::feed), by its clock: to be said more of, and connected. It asks for
    /// a key that it does not know as often as it is needed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keystile::FollowError> {
    /// use keystile::testing::TestIssuer;
    ///
    /// let issuer = TestIssuer::new().serve();
    /// let guard = issuer.follow().connect().await?;
    /// # let _ = guard;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
    pub fn follow(&self) -> Follow<Guard> {
        Guard::issuer_at(self.url())
            .audience(self.issuer.0.settings.audience.clone())
            .token_type(self.issuer.0.settings.token_type.as_str())
            .clock(self.clock().clone())
            .cool_down(Duration::ZERO)
            .revocations(self.feed())
    }
}
