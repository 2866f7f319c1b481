//! The feed cut under guards that ask the issuer then, each for its own API's tokens: the real server answers them.

use std::time::Duration;

use anyhow::Context;
use keystile::Guard;
use keystile_tests_postgres::Way;

use super::guards::{GOOD, REVOKED, says, status, until_says};
use super::people::People;
use crate::engine::Engine;
use crate::feed::{Program, SETTINGS};
use crate::figures::Millis;
use crate::server::Server;
use crate::verdict::Verdict;

/// An API whose tokens are not for the server itself, and how a token for it is asked for.
const API: &str = "https://cakes.example.com";
const FOR_API: &str = "resource=https%3A%2F%2Fcakes.example.com";
/// What was last heard counts for so long: then the issuer is asked.
const STALE: Duration = Duration::from_secs(1);
const FELT: Duration = Duration::from_secs(20);

/// A guard of people's tokens and one of the API's ask by a client that has both audiences; a third one's client lacks the API's.
pub(super) async fn prove(engine: Engine, verdict: &mut Verdict) -> anyhow::Result<String> {
    let server = Server::start(engine, &SETTINGS).await?;
    let both = ["--audience", server.issuer(), "--audience", API];
    let program = Program::make_with(&server, "cakes", &both).await?;
    let forgetful = Program::make(&server, "forgetful").await?;
    let way = Way::to_address(server.address());
    let of_people = asking(&server, &program, &way, server.issuer()).await?;
    let of_api = asking(&server, &program, &way, API).await?;
    let hears_nothing = asking(&server, &forgetful, &way, API).await?;
    let mut client = server.client();
    let mut people = People::sign_in(&mut client, 4).await?;
    let stays = program.token_by(&server, FOR_API).await?;
    let revoked = program.token_by(&server, FOR_API).await?;
    for (guard, token) in [
        (&of_people, &people.one()?.access),
        (&of_api, &stays),
        (&of_api, &revoked),
        (&hears_nothing, &stays),
    ] {
        let said = says(guard, token).await;
        verdict.check(said == GOOD, || format!("asked: {said} before the cut"));
    }

    way.cut();
    people.sign_out(&mut client, 2).await?;
    program.revoke(&server, &revoked).await?;
    let gone = &people.gone.last().context("somebody left")?.access;
    let felt = until_says(&of_people, gone, REVOKED, FELT).await?;
    until_says(&of_api, &revoked, REVOKED, FELT).await?;
    // Its client is told that the token is not active, as of every token that is none of its business.
    until_says(&hears_nothing, &stays, REVOKED, FELT).await?;
    for (guard, token, expected) in [
        (&of_people, &people.stay[0].access, GOOD),
        (&of_people, &people.stay[1].access, GOOD),
        (&of_people, &people.gone[0].access, REVOKED),
        (&of_people, &people.gone[1].access, REVOKED),
        (&of_api, &stays, GOOD),
        (&of_api, &revoked, REVOKED),
    ] {
        let said = says(guard, token).await;
        verdict.check(said == expected, || {
            format!("asked: {said}, not {expected}, while the feed is cut")
        });
        let current = status(guard)?.current;
        verdict.check(!current, || "asked: the feed is not cut".to_owned());
    }
    Ok(format!(
        "cut under guards that ask: two sign-outs and a revoked token of another audience refused after {}, the others let in",
        Millis(felt)
    ))
}

/// Of tokens for this audience. The feed is read over `way`, all else goes to the server directly.
async fn asking(
    server: &Server,
    program: &Program,
    way: &Way,
    audience: &str,
) -> anyhow::Result<Guard> {
    let direct = |path: &str| format!("http://{}{path}", server.address());
    let feed = program.feed().serve_stale(STALE);
    let feed = feed.at(format!("http://{}/v1/revocations", way.address()));
    let feed = feed
        .token_at(direct("/oauth/token"))
        .introspect_at(direct("/oauth/introspect"))
        .then_introspect();
    let following = Guard::issuer_at(server.issuer()).audience(audience);
    let following = following.keys_at(direct("/.well-known/jwks.json"));
    let guard = following.revocations(feed).connect().await;
    guard.context("following the server")
}
