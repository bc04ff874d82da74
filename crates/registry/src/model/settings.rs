//! What one org's administrators may do: data, taken from a preset and edited from there. No rule asks for a preset by name.

use edgelatch_core::policy::Order;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ip::{EmptyList, IpLists};
use super::json::misfit;
use super::text::{Prefix, Service, Slug, is_member_name};
use super::time::{format, parse_span};
use super::words::{FromText, word_list, words};
use crate::error::Error;
use crate::limits::{
    MAX_ALERT_AFTER, MAX_CHOICES, MAX_ENVIRONMENTS, MAX_KEY_ROLES, MAX_LOG_DAYS, MAX_OVERLAP, MAX_REMINDER_DAYS, MAX_SERVICES,
};

words! {
    /// A header in which a key is presented.
    Credential {
        /// `Authorization: Bearer`.
        Bearer = "bearer",
        /// `X-API-Key`.
        XApiKey = "x-api-key",
    }

    /// Where a key's permissions come from.
    Authority {
        /// From roles of its own.
        Roles = "roles",
        /// From its owner's roles, whatever they are at the moment.
        Owner = "owner",
        /// From its org: it may do everything there.
        Org = "org",
    }

    /// A field that an edit may change.
    Field {
        Name = "name",
        /// Whose key it is.
        Owner = "owner",
        Description = "description",
        Roles = "roles",
        Scope = "scope",
        /// `allow`, `deny`, `allow_mode`, `order`.
        Ip = "ip",
        /// `not_before`, `expires_at`.
        Expiry = "expiry",
        Status = "status",
        Metadata = "metadata",
        Environment = "environment",
    }

    /// What revoking does.
    Revocation {
        /// The key stays, and stays revoked.
        Permanent = "permanent",
        /// It can be enabled again.
        Reversible = "reversible",
        /// The key is deleted.
        Delete = "delete",
    }

    /// Whether a key can be given a new secret.
    RotationMode {
        /// No: make another key.
        None = "none",
        /// The old secret dies at once.
        InPlace = "in_place",
        /// It may live on for a while.
        Overlap = "overlap",
    }

    /// Whether a key can be deleted.
    Deletion {
        /// No: revoke it.
        None = "none",
        /// At once.
        Immediate = "immediate",
        /// Once somebody said that it is meant.
        Confirmed = "confirmed",
        /// Once its name was typed.
        TypedName = "typed_name",
    }
}

/// Where a realm's edges look for the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RealmCredentials {
    /// `Authorization: Bearer`.
    pub bearer: bool,
    /// `X-API-Key`.
    pub x_api_key: bool,
}

impl RealmCredentials {
    /// Both headers.
    pub const BOTH: RealmCredentials = RealmCredentials { bearer: true, x_api_key: true };

    pub(crate) fn credentials(self) -> Vec<Credential> {
        let all = [(self.bearer, Credential::Bearer), (self.x_api_key, Credential::XApiKey)];
        all.into_iter().filter(|(on, _)| *on).map(|(_, credential)| credential).collect()
    }
}

/// What a key is used for, and how often it should get a new secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name, such as `production`.
    pub environment: Slug,
    /// Days after which administrators are reminded.
    pub rotate_after_days: u32,
}

/// One org's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Prefix of the keys it issues.
    pub prefix: Prefix,
    /// Headers its keys are presented in. A realm's edges look in those of all its orgs.
    pub credentials: Vec<Credential>,
    /// Where its keys' permissions come from.
    pub authority: Authority,
    /// Roles that a key must have at least, where they are its own.
    pub min_roles: u32,
    /// Roles that a key may have at most, where they are its own.
    pub max_roles: u32,
    /// Services that a key's scope may name; null for any, of which a warning tells that no other key names it.
    pub services: Option<Vec<Service>>,
    /// What an edit may change.
    pub editable: Vec<Field>,
    /// What revoking does.
    pub revocation: Revocation,
    /// Whether keys can be given a new secret.
    pub rotation: RotationMode,
    /// Seconds that an old secret may live on, under `overlap`.
    pub max_overlap: u64,
    /// Whether the key's name must be typed to rotate it.
    pub rotation_confirmed: bool,
    /// Whether keys can be deleted.
    pub deletion: Deletion,
    /// Which IP lists keys may have.
    pub ip_lists: IpLists,
    /// Whom an emptied allow list lets in.
    #[schema(required = false)]
    pub empty_allow_list: EmptyList,
    /// Which list may be asked first.
    #[serde(with = "word_list")]
    #[schema(value_type = Vec<String>)]
    pub ip_orders: Vec<Order>,
    /// Entries of a key's IP lists together.
    pub max_ip_entries: u32,
    /// Keys, revoked and expired ones too.
    pub max_keys: Option<u32>,
    /// Keys that are neither revoked nor expired.
    pub max_active_keys: Option<u32>,
    /// Whether no two keys that are not revoked may have one name.
    pub unique_names: bool,
    /// Whether lists show revoked keys unasked.
    pub list_revoked: bool,
    /// Spans offered for a new key's expiry, such as `3mo`.
    pub expiry_choices: Vec<String>,
    /// Whether any other time may be given.
    pub expiry_custom: bool,
    /// Whether a key may live for ever.
    pub expiry_never: bool,
    /// What keys are used for; a key is for the first one unless it says otherwise.
    pub environments: Vec<Environment>,
    /// Days that the log of requests is kept.
    pub request_log_days: u32,
    /// Refusals of one key within ten minutes that raise an alert.
    pub alert_after: Option<u32>,
    /// Whether a key is revoked as soon as its secret is reported to stand where everybody can read it. An alert is raised either way.
    pub revoke_leaked: bool,
}

