//! Readers and rules, written from `SPEC.md` and the standards that it names. They are slow and plain, and use nothing of the core.

pub mod credentials;
pub mod forwarded;
pub mod model;
pub mod policy;
pub mod request;
pub mod rule;
pub mod tree;
pub mod wire;
