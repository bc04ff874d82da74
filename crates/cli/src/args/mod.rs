//! What several commands take.
//!
//! | read | for |
//! |---|---|
//! | `read` | single values: read from text before a command runs |
//! | `filter` | which keys |
//! | `page` | which page of a list, and from which stretch of time |

mod filter;
mod page;
pub(crate) mod read;

pub(crate) use filter::Filter;
pub(crate) use page::{Between, Page};
