//! Signing in by OpenID Connect (Core 1.0, authorization code with PKCE), for the console: an identity provider vouches for somebody, and a table
//! of the operator's says what such people may do.
//!
//! | read | for |
//! |---|---|
//! | `options` | how it is set up, and the table |
//! | `provider` | what is asked of the provider: its documents, and a token for a code |
//! | `token` | whether such a token is to be believed |
//!
//! Nothing of a token is believed before its signature, and nobody is let in whom the table does not name.

mod options;
mod provider;
mod token;

pub use options::{Oidc, OidcRule};
pub(crate) use provider::{Begun, Provider, Trouble};
