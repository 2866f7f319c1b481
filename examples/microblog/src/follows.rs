//! Following.

use axum::extract::State;
use axum::http::StatusCode;
use keystile::Loaded;

use crate::App;
use crate::answer::{Message, Refused, Served, done};
use crate::board::Change;
use crate::caller::Caller;
use crate::fields::{Body, DELETE, POST, integer};

/// `POST /follow`
pub(crate) async fn follow(
    State(app): State<App>,
    caller: Loaded<Caller>,
    body: Body,
) -> Result<Served<Message>, Refused> {
    let followee = followee(&caller, body, POST)?;
    match app.board.follow(caller.id, followee).await? {
        Change::Done(name) => {
            let follower = caller.value.username;
            Ok(done(format!("Added {follower} as a follower to {name}")))
        }
        Change::Nothing(name) => Err(Refused::new(
            StatusCode::CONFLICT,
            format!("You already follow {name}"),
        )),
        Change::NoSuchUser => Err(Refused::no_such_user()),
    }
}

/// `DELETE /follow`
pub(crate) async fn unfollow(
    State(app): State<App>,
    caller: Loaded<Caller>,
    body: Body,
) -> Result<Served<Message>, Refused> {
    let followee = followee(&caller, body, DELETE)?;
    match app.board.unfollow(caller.id, followee).await? {
        Change::Done(name) => {
            let follower = caller.value.username;
            Ok(done(format!("Removed {follower} as a follower of {name}")))
        }
        Change::Nothing(name) => Err(Refused::new(
            StatusCode::NOT_FOUND,
            format!("You don't follow {name}"),
        )),
        Change::NoSuchUser => Err(Refused::no_such_user()),
    }
}

fn followee(caller: &Caller, body: Body, words: &'static str) -> Result<i64, Refused> {
    let followee = integer(body, "followee", words)?;
    if followee == caller.id {
        return Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "You can't follow yourself",
        ));
    }
    Ok(followee)
}
