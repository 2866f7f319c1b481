//! One request over many connections at once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Answer, Client, Request};
use crate::figures::Stopwatch;
use crate::hold::Hold;
use crate::nodes::Nodes;

/// All connections send at the same moment; what they were answered, and how long that took.
pub(super) async fn free(
    clients: &mut Vec<Client>,
    request: &Request,
) -> anyhow::Result<(Vec<Answer>, Duration)> {
    let watch = Stopwatch::start();
    let gate = Arc::new(Barrier::new(clients.len()));
    let mut flying = JoinSet::new();
    for mut client in clients.drain(..) {
        let (gate, request) = (Arc::clone(&gate), request.clone());
        flying.spawn(async move {
            let connected = client.connect().await;
            gate.wait().await;
            let answer = match connected {
                Ok(()) => client.send(&request).await,
                Err(error) => Err(error),
            };
            (client, answer)
        });
    }
    let mut answers = Vec::new();
    while let Some(landed) = flying.join_next().await {
        let (client, answer) = landed.context("a task of the volley failed")?;
        clients.push(client);
        answers.push(answer?);
    }
    Ok((answers, watch.elapsed()))
}

/// All requests are in the servers, waiting for the database where `hold` holds them, before the first goes on; what they
/// were answered, and how long after that.
pub(super) async fn held(
    clients: &mut [Client],
    request: &Request,
    nodes: &Nodes,
    hold: &Hold,
) -> anyhow::Result<(Vec<Answer>, Duration)> {
    for client in clients.iter_mut() {
        client.connect().await?;
    }
    for client in clients.iter_mut() {
        client.start(request).await?;
    }
    hold.wait_until_idle(&nodes.all()).await?;
    hold.release().await?;
    let watch = Stopwatch::start();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.finish().await?);
    }
    Ok((answers, watch.elapsed()))
}
