//! The signing keys of a realm over the years: which root comes next, who signs it, and when it ends.
//!
//! | read | for |
//! |---|---|
//! | `change` | what is another in the next root, and what would lock the realm out: [`Change`] |
//! | `draft`, `words` | the next root while it gathers signatures, in a file that says in words what it does: [`RootDraft`] |
//! | `adopt` | from the newest root to a draft, and from a signed draft to the newest root |
//! | `life` | how much of a root's or head's life is over: [`Life`] |

mod adopt;
mod change;
mod draft;
mod life;
mod words;

pub(crate) use adopt::newest_of;
pub use adopt::{adopt, draft_of, least_rest, may_publish, newest_root};
pub use change::{Change, MAX_ROOT_LIFETIME, MIN_ROOT_LIFETIME};
pub use draft::{Gathered, MAX_DRAFT_BYTES, RootDraft};
pub use life::Life;
