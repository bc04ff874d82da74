//! Connections and what limits them.
//!
//! | read | for |
//! |---|---|
//! | `accept` | taking connections, and ending those that stand still |
//! | `tls` | the certificate that clients are shown |
//! | `address` | addresses that secrets are sent to |
//! | `seats` | how many connections there may be, of one address and together, and which one makes room |
//! | `client` | who counts as one client where something is limited for each |
//! | `concurrency` | how many calls of one key are at work at a time |

pub(crate) mod accept;
pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod concurrency;
pub(crate) mod seats;
pub(crate) mod tls;
