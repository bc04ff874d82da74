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

use std::sync::Arc;

use edgelatch_registry::Registry;
use tracing::warn;

use crate::error::Error;
use crate::log::API;

mod options;
mod provider;
mod token;

pub use options::{Oidc, OidcRule};
pub(crate) use provider::{Begun, Provider, Trouble};

/// Tells the registry by which rules people come from here on: what others gave bounds whom somebody has invited no more.
pub(crate) async fn begin(registry: &Arc<Registry>, oidc: &Oidc) -> Result<(), Error> {
    let (registry, oidc) = (Arc::clone(registry), oidc.clone());
    let told = tokio::task::spawn_blocking(move || registry.people().ruled_by(&oidc.issuer, &oidc.rules())).await;
    let people = told.map_err(std::io::Error::other)?.map_err(|source| Error::Rules { source })?;
    if people > 0 {
        warn!(target: API, people, "rules for the identity provider are gone by which people came: nobody comes by their invitations before they have signed in again");
    }
    Ok(())
}
