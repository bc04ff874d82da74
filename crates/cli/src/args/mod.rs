//! What several commands take.
//!
//! | read | for |
//! |---|---|
//! | `read` | single values: read from text before a command runs |
//! | `filter` | which keys |
//! | `page` | which page of a list, and from which stretch of time |
//! | `export` | a log, line by line |
//! | `provider` | where people sign in to the console |
//! | `signing` | programs that sign heads |
//! | `target` | where else to publish |

mod export;
mod filter;
mod page;
mod provider;
pub(crate) mod read;
mod signing;
mod target;

pub(crate) use export::Export;
pub(crate) use filter::Filter;
pub(crate) use page::{Between, Page};
pub(crate) use provider::Provider;
pub(crate) use signing::Signing;
pub(crate) use target::To;
