//! The check in front of real servers on the loopback, and verifiers that follow real and hostile publishers.

mod bare;
mod cases;
mod common;
mod follow;
mod grpc;
mod hostile;
mod http;
mod lazy;
mod plane;
mod routers;
mod usage;
