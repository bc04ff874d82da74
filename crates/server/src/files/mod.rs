//! Published files over HTTP, and whether edges can live on them.
//!
//! | read | for |
//! |---|---|
//! | `site` | heads, bundles, roots and objects |
//! | `health` | `/healthz`: whether each published head is alive |

pub(crate) mod health;
pub(crate) mod site;
