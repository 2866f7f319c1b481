//! The gRPC service, by tonic's own client.

use keystile::testing::TestIssuer;
use services::grpc::{HELLO, HelloReply, HelloRequest};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::serving;

async fn hello(channel: &Channel, authorization: &str) -> Result<String, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(HelloRequest {
        greeting: "Good morning".into(),
    });
    if !authorization.is_empty() {
        let value = authorization.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let codec = ProstCodec::<HelloRequest, HelloReply>::default();
    let path = PathAndQuery::from_static(HELLO);
    let answer = client.unary(request, path, codec).await?;
    Ok(answer.into_inner().text)
}

#[tokio::test]
async fn a_refusal_is_a_status_that_tonics_client_reads() {
    let issuer = TestIssuer::new();
    let guard = issuer.guard();
    let address =
        serving(|listener| async move { services::grpc::serve(listener, &guard).await }).await;
    let channel = Endpoint::try_from(format!("http://{address}")).unwrap();
    let channel = channel.connect().await.unwrap();

    let status = hello(&channel, "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().starts_with("token_missing: "), "{status}");
    let challenge = status.metadata().get("www-authenticate").unwrap();
    assert_eq!(challenge, "Bearer reason=\"token_missing\"");

    let bearer = issuer.token("ada").bearer();
    assert_eq!(hello(&channel, &bearer).await.unwrap(), "Good morning, ada");
    let status = hello(&channel, "Bearer x").await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);

    issuer.revoke_session_now("ada-session");
    let status = hello(&channel, &bearer).await.unwrap_err();
    assert!(status.message().starts_with("token_revoked: "), "{status}");
}
