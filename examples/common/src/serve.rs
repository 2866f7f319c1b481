//! Starting and stopping, and a route at `/path` and `/path/`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::MethodRouter;
use axum_server::Handle;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;

use crate::Settings;

/// How long requests under way may take to finish once the program is told to stop.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a client may take to send a request's head; an idle connection ends after it too. Without an end, whoever
/// opens connections and says nothing would keep everybody else out.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// A socket that listens already, so that its address is known before it serves.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    /// Where it listens; the port is the real one, also where `PORT` was 0.
    pub address: SocketAddr,
}

impl Server {
    /// Listens at `HOST` and `PORT`.
    pub async fn listen(settings: &Settings) -> Result<Self> {
        let (host, port) = settings.address()?;
        let listener = TcpListener::bind((host.as_str(), port))
            .await
            .with_context(|| {
                format!("cannot listen on {host}:{port}; set HOST and PORT to another address")
            })?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Says where it listens, and serves until Ctrl-C or SIGTERM; requests under way have some seconds to finish.
    pub async fn serve(self, router: Router) -> Result<()> {
        println!("Listening on http://{}", self.address);
        self.serve_until(router, stop_asked()).await
    }

    /// Serves, without a word, until `stop` ends.
    pub(crate) async fn serve_until(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let handle = Handle::new();
        let stopping = handle.clone();
        tokio::spawn(async move {
            stop.await;
            stopping.graceful_shutdown(Some(PATIENCE));
        });
        let server = axum_server::from_tcp(self.listener.into_std()?)?;
        let mut server = server.handle(handle).http1_only();
        let mut http1 = server.http_builder().http1();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        server.serve(service).await?;
        Ok(())
    }
}

/// Waits for Ctrl-C or SIGTERM. Where no signal can be had, it waits for ever.
async fn stop_asked() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}

/// Serves a path with and without its trailing slash: some clients add one.
pub trait EitherPath<S> {
    /// As axum's `route`, for `path` and `path/`.
    #[must_use]
    fn either(self, path: &str, methods: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> EitherPath<S> for Router<S> {
    fn either(self, path: &str, methods: MethodRouter<S>) -> Self {
        self.route(path, methods.clone())
            .route(&format!("{path}/"), methods)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::{BodyFault, Fields};

    /// Sends these bytes and no more; gives what comes until the end. The clock stands still until nothing else is left to
    /// do, and jumps then to what is waited for.
    async fn answer(bytes: &str) -> String {
        let settings = Settings::from([("PORT", "0")]);
        let server = Server::listen(&settings).await.unwrap();
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let route = async |body: Result<Fields, BodyFault>| body.map(|_| ());
        let router = Router::new().route("/", post(route));
        tokio::spawn(server.serve_until(router, std::future::pending()));
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(3 * HEAD_TIME, stream.read_to_string(&mut answer));
        read.await.expect("it ends").expect("the end");
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_finish_a_request_is_not_waited_for() {
        for head in ["", "POST / HT", "POST / HTTP/1.1\r\nHost: x\r\n"] {
            assert_eq!(answer(head).await, "", "{head}");
        }
        let json = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        for body in [
            "Content-Length: 50\r\n\r\n{",
            "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        ] {
            let answer = answer(&format!("{json}{body}")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
            assert!(answer.ends_with("The body could not be read"), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_no_more_ends() {
        let whole = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        assert!(answer(whole).await.starts_with("HTTP/1.1 415 "));
    }
}
