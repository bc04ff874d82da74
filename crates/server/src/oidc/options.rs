//! How signing in by OpenID Connect is set up.

use std::collections::BTreeSet;
use std::fmt::{Debug, Formatter};
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Scheme;
use edgelatch_registry::people::Grant;
use edgelatch_registry::{Scope, Slug, management};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::net::address::keeps_secrets;

/// An identity provider, and what people may do for whom it vouches.
#[derive(Clone)]
pub struct Oidc {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<Zeroizing<String>>,
    /// Where browsers reach the console: scheme, host and port.
    pub(crate) origin: String,
    pub(crate) scopes: Vec<String>,
    rules: Vec<OidcRule>,
}

/// A row of the table: whoever has this value in this claim has these roles there. `groups=ops:key-manager,auditor@acme/web`.
#[derive(Clone, Debug, PartialEq)]
pub struct OidcRule {
    claim: String,
    value: String,
    grant: Grant,
}

impl Debug for Oidc {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        // Not the secret.
        f.debug_struct("Oidc")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Oidc {
    /// A provider, by the address that its tokens name as their issuer, and this console, as the provider knows it: by its id and secret there, at the
    /// address where browsers reach it. An error says what would be right, and repeats no secret.
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: Option<&str>,
        console: &str,
        scopes: Vec<String>,
        rules: Vec<OidcRule>,
    ) -> Result<Oidc, String> {
        let address = |text: &str| text.parse::<Uri>().ok().filter(keeps_secrets);
        if address(issuer).is_none_or(|uri| uri.query().is_some())
            || issuer.len() > edgelatch_registry::limits::MAX_ISSUER_BYTES
        {
            return Err(
                "the issuer must be an https:// address, or http:// on this machine, as the provider's tokens name it".into()
            );
        }
        let (console, what) = (
            console.trim_end_matches('/'),
            "the console's address must be scheme and host alone, by https:// unless it is on this machine",
        );
        if address(console).is_none_or(|uri| uri.path() != "/" || uri.query().is_some()) {
            return Err(format!("{what}: https://keys.example.com"));
        }
        // RFC 6749, appendix A: ids and secrets may hold blanks, scopes have them between each other.
        let visible = |text: &str| (1..=512).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        let sound = |text: &str| visible(text) && !text.contains(' ');
        if !visible(client_id) {
            return Err("the client id must be visible ASCII characters".into());
        }
        let client_secret = client_secret.map(str::trim);
        if client_secret.is_some_and(|secret| !visible(secret)) {
            return Err("the client secret must be visible ASCII characters".into());
        }
        if !scopes.iter().all(|scope| sound(scope)) {
            return Err("a scope must be visible ASCII characters".into());
        }
        if rules.is_empty() {
            return Err("without a rule nobody could sign in: give one such as `groups=ops:administrator@*`".into());
        }
        Ok(Oidc {
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: client_secret.map(|secret| Zeroizing::new(secret.to_owned())),
            origin: console.into(),
            scopes,
            rules,
        })
    }

    /// Whether browsers reach the console by https.
    pub fn is_https(&self) -> bool {
        self.origin.parse::<Uri>().is_ok_and(|uri| uri.scheme() == Some(&Scheme::HTTPS))
    }

    /// The roles that the table names: each must be one of the management realm.
    pub fn roles(&self) -> impl Iterator<Item = &Slug> {
        self.rules.iter().flat_map(|rule| &rule.grant.roles)
    }

    /// The rows of the table, as they are written.
    pub(crate) fn rules(&self) -> BTreeSet<&str> {
        self.rules.iter().map(|rule| rule.grant.rule.as_str()).collect()
    }

    /// What somebody with these claims may do: what the first row says that fits. Rows are not added up, since what one gives in one place would count
    /// wherever another one leads.
    pub(crate) fn grant(&self, claims: &Map<String, Value>) -> Option<&Grant> {
        self.rules.iter().find(|rule| rule.fits(claims)).map(|rule| &rule.grant)
    }
}

impl OidcRule {
    fn fits(&self, claims: &Map<String, Value>) -> bool {
        // Whoever types any address at a provider that does not check it would be its holder here.
        if self.claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return false;
        }
        let is = |value: &Value| value.as_str() == Some(self.value.as_str());
        match claims.get(&self.claim) {
            Some(Value::Array(all)) => all.iter().any(is),
            Some(value) => is(value),
            None => false,
        }
    }
}

impl FromStr for OidcRule {
    type Err = String;

