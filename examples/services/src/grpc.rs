//! A gRPC service behind the same layer. The messages and the service are what `tonic-prost-build` would make of
//!
//! ```text
//! package greet;
//! service Greeter { rpc Hello (HelloRequest) returns (HelloReply); }
//! message HelloRequest { string greeting = 1; }
//! message HelloReply { string text = 1; }
//! ```

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use keystile::Guard;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

/// Where the call is.
pub const HELLO: &str = "/greet.Greeter/Hello";

/// What is asked.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HelloRequest {
    /// The word before the name.
    #[prost(string, tag = "1")]
    pub greeting: String,
}

/// What is answered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HelloReply {
    /// The greeting.
    #[prost(string, tag = "1")]
    pub text: String,
}

/// Serves until the program ends.
pub async fn serve(listener: TcpListener, guard: &Guard) -> anyhow::Result<()> {
    Server::builder()
        .layer(guard.layer().answering_grpc())
        .add_service(Greeter)
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Hello;

impl UnaryService<HelloRequest> for Hello {
    type Response = HelloReply;
    type Future = Ready<Result<Response<HelloReply>, Status>>;

    fn call(&mut self, request: Request<HelloRequest>) -> Self::Future {
        let Some(caller) = keystile::verified(request.extensions()) else {
            return ready(Err(Status::unauthenticated("no token")));
        };
        let text = format!("{}, {}", request.get_ref().greeting, caller.claims().sub);
        ready(Ok(Response::new(HelloReply { text })))
    }
}

#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "greet.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != HELLO {
                return Ok(Status::unimplemented("no such call").into_http());
            }
            let mut grpc = Grpc::new(ProstCodec::<HelloReply, HelloRequest>::default());
            Ok(grpc.unary(Hello, request).await)
        })
    }
}
