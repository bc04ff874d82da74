//! Connections and what limits them.
//!
//! | read | for |
//! |---|---|
//! | `accept` | taking connections, up to a number at a time, and ending those that stand still |
//! | `client` | who counts as one client where something is limited for each |
//! | `concurrency` | how many calls of one key are at work at a time |

pub(crate) mod accept;
pub(crate) mod client;
pub(crate) mod concurrency;
