//! Connections and what limits them.
//!
//! | read | for |
//! |---|---|
//! | `accept` | taking connections, up to a number at a time, and ending those that stand still |
//! | `concurrency` | how many calls of one key are at work at a time |

pub(crate) mod accept;
pub(crate) mod concurrency;
