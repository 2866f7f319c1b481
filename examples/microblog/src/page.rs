//! What the query of a request says: a post's id, or where a page begins and how long it is.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::answer::Refused;
use crate::board::Post;

const USUAL: u32 = 20;
const LONGEST: u32 = 100;

#[derive(Deserialize)]
struct Asked {
    before: Option<i64>,
    limit: Option<u32>,
}

/// `?before=&limit=`: the newest posts before a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) before: i64,
    pub(crate) limit: u32,
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let asked = Query::<Asked>::try_from_uri(&parts.uri).ok();
        let page = asked.map(|Query(asked)| Self {
            before: asked.before.unwrap_or(i64::MAX),
            limit: asked.limit.unwrap_or(USUAL),
        });
        page.filter(|page| (1..=LONGEST).contains(&page.limit))
            .ok_or_else(|| {
                Refused::bad_request(
                    "Invalid parameters",
                    "write the query as ?before=N&limit=M: before as the former page says it, limit from 1 to 100",
                )
            })
    }
}

/// Posts, newest first, and what to ask for the next page with.
#[derive(Debug, Serialize)]
pub(crate) struct Posts {
    posts: Vec<Post>,
    before: Option<i64>,
}

impl Posts {
    /// A full page may have another behind it; whether it has is not looked at, as that would be a row more.
    pub(crate) fn new(posts: Vec<Post>, page: Page) -> Self {
        let full = posts.len() == page.limit as usize;
        Self {
            before: posts.last().filter(|_| full).map(|post| post.postid),
            posts,
        }
    }
}

/// `?postid=`
#[derive(Debug, Deserialize)]
pub(crate) struct Which {
    postid: i64,
}

/// The id that the query names; `words` for one that cannot be read.
pub(crate) fn postid(
    query: Result<Query<Which>, QueryRejection>,
    words: &'static str,
) -> Result<i64, Refused> {
    query.map(|Query(which)| which.postid).map_err(|_| {
        Refused::bad_request(
            words,
            "write the query as ?postid=N, with the number that creating the post answered",
        )
    })
}