    fn from_str(text: &str) -> Result<OidcRule, String> {
        let form = "must be CLAIM=VALUE:ROLE,…@PLACE,…, where a place is a realm, REALM/ORG, or * for everywhere: groups=ops:key-manager@acme";
        let (claim, rest) = text.split_once('=').ok_or(form)?;
        // Values may hold any of these characters; roles and places do not.
        let (value, granted) = rest.rsplit_once(':').ok_or(form)?;
        let (roles, places) = granted.split_once('@').ok_or(form)?;
        if claim.is_empty() || value.is_empty() {
            return Err(form.into());
        }
        let wrong = |error: edgelatch_registry::Error| error.to_string();
        let roles = roles.split(',').map(|role| Slug::from_str(role).map_err(wrong)).collect::<Result<Vec<_>, _>>()?;
        let place = |place: &str| match place.split_once('/') {
            None => management::realm_service(&place.parse().map_err(wrong)?).map_err(wrong),
            Some((realm, org)) => {
                management::org_service(&realm.parse().map_err(wrong)?, &org.parse().map_err(wrong)?).map_err(wrong)
            }
        };
        let scope = match places {
            "*" => Scope::All,
            places => Scope::List(places.split(',').map(place).collect::<Result<_, String>>()?),
        };
        Ok(OidcRule { claim: claim.into(), value: value.into(), grant: Grant { rule: text.into(), roles, scope } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn oidc(rules: &[&str]) -> Oidc {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Oidc::new("https://id.example.com", "console", Some("s"), "https://keys.example.com/", vec!["email".into()], rules)
            .unwrap()
    }

    #[test]
    fn the_first_row_that_fits_counts_and_no_other() {
        let oidc = oidc(&[
            "groups=ops:administrator@*",
            "groups=web:viewer,auditor@acme/web,globex",
            "email=a:b@c.example:viewer@acme",
        ]);
        let granted =
            |claims: Value| oidc.grant(claims.as_object().unwrap()).map(|grant| (grant.roles.len(), grant.scope == Scope::All));
        for (claims, wanted) in [
            (json!({ "groups": ["web", "ops"] }), Some((1, true))),
            (json!({ "groups": "web" }), Some((2, false))),
            (json!({ "groups": ["webX"] }), None),
            (json!({ "groups": [["ops"]] }), None),
            (json!({ "groups": { "ops": true } }), None),
            (json!({ "group": "ops" }), None),
            (json!({}), None),
            // An address counts that the provider has checked.
            (json!({ "email": "a:b@c.example", "email_verified": true }), Some((1, false))),
            (json!({ "email": "a:b@c.example", "email_verified": false }), None),
            (json!({ "email": "a:b@c.example", "email_verified": "true" }), None),
            (json!({ "email": "a:b@c.example" }), None),
        ] {
            assert_eq!(granted(claims.clone()), wanted, "{claims}");
        }
    }

    #[test]
    fn a_rule_says_where() {
        for bad in [
            "",
            "groups",
            "groups=ops",
            "groups=ops:administrator",
            "groups=ops:@acme",
            "groups=ops:administrator@",
            "=ops:a@*",
            "groups=:a@*",
            "groups=ops:A B@*",
            "groups=ops:a@acme/",
            "groups=ops:a@*,acme",
        ] {
            assert!(bad.parse::<OidcRule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_set_up_wrongly_is_refused_and_no_secret_repeated() {
        let rule = || vec!["groups=ops:administrator@*".parse().unwrap()];
        let new = |issuer: &str, id: &str, secret: &str, console: &str, rules| {
            Oidc::new(issuer, id, Some(secret), console, Vec::new(), rules)
        };
        for (issuer, id, secret, console) in [
            ("http://id.example.com", "c", "s", "https://keys.example.com"),
            ("https://user:canary@id.example.com", "c", "s", "https://keys.example.com"),
            ("https://id.example.com?x=1", "c", "s", "https://keys.example.com"),
            ("https://id.example.com", "", "s", "https://keys.example.com"),
            ("https://id.example.com", "c", "canary\n1", "https://keys.example.com"),
            ("https://id.example.com", "c", "s", "http://keys.example.com"),
            ("https://id.example.com", "c", "s", "https://keys.example.com/console"),
        ] {
            let error = new(issuer, id, secret, console, rule()).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(new("https://id.example.com", "c", "s", "https://keys.example.com", Vec::new()).is_err());
        let local = new("http://127.0.0.1:9/x", "c", "canary", "http://localhost:8787", rule()).unwrap();
        assert!(!local.is_https() && !format!("{local:?}").contains("canary"));
    }
}
