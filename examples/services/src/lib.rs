//! The guard around what is no axum handler: a service on hyper alone, gRPC by tonic, a WebSocket; and routes
//! with an OpenAPI document.

pub mod described;
pub mod grpc;
pub mod plain;
pub mod socket;
