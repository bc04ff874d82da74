//! What a form about a key holds, and what the API is told of it. Nothing is checked here: what does not fit is refused by the API, and
//! shown beside its field with what was typed.

use edgelatch_registry::{Settings, Slug};
use serde_json::{Map, Value, json};

use super::super::cells::state;
use super::super::client::Refused;
use super::super::form::Fields;
use super::super::model::{IpEntry, Key, Org, Owner, Owners, Role, Roles};
use super::super::session::Session;
use super::super::views::FormField;
use crate::console::texts::Texts;

/// What was typed, or what a key has.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) environment: String,
    pub(super) roles: Vec<String>,
    pub(super) all_services: bool,
    pub(super) services: Vec<String>,
    /// `keep`, `never`, `date` or a span.
    pub(super) expires: String,
    pub(super) expires_date: String,
    /// The offset of that date, as a script knows it; UTC without.
    pub(super) expires_offset: String,
    /// When the key expires as it is: empty for never, none for a key that is to be made.
    pub(super) kept_until: Option<String>,
    pub(super) allow: Vec<IpEntry>,
    pub(super) deny: Vec<IpEntry>,
    /// `active` or `revoked`.
    pub(super) status: String,
}

impl Filled {
    /// An empty form, with what the org's settings suggest.
    pub(super) fn fresh(settings: &Settings) -> Filled {
        let suggested = settings.expiry_choices.get(settings.expiry_choices.len() / 2).cloned();
        Filled {
            all_services: true,
            expires: suggested.unwrap_or_else(|| if settings.expiry_never { "never".into() } else { "date".into() }),
            ..Filled::default()
        }
    }

    /// What a key has.
    pub(super) fn of(key: &Key) -> Filled {
        let services = key.services();
        Filled {
            name: key.name.clone(),
            description: key.description.clone(),
            owner: key.owner.clone(),
            environment: key.environment.clone().unwrap_or_default(),
            roles: key.roles.clone(),
            all_services: services.is_none(),
            services: services.unwrap_or_default(),
            expires: "keep".into(),
            kept_until: Some(key.expires_at.clone().unwrap_or_default()),
            allow: key.allow.clone(),
            deny: key.deny.clone(),
            status: if key.state == "revoked" { "revoked".into() } else { "active".into() },
            ..Filled::default()
        }
    }

    /// What was sent.
    pub(super) fn sent(fields: &Fields) -> Filled {
        let text = |name: &str| fields.text(name).to_owned();
        let mut services: Vec<String> = fields.all("service").map(Into::into).collect();
        services.extend(fields.text("services").split([' ', ',', '\n']).filter(|one| !one.is_empty()).map(Into::into));
        Filled {
            name: text("name"),
            description: text("description"),
            owner: text("owner"),
            environment: text("environment"),
            roles: fields.all("roles").filter(|role| !role.is_empty()).map(Into::into).collect(),
            all_services: fields.text("scope") != "some",
            services,
            expires: text("expires"),
            expires_date: text("expires_date"),
            expires_offset: text("expires_offset"),
            kept_until: None,
            allow: entries(fields, "allow"),
            deny: entries(fields, "deny"),
            status: text("status"),
        }
    }

    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    pub(super) fn has_service(&self, service: &str) -> bool {
        self.services.iter().any(|own| own == service)
    }

    /// When it expires, as the API reads it; none to leave that open.
    fn expiry(&self) -> Option<Value> {
        match self.expires.as_str() {
            "" | "keep" => None,
            "date" => {
                let offset = if self.expires_offset.is_empty() { "Z" } else { &self.expires_offset };
                Some(format!("{}{offset}", self.expires_date).into())
            }
            choice => Some(choice.into()),
        }
    }

    /// A member of a body; none where it is left out.
    fn member(&self, field: FormField) -> Option<Value> {
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Value::from);
        let list = |entries: &[IpEntry]| {
            let entry = |entry: &IpEntry| json!({ "cidr": entry.cidr, "enabled": entry.enabled, "note": entry.note });
            Value::Array(entries.iter().map(entry).collect())
        };
        match field {
            FormField::Name => Some(self.name.as_str().into()),
            FormField::Description => Some(self.description.as_str().into()),
            FormField::Owner => text(&self.owner),
            FormField::Environment => text(&self.environment),
            FormField::Roles => Some(self.roles.clone().into()),
            FormField::Scope if self.all_services => Some("all".into()),
            FormField::Scope => Some(self.services.clone().into()),
            FormField::Expiry => self.expiry(),
            FormField::Allow => Some(list(&self.allow)),
            FormField::Deny => Some(list(&self.deny)),
            FormField::Status => text(&self.status),
        }
    }

    /// Whether it tells the API anything about a field, rather than leaving it as it is.
    pub(super) fn says(&self, field: FormField) -> bool {
        self.member(field).is_some()
    }

    /// The members of these fields, of which `old` has others.
    pub(super) fn body(&self, fields: &[FormField], old: Option<&Filled>) -> Map<String, Value> {
        let mut body = Map::new();
        for field in fields {
            let Some(value) = self.member(*field) else { continue };
            if old.and_then(|old| old.member(*field)).as_ref() != Some(&value) {
                body.insert(field.member().into(), value);
            }
        }
        body
    }

    /// A field as a line of text, to be compared by people.
    pub(super) fn shown(&self, field: FormField, t: &Texts) -> String {
        let list = |entries: &[IpEntry]| {
            let one =
                |entry: &IpEntry| if entry.enabled { entry.cidr.clone() } else { format!("{} ({})", entry.cidr, t.disabled) };
            entries.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        match field {
            FormField::Name => self.name.clone(),
            FormField::Description => self.description.clone(),
            FormField::Owner => self.owner.clone(),
            FormField::Environment => self.environment.clone(),
            FormField::Roles => self.roles.join(", "),
            FormField::Scope if self.all_services => t.all_services.into(),
            FormField::Scope => self.services.join(", "),
            FormField::Expiry => match (self.expires.as_str(), &self.kept_until) {
                ("keep", Some(at)) if at.is_empty() => t.never.into(),
                ("keep", Some(at)) => at.clone(),
                ("keep", None) => t.keep.into(),
                ("date", _) => self.expires_date.clone(),
                (choice, _) => choice.into(),
            },
            FormField::Allow => list(&self.allow),
            FormField::Deny => list(&self.deny),
            FormField::Status => state(&self.status, t).into(),
        }
    }
}

