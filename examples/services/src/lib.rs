//! The guard around what is no axum handler: a service on hyper alone, gRPC by tonic, a WebSocket.

pub mod grpc;
pub mod plain;
pub mod socket;
