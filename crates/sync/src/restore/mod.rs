//! After a disaster: signing keys in a backup, and a registry that is older than what is published.
//!
//! | read | for |
//! |---|---|
//! | `keys` | signing keys on their way into a backup, and out of it |
//! | `seen` | a tree as the keys that it shows |
//! | `head` | whether the registry knows a published head: where it does not, nothing is published |
//! | `compare` | which keys' state would go back, and the two ways on |

mod compare;
mod head;
mod keys;
mod seen;

pub use compare::{Comparison, Fate, Found, GoingBack, Older, compare, older};
pub(crate) use head::shown;
pub use keys::{put_keys, read_keys, take_back_keys};
pub use seen::Read;
