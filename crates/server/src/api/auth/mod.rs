//! Who calls, and whether they may.
//!
//! | read | for |
//! |---|---|
//! | `authenticator` | the core's verification over the management realm |
//! | `throttle` | failed authentications per client address |

pub(crate) mod authenticator;
pub(crate) mod throttle;
