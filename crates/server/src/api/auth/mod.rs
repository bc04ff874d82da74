//! Who calls, and whether they may.
//!
//! | read | for |
//! |---|---|
//! | `principal` | who calls, and where in a realm they may act |
//! | `authenticator` | proving it: the core's verification over the management realm |
//! | `throttle` | failed authentications per client address |

pub(crate) mod authenticator;
pub(crate) mod principal;
pub(crate) mod throttle;
