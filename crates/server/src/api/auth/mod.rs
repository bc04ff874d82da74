//! Who calls, and whether they may.
//!
//! | read | for |
//! |---|---|
//! | `gate` | every request that brings a key: judged, and slowed down where an address fails too often |
//! | `principal` | who calls, and where in a realm they may act |
//! | `authenticator` | proving it: the core's verification over the management realm |
//! | `reporters` | who signs reports of leaked secrets |
//! | `throttle` | failed authentications per client address |

pub(crate) mod authenticator;
pub(crate) mod gate;
pub(crate) mod principal;
pub(crate) mod reporters;
pub(crate) mod throttle;
