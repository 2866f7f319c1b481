//! The token that a request presents: found, verified, and shown to come from the application's own page.

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;

use super::body::Kind;
use super::caching::Caching;
use super::place::{Found, Head, Place};
use crate::check;
use crate::guard::Verdict;
#[cfg(feature = "axum")]
use crate::sent::Sent;
use crate::{Guard, Refusal, Verified};

impl Guard {
    /// Verifies the token of a request in a handler or a service of your own; `None` if it has none. `body` is what was read of the
    /// request, where [`reads_body`](Self::reads_body) asks for it: only so is a token found in a form or in JSON, and a CSRF token in a form. It
    /// waits as [`verify_async`](Self::verify_async) does.
    ///
    /// # Errors
    ///
    /// Every reason but those of what a route asks besides.
    ///
    /// ```
    /// # #[cfg(feature = "axum")] {
    /// use axum::{body::to_bytes, extract::Request};
    /// use keystile::{Guard, Reason, Refusal};
    ///
    /// async fn whose(guard: Guard, request: Request) -> Result<String, Refusal> {
    ///     let (head, body) = request.into_parts();
    ///     let body = if guard.reads_body(&head) {
    ///         Some(to_bytes(body, 64 * 1024).await.map_err(|_| Reason::TokenMissing)?)
    ///     } else {
    ///         None
    ///     };
    ///     let verified = guard.verify_request(&head, body.as_deref()).await?;
    ///     Ok(verified.ok_or(Reason::TokenMissing)?.claims().sub.clone())
    /// }
    /// let guard = Guard::hs256([7; 32])?.token_from_json("access_token");
    /// # }
    /// # Ok::<(), keystile::KeyError>(())
    /// ```
    pub async fn verify_request(
        &self,
        request: &Parts,
        body: Option<&[u8]>,
    ) -> Result<Option<Arc<Verified>>, Refusal> {
        let head = Head::from(request);
        let Some(found) = self.find(head, body)? else {
            return Ok(None);
        };
        let verified = self.verdict_of(&found, head, body).wait().await?;
        Ok(Some(verified))
    }

    /// Whether [`verify_request`](Self::verify_request) has to be given this request's body: its token may stand in it, or the CSRF
    /// token of one in a cookie.
    pub fn reads_body(&self, request: &Parts) -> bool {
        self.looks_in_body(request.into())
    }

    pub(super) fn looks_in_body(&self, head: Head<'_>) -> bool {
        let places = &self.settings().places;
        let looks_in = |place| places.looks_in(place);
        let of_kind = |kind| Kind::of(head.method, head.headers) == Some(kind);
        (looks_in(Place::Form) && of_kind(Kind::Form))
            || (looks_in(Place::Json) && of_kind(Kind::Json))
            || (looks_in(Place::Cookie) && self.csrf_is_in_form(head))
    }

    /// The one token of a request; `None` if there is none. `body` is what was read of it, where
    /// [`reads_body`](Self::reads_body) says so. Refused here too: a token in a cookie that another site's page sent.
    pub(crate) fn find<'r>(
        &self,
        head: Head<'r>,
        body: Option<&'r [u8]>,
    ) -> Result<Option<Found<'r>>, Refusal> {
        let found = self.settings().places.find(head, body)?;
        if let Some(found) = &found {
            self.check_origin_of(found.place, head)?;
        }
        Ok(found)
    }

    /// What is made of the token that was found. Where it stood in a cookie, nobody is asked about it in a
    /// [`TokenCheck`](crate::TokenCheck) before the request shows that the application's own page sent it: one that takes each token once would
    /// be made to spend it by any site.
    pub(crate) fn verdict_of(
        &self,
        found: &Found<'_>,
        head: Head<'_>,
        body: Option<&[u8]>,
    ) -> Verdict {
        let Some(csrf) = self.csrf_for(found.place, head.method) else {
            return self.verdict(&found.token);
        };
        let given = csrf.given(head, body);
        match self.verdict_but_for_checks(&found.token) {
            Verdict::Now(verdict) => {
                let shown = verdict.and_then(|verified| {
                    csrf.compare(&given?, &verified)?;
                    Ok(verified)
                });
                match shown {
                    Ok(verified) => check::verdict(self.checks(), verified),
                    Err(refusal) => Verdict::Now(Err(refusal)),
                }
            }
            Verdict::Later(later) => {
                let (guard, csrf) = (self.clone(), csrf.clone());
                let given = given.map(Cow::into_owned);
                Verdict::Later(Box::pin(async move {
                    let verified = later.await?;
                    csrf.compare(&given?, &verified)?;
                    check::verdict(guard.checks(), verified).wait().await
                }))
            }
        }
    }

    /// The token of the header, whatever this guard's other places are.
    #[cfg(feature = "axum")]
    pub(crate) fn find_in_header<'r>(
        &self,
        headers: &'r http::HeaderMap,
    ) -> Result<Option<Sent<'r>>, Refusal> {
        let seen = self.settings().places.header.find_unread(headers)?;
        Ok(seen.token())
    }

    /// What an answer to a request with its token there says to caches.
    pub(crate) fn caching(&self, place: Place) -> Caching {
        match place {
            Place::Header if self.settings().places.header.keeps_caches_away() => Caching::Theirs,
            Place::Header | Place::Cookie | Place::Form | Place::Json => Caching::NoStoreUnlessSaid,
            Place::Query => Caching::NoStore,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