/// Whether something is in the list twice.
fn repeats<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(i, one)| list.iter().take(i).any(|other| other == one))
}

/// Settings as they are kept.
impl FromText for Settings {
    fn parse(field: &str, text: &str) -> Result<Settings, Error> {
        serde_json::from_str(text).map_err(|e| Error::invalid(field, misfit(&e.to_string())))
    }
}

impl Settings {
    /// These settings with the members of a JSON object in place of those of the same name.
    pub fn edited(&self, edit: &Value) -> Result<Settings, Error> {
        let Value::Object(edit) = edit else {
            return Err(Error::invalid("settings", "must be a JSON object with the settings to change"));
        };
        let Ok(Value::Object(mut all)) = serde_json::to_value(self) else {
            return Err(Error::invalid("settings", "cannot be edited"));
        };
        let mut settings = self.clone();
        for (name, value) in edit {
            let Some(old) = all.get_mut(name) else {
                let field = if is_member_name(name) { format!("settings/{name}") } else { "settings".into() };
                return Err(Error::invalid(field, "is no setting; see the org's settings for those there are"));
            };
            let before = std::mem::replace(old, value.clone());
            // One at a time, so that the error names the one that does not fit.
            settings = serde_json::from_value(Value::Object(all.clone())).map_err(|e| {
                Error::invalid(format!("settings/{name}"), format!("does not fit: {}; it was {before}", misfit(&e.to_string())))
            })?;
        }
        settings.check()?;
        Ok(settings)
    }

