//! An identity provider that people sign in to the console at.

use std::path::PathBuf;

use edgelatch_registry::{Registry, Slug, management};
use edgelatch_server::{Oidc, OidcRule};
use zeroize::Zeroizing;

use crate::prelude::*;

#[derive(Args)]
pub(crate) struct Provider {
    /// Let people sign in to the console by OpenID Connect at this provider: its address, as its tokens name their issuer. At the provider, the
    /// console's callback is URL/console/sign-in/callback
    #[arg(long, value_name = "URL", requires_all = ["oidc_client", "oidc_console", "oidc_grant"], conflicts_with_all = ["no_console", "no_api"])]
    oidc_issuer: Option<String>,
    /// The console's client id at the provider
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    oidc_client: Option<String>,
    /// A file with its client secret [default: EDGELATCH_OIDC_SECRET; a public client has none]
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_secret_file: Option<PathBuf>,
    /// Where browsers reach the console: scheme, host and port, such as `https://keys.example.com`
    #[arg(long, value_name = "URL", requires = "oidc_issuer")]
    oidc_console: Option<String>,
    /// What the provider is asked to say of people, beside who they are; repeatable
    #[arg(long, value_name = "SCOPE", requires = "oidc_issuer", default_values = ["profile", "email"])]
    oidc_scope: Vec<String>,
    /// What people may do: CLAIM=VALUE:ROLE,…@PLACE,…, where a place is a realm, REALM/ORG, or * for everywhere, such as
    /// groups=ops:key-manager@acme; repeatable. The first that fits counts; whom none fits is not let in. An `email` counts if the provider has
    /// checked it
    #[arg(long, value_name = "RULE", requires = "oidc_issuer")]
    oidc_grant: Vec<OidcRule>,
}

impl Provider {
    /// The provider, if there is one. Roles that are none are told of now, rather than to whoever signs in.
    pub(crate) fn oidc(&self, registry: &Registry) -> Result<Option<Oidc>> {
        let (Some(issuer), Some(client), Some(console)) = (&self.oidc_issuer, &self.oidc_client, &self.oidc_console) else {
            return Ok(None);
        };
        let secret = match &self.oidc_secret_file {
            Some(path) => Some(Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?)),
            None => std::env::var("EDGELATCH_OIDC_SECRET").ok().map(Zeroizing::new),
        };
        let secret = secret.as_ref().map(|secret| secret.as_str());
        let oidc = Oidc::new(issuer, client, secret, console, self.oidc_scope.clone(), self.oidc_grant.clone());
        let oidc = oidc.map_err(|error| Failure::usage(format!("--oidc-…: {error}")))?;
        let realm: Slug = management::REALM.parse()?;
        for role in oidc.roles() {
            registry.tenants(&realm).role(None, role)?;
        }
        Ok(Some(oidc))
    }
}