/// The entries of a list that were filled in.
fn entries(fields: &Fields, list: &str) -> Vec<IpEntry> {
    let rows = fields.pairs().iter().filter_map(|(name, cidr)| {
        let row = name.strip_prefix(list)?.strip_prefix('.')?.strip_suffix(".cidr")?;
        let (cidr, note) = (cidr.trim().to_owned(), fields.text(&format!("{list}.{row}.note")).to_owned());
        Some(IpEntry { cidr, enabled: fields.has(&format!("{list}.{row}.on")), note }).filter(|entry| !entry.cidr.is_empty())
    });
    rows.collect()
}

/// A part of a form: its title, and those of its fields that are there.
pub(super) struct Part {
    pub(super) title: &'static str,
    pub(super) fields: Vec<FormField>,
}

/// A form about a key.
pub(super) struct KeyForm {
    pub(super) panels: Vec<Part>,
    pub(super) settings: Settings,
    pub(super) owners: Vec<Owner>,
    pub(super) roles: Vec<Role>,
    pub(super) filled: Filled,
    pub(super) refused: Option<Refused>,
    /// What makes the form count once.
    pub(super) once: String,
}

impl KeyForm {
    /// A form with these parts, in an org.
    pub(super) async fn new(session: &Session, realm: &Slug, org: &Org, panels: Vec<Part>, filled: Filled) -> KeyForm {
        let (settings, name) = (org.settings.clone(), &org.org);
        let has = |field: FormField| panels.iter().any(|part: &Part| part.fields.contains(&field));
        let owners = match has(FormField::Owner) {
            true => session.maybe::<Owners>(&format!("/api/v1/realms/{realm}/owners?org={name}")).await,
            false => None,
        };
        let roles = match has(FormField::Roles) {
            true => session.maybe::<Roles>(&format!("/api/v1/realms/{realm}/roles?org={name}")).await,
            false => None,
        };
        let (owners, roles) = (owners.map_or(Vec::new(), |all| all.owners), roles.map_or(Vec::new(), |all| all.roles));
        KeyForm { panels, settings, owners, roles, filled, refused: None, once: String::new() }
    }

    /// All of its fields.
    pub(super) fn fields(&self) -> Vec<FormField> {
        self.panels.iter().flat_map(|part| part.fields.iter().copied()).collect()
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, member: &str) -> Option<&str> {
        self.refused.as_ref().filter(|refused| refused.field() == member).map(|refused| refused.detail.as_str())
    }

    /// What is wrong that no field of the form is about.
    pub(super) fn other_error(&self) -> Option<&str> {
        let is_of_field = |refused: &Refused| self.fields().iter().any(|field| field.member() == refused.field());
        self.refused.as_ref().filter(|refused| !is_of_field(refused)).map(|refused| refused.detail.as_str())
    }

    /// Attributes of a field, for whoever does not see what stands beside it. `member` is one of ours.
    pub(super) fn invalid(&self, member: &str) -> String {
        self.error(member).map_or(String::new(), |_| format!(" aria-invalid=\"true\" aria-describedby=\"{member}-error\""))
    }

    /// Whether it is this entry of a list that is wrong.
    pub(super) fn is_wrong(&self, list: &str, entry: &usize) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.field() == list && refused.entry() == Some(*entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_members_of_a_body() {
        let sent = Filled::sent(&Fields::parse(
            b"name=+CI+&scope=some&services=cdn+dns&expires=date&expires_date=2027-01-31T10:00&expires_offset=%2B01:00\
              &allow.0.cidr=10.0.0.0/8&allow.0.on=on&allow.1.cidr=&allow.1.on=on&allow.7.cidr=192.0.2.7&allow.7.note=office&roles=a&roles=b&roles=",
        ));
        let fields =
            [FormField::Name, FormField::Scope, FormField::Expiry, FormField::Allow, FormField::Roles, FormField::Owner];
        let body = Value::Object(sent.body(&fields, None));
        assert_eq!(
            body,
            json!({
                "name": "CI", "scope": ["cdn", "dns"], "expires_at": "2027-01-31T10:00+01:00", "roles": ["a", "b"],
                "allow": [{ "cidr": "10.0.0.0/8", "enabled": true, "note": "" }, { "cidr": "192.0.2.7", "enabled": false, "note": "office" }],
            })
        );
        // Of an edit, only what differs is said: what somebody else may change meanwhile is not repeated.
        let mut other = sent.clone();
        other.name = "CD".into();
        assert_eq!(Value::Object(other.body(&fields, Some(&sent))), json!({ "name": "CD" }));
        other.expires = "keep".into();
        assert_eq!(Value::Object(other.body(&[FormField::Expiry], Some(&sent))), json!({}));
    }
}
