//! A service on hyper and tower, without a framework.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use keystile::Guard;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// Serves until the program ends.
pub async fn serve(listener: TcpListener, guard: Guard) -> anyhow::Result<()> {
    let service = ServiceBuilder::new().layer(guard.layer()).service_fn(hello);
    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        let serving = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // OPTIONS passes the layer without a token.
    let Some(caller) = keystile::verified(request.extensions()) else {
        let mut answer = Response::default();
        *answer.status_mut() = StatusCode::NO_CONTENT;
        return Ok(answer);
    };
    let text = format!("Hello, {}", caller.claims().sub);
    Ok(Response::new(text.into()))
}
