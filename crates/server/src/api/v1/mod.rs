//! The endpoints, one file a family: what requests hold, and what is done with them.

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod explain;
mod key_body;
pub(crate) mod keys;
pub(crate) mod orgs;
pub(crate) mod owners;
pub(crate) mod realms;
pub(crate) mod roles;
pub(crate) mod usage;