    /// Refuses what does not go together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |name: &str, reason: String| Err(Error::invalid(format!("settings/{name}"), reason));
        let within = |name: &str, value: u64, limit: u64| {
            if value <= limit { Ok(()) } else { bad(name, format!("{value} is more than the limit of {limit}")) }
        };
        if self.credentials.is_empty() {
            return bad("credentials", "is empty; name `bearer`, `x-api-key` or both".into());
        }
        if self.ip_orders.is_empty() {
            return bad("ip_orders", "is empty; name `allow_first`, `deny_first` or both".into());
        }
        for (name, twice) in [
            ("credentials", repeats(&self.credentials)),
            ("editable", repeats(&self.editable)),
            ("services", self.services.as_deref().is_some_and(repeats)),
            ("ip_orders", repeats(&self.ip_orders)),
            ("expiry_choices", repeats(&self.expiry_choices)),
        ] {
            if twice {
                return bad(name, "names something twice; name it once".into());
            }
        }
        if self.min_roles > self.max_roles {
            return bad("min_roles", format!("{} is more than max_roles, {}", self.min_roles, self.max_roles));
        }
        within("max_roles", self.max_roles.into(), MAX_KEY_ROLES as u64)?;
        within("max_overlap", self.max_overlap, MAX_OVERLAP)?;
        within("request_log_days", self.request_log_days.into(), MAX_LOG_DAYS)?;
        within("services", self.services.as_ref().map_or(0, Vec::len) as u64, MAX_SERVICES)?;
        within("environments", self.environments.len() as u64, MAX_ENVIRONMENTS)?;
        within("expiry_choices", self.expiry_choices.len() as u64, MAX_CHOICES)?;
        within("alert_after", self.alert_after.unwrap_or(1).into(), MAX_ALERT_AFTER)?;
        if self.alert_after == Some(0) {
            return bad("alert_after", "is 0; give a number of refusals, or null for no alerts".into());
        }
        for (i, choice) in self.expiry_choices.iter().enumerate() {
            parse_span(&format!("settings/expiry_choices/{i}"), choice, 0)?;
        }
        let mut names = Vec::new();
        for (i, env) in self.environments.iter().enumerate() {
            within(&format!("environments/{i}/rotate_after_days"), env.rotate_after_days.into(), MAX_REMINDER_DAYS)?;
            if env.rotate_after_days == 0 || names.contains(&&env.environment) {
                return bad(&format!("environments/{i}"), "is listed twice, or reminds after 0 days".into());
            }
            names.push(&env.environment);
        }
        if !self.expiry_never && !self.expiry_custom && self.expiry_choices.is_empty() {
            return bad("expiry_never", "no key could be made: allow `never`, custom times or some choices".into());
        }
        Ok(())
    }

    /// Where edges must look for this org's keys.
    pub fn realm_credentials(&self) -> RealmCredentials {
        let has = |credential| self.credentials.contains(&credential);
        RealmCredentials { bearer: has(Credential::Bearer), x_api_key: has(Credential::XApiKey) }
    }

    /// Which list is asked first of a key that does not say.
    pub(crate) fn first_order(&self) -> Order {
        self.ip_orders.first().copied().unwrap_or(Order::AllowFirst)
    }

    /// Whether an edit may change `field`.
    pub fn is_editable(&self, field: Field) -> bool {
        self.editable.contains(&field)
    }

    /// Whether a new key may expire then. A choice was worked out a moment ago, so it may lie a little back.
    pub(crate) fn check_expiry(&self, at: Option<u64>, now: u64) -> Result<(), Error> {
        /// Seconds between asking for a key and making it.
        const SLACK: u64 = 300;
        let fits = match at {
            None => self.expiry_never,
            Some(_) if self.expiry_custom => true,
            Some(at) => self.expiry_choices.iter().any(|choice| {
                let from = |base: u64| parse_span("expires_at", choice, base).map_or(0, |span| base + span);
                let (early, late) = (from(now.saturating_sub(SLACK)), from(now));
                (early.min(late)..=early.max(late)).contains(&at)
            }),
        };
        if fits {
            return Ok(());
        }
        let mut offered = self.expiry_choices.clone();
        offered.extend(self.expiry_custom.then(|| "a time of your choice".to_owned()));
        offered.extend(self.expiry_never.then(|| "never".to_owned()));
        let given = at.map_or("never".to_owned(), format);
        Err(Error::not_allowed("expires_at", format!("{given} is not offered here: choose {}", offered.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Preset;
    use serde_json::json;

    fn valar() -> Settings {
        Preset::Valar.data().unwrap().settings
    }

    #[test]
    fn an_edit_names_what_does_not_fit() {
        let edited = valar().edited(&json!({ "max_keys": 21, "credentials": ["x-api-key"] })).unwrap();
        assert_eq!((edited.max_keys, edited.realm_credentials().bearer), (Some(21), false));
        for (edit, field) in [
            (json!({ "max_key": 1 }), "settings/max_key`"),
            (json!({ "max_keys": -1 }), "settings/max_keys`"),
            (json!({ "prefix": "Vsp" }), "settings/prefix`"),
            (json!({ "credentials": [] }), "settings/credentials`"),
            (json!({ "credentials": ["bearer", "bearer"] }), "settings/credentials`"),
            (json!({ "editable": ["name", "ip", "name"] }), "settings/editable`"),
            (json!({ "services": ["cdn", "dns", "cdn"] }), "settings/services`"),
            (json!({ "services": ["c d n"] }), "settings/services`"),
            (json!({ "services": (0..257).map(|i| format!("s{i}")).collect::<Vec<_>>() }), "settings/services`"),
            (json!({ "ip_orders": ["sideways"] }), "settings/ip_orders`"),
            (json!({ "max_overlap": u64::MAX }), "settings/max_overlap`"),
            (json!({ "expiry_choices": ["soon"] }), "settings/expiry_choices/0`"),
            (json!({ "expiry_choices": [], "expiry_never": false }), "settings/expiry_never`"),
            (json!({ "environments": [{ "environment": "a", "rotate_after_days": 0 }] }), "settings/environments/0`"),
            (json!([]), "settings`"),
        ] {
            let error = valar().edited(&edit).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn an_edit_that_does_not_fit_is_not_repeated() {
        let settings = Preset::Default.data().unwrap().settings;
        let Value::Object(all) = serde_json::to_value(&settings).unwrap() else { panic!() };
        let secret = "ek_0123456789abcdefghijklmnopqrstuvwxyz";
        let shapes = [json!(secret), json!([secret]), json!({ secret: secret }), json!([{ secret: 1 }]), json!([[secret]])];
        for name in all.keys() {
            for shape in &shapes {
                let refused = settings.edited(&json!({ name: shape }));
                // Any word may be a service.
                let fits = name == "services" && *shape == shapes[1];
                assert!(refused.map_or_else(|error| !error.to_string().contains(secret), |_| fits), "{name} {shape}");
            }
        }
    }

    #[test]
    fn only_what_is_offered_can_be_chosen() {
        let now = 1_769_817_600;
        let day = 86_400;
        let settings = valar();
        for good in [None, Some(now + day), Some(now + 7 * day - 20), Some(now + 365 * day)] {
            settings.check_expiry(good, now).unwrap();
        }
        for bad in [now + 1, now + 2 * day, now + day + 1, now + day - 301] {
            let error = settings.check_expiry(Some(bad), now).unwrap_err();
            assert!(error.to_string().contains("choose 1d, 1w, 1mo, 3mo, 1y, never"), "{error}");
        }
    }
}
