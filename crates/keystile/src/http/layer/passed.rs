//! What a layer leaves in a request for whoever is inside.

use std::sync::Arc;

use http::Extensions;

#[cfg(feature = "axum")]
use crate::Guard;
use crate::Verified;
use crate::http::Place;

/// What the layer found, for the extractors inside.
#[derive(Clone)]
pub(crate) struct Passed {
    #[cfg(feature = "axum")]
    pub(crate) guard: Guard,
    /// Whether the request was looked at, and not let pass for its method.
    #[cfg(feature = "axum")]
    pub(crate) looked: bool,
    pub(crate) found: Option<(Arc<Verified>, Place)>,
}

/// The verified token of a request that went through a guard's layer: what stands in for axum's extractors in any other service. Give
/// it the extensions of the request: `request.extensions()`, of the crate `http` or of tonic.
///
/// `None` where the layer was [`optional`](crate::GuardLayer::optional) and no token came, where the method is OPTIONS, and where there was no
/// layer. Of two layers, the inner one's.
///
/// ```
/// # #[cfg(feature = "tower")] {
/// use http::{Request, Response};
///
/// async fn hello(request: Request<String>) -> Response<String> {
///     let name = keystile::verified(request.extensions()).map_or("nobody", |caller| &caller.claims().sub);
///     Response::new(format!("Hello, {name}"))
/// }
/// # }
/// ```
pub fn verified(extensions: &Extensions) -> Option<&Arc<Verified>> {
    let (verified, _) = extensions.get::<Passed>()?.found.as_ref()?;
    Some(verified)
}
