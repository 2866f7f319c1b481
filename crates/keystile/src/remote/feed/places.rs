//! Where the feed is, and what goes with it.

use reqwest::Url;

use super::Plan;
use crate::remote::FollowError;
use crate::remote::address::{same_origin, shown};
use crate::remote::client::Clients;
use crate::remote::follow;
use crate::remote::metadata::Document;
use crate::remote::source::discover;

/// Addresses, as the application or the issuer's document gives them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    feed: Found,
    token: Found,
    introspection: Found,
}

type Found = Result<Url, FollowError>;

impl Places {
    /// Asks the issuer's document for what the application did not say.
    pub(super) async fn find(
        clients: &mut Clients,
        plan: &follow::Plan,
        feed: &Plan,
    ) -> Result<Self, FollowError> {
        let wants_token = feed.source.is_client();
        if let Some(url) = &feed.at
            && (feed.token_at.is_some() || !wants_token)
            && (feed.introspect_at.is_some() || !feed.introspect)
        {
            let said =
                |said: &Option<Url>, member| said.clone().ok_or_else(|| missing(plan, member));
            return Ok(Self {
                feed: Ok(url.clone()),
                token: said(&feed.token_at, "token_endpoint"),
                introspection: said(&feed.introspect_at, "introspection_endpoint"),
            });
        }
        discover(clients, plan, |document, _, _| {
            let places = Self::of(document, plan, feed);
            // The other document may name it, or say better what is wrong.
            places.feed.clone()?;
            Ok(places)
        })
        .await
    }

    fn of(document: Document, plan: &follow::Plan, feed: &Plan) -> Self {
        let find = |said: &Option<Url>, named: Option<String>, member| match said {
            Some(url) => Ok(url.clone()),
            None => own(named, plan, member),
        };
        Self {
            feed: find(&feed.at, document.revocations, "revocation_feed_uri"),
            token: find(&feed.token_at, document.token, "token_endpoint"),
            introspection: find(
                &feed.introspect_at,
                document.introspection,
                "introspection_endpoint",
            ),
        }
    }

    pub(super) fn feed(&self) -> Found {
        self.feed.clone()
    }

    pub(super) fn token(&self) -> Found {
        self.token.clone()
    }

    pub(super) fn introspection(&self) -> Found {
        self.introspection.clone()
    }
}

/// What the document names, where that is at the issuer's own origin.
fn own(named: Option<String>, plan: &follow::Plan, member: &'static str) -> Found {
    let named = named.ok_or_else(|| missing(plan, member))?;
    let url = Url::parse(&named).ok();
    let has_credentials = |url: &Url| !url.username().is_empty() || url.password().is_some();
    url.filter(|url| same_origin(url, &plan.issuer_url) && !has_credentials(url))
        .ok_or_else(|| FollowError::ForeignEndpoint {
            member,
            url: shown(&named),
        })
}

fn missing(plan: &follow::Plan, member: &'static str) -> FollowError {
    FollowError::NoEndpoint {
        issuer: plan.issuer.clone(),
        member,
    }
}
