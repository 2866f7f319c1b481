//! Posts, the timeline, and the public profile.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use keystile::Loaded;
use serde::Serialize;

use crate::App;
use crate::answer::{Message, Refused, Served, done};
use crate::board::{Deletion, Draft, Post};
use crate::caller::Caller;
use crate::fields::{Body, DELETE, POST, strings};
use crate::page::{Page, Posts, Which, postid};

const LONGEST_CONTENT: usize = 1_000;

/// The answer to a new post.
#[derive(Serialize)]
pub(crate) struct Created {
    message: &'static str,
    postid: i64,
}

/// A person, to everybody.
#[derive(Serialize)]
pub(crate) struct Profile {
    userid: i64,
    username: String,
    #[serde(flatten)]
    posts: Posts,
}

/// `POST /post`
pub(crate) async fn create(
    State(app): State<App>,
    caller: Loaded<Caller>,
    body: Body,
) -> Result<Served<Created>, Refused> {
    let [content] = strings(body, ["content"], POST)?;
    check(&content)?;
    let draft = Draft {
        author: caller.id,
        content,
        written: app.clock.now(),
    };
    let postid = app.board.create(draft).await?;
    Ok(Served(Created {
        message: "Created post",
        postid,
    }))
}

/// Lines of text that a reader's terminal can show without being told what to do.
fn check(content: &str) -> Result<(), Refused> {
    let rule = if content.trim().is_empty() {
        "content: write something"
    } else if content.chars().nth(LONGEST_CONTENT).is_some() {
        "content: use at most 1000 characters"
    } else if content
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
    {
        "content: leave out control characters, but line breaks (\\n) and tabs"
    } else {
        return Ok(());
    };
    Err(Refused::bad_request(POST, rule))
}

/// `GET /post?postid=`
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Served<Post>, Refused> {
    let id = postid(query, "Invalid parameters")?;
    let post = app.board.find(id).await?;
    post.map(Served).ok_or_else(Refused::no_such_post)
}

/// `DELETE /post?postid=`
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Loaded<Caller>,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Served<Message>, Refused> {
    let id = postid(query, DELETE)?;
    match app.board.delete(id, caller.id, app.clock.now()).await? {
        Deletion::Done => Ok(done(format!("Deleted post {id}"))),
        Deletion::NotTheAuthor => Err(Refused::new(StatusCode::FORBIDDEN, "Unauthorized")),
        Deletion::NoSuchPost => Err(Refused::no_such_post()),
    }
}

/// `GET /timeline?before=&limit=`
pub(crate) async fn timeline(
    State(app): State<App>,
    caller: Loaded<Caller>,
    page: Page,
) -> Result<Served<Posts>, Refused> {
    let posts = app.board.timeline(caller.id, page).await?;
    Ok(Served(Posts::new(posts, page)))
}

/// `GET /{username}?before=&limit=`
pub(crate) async fn profile(
    State(app): State<App>,
    username: Result<Path<String>, PathRejection>,
    page: Page,
) -> Result<Served<Profile>, Refused> {
    let Path(username) = username.map_err(|_| Refused::no_such_user())?;
    let (userid, username) = app
        .board
        .person(username)
        .await?
        .ok_or_else(Refused::no_such_user)?;
    let posts = app.board.posts_of(userid, page).await?;
    Ok(Served(Profile {
        userid,
        username,
        posts: Posts::new(posts, page),
    }))
}
