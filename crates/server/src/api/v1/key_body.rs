//! Keys as requests describe them, read into the registry's types. An error points to the member.

use edgelatch_core::policy::{AllowMode, Order};
use edgelatch_registry::json::{given, given_word, object};
use edgelatch_registry::{
    Description, Error, IpEdit, IpEntry, KeyEdit, ListEdit, Metadata, Name, NewIpRules, NewKey, Note, Scope, Service, Slug,
    StatusEdit, parse_expiry, parse_start,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::problem::Refusal;

/// The services of a scope: the word `all`, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`all`, or a list of services")]
pub(crate) enum ScopeBody {
    Word(String),
    List(Vec<String>),
}

/// An entry of an IP list: the network alone, or with what goes with it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a network such as 10.0.0.0/8, or an object with cidr, enabled and note")]
#[schema(as = IpEntryInput)]
pub(crate) enum EntryBody {
    /// A network, or one address.
    #[schema(examples("10.0.0.0/8"))]
    Text(String),
    /// The same with a switch and a remark.
    Full(#[serde(deserialize_with = "object")] FullEntry),
}

/// An entry of an IP list in full.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IpEntryObject)]
pub(crate) struct FullEntry {
    /// A network, or one address.
    #[schema(examples("192.0.2.7"))]
    cidr: String,
    /// Whether it counts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// A remark.
    #[serde(default)]
    #[schema(value_type = Note)]
    note: String,
}

fn yes() -> bool {
    true
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct NewKeyBody {
    /// Its org; to be left out only where the caller may manage one org and no other.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    pub(crate) org: Option<Slug>,
    /// Its owner; to be left out where the org has only one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    owner: Option<Slug>,
    /// What people call it.
    #[schema(examples("Production API"))]
    name: Name,
    /// What it is for.
    #[serde(default)]
    description: Description,
    /// Its roles, where the org's keys have roles of their own.
    #[serde(default)]
    #[schema(max_items = 32)]
    roles: Vec<Slug>,
    /// Where it may be used; everywhere if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Scope, required = false)]
    scope: Option<ScopeBody>,
    /// From where it may be used.
    #[serde(default)]
    #[schema(max_items = 1000)]
    allow: Vec<EntryBody>,
    /// From where it may not.
    #[serde(default)]
    #[schema(max_items = 1000)]
    deny: Vec<EntryBody>,
    /// Whether everyone or only the allow list may come; as the allow list says if left out.
    #[serde(default, deserialize_with = "given_word")]
    #[schema(value_type = AllowModeInput, required = false)]
    allow_mode: Option<AllowMode>,
    /// Which list is asked first; the org's first choice if left out.
    #[serde(default, deserialize_with = "given_word")]
    #[schema(value_type = OrderInput, required = false)]
    order: Option<Order>,
    /// When it expires: a span such as `3mo`, a date, an RFC 3339 time, `never` or null.
    #[serde(default)]
    #[schema(examples("3mo"))]
    expires_at: Option<String>,
    /// From when it is accepted: a span, a date, an RFC 3339 time, `now` or null.
    #[serde(default)]
    #[schema(examples("2027-01-31"))]
    not_before: Option<String>,
    /// Custom data for the handler behind the edge.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// What it is used for; the org's first environment if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    environment: Option<Slug>,
}

/// A mode of the allow list.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum AllowModeInput {
    Any,
    List,
}

/// An order of the lists.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum OrderInput {
    AllowFirst,
    DenyFirst,
}

/// Changes to a key; what is left out stays as it is. Which members may be changed is up to the org's settings.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyEdit)]
pub(crate) struct KeyEditBody {
    /// What people call it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Name, required = false)]
    name: Option<Name>,
    /// What it is for.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<Description>>,
    /// Its roles.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<Slug>, required = false, max_items = 32)]
    roles: Option<Vec<Slug>>,
    /// Where it may be used.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Scope, required = false)]
    scope: Option<ScopeBody>,
    /// The whole allow list.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<EntryBody>, required = false, max_items = 1000)]
    allow: Option<Vec<EntryBody>>,
    /// The whole deny list.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<EntryBody>, required = false, max_items = 1000)]
    deny: Option<Vec<EntryBody>>,
    /// Whether everyone or only the allow list may come.
    #[serde(default, deserialize_with = "given_word")]
    #[schema(value_type = AllowModeInput, required = false)]
    allow_mode: Option<AllowMode>,
    /// Which list is asked first.
    #[serde(default, deserialize_with = "given_word")]
    #[schema(value_type = OrderInput, required = false)]
    order: Option<Order>,
    /// When it expires: a span such as `3mo`, a date, an RFC 3339 time, `never` or null.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, examples("1y"))]
    expires_at: Option<Option<String>>,
    /// From when it is accepted: a span, a date, an RFC 3339 time, `now` or null.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    not_before: Option<Option<String>>,
    /// Custom data; null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
    /// What it is used for.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Slug>)]
    environment: Option<Option<Slug>>,
    /// Revoked, or enabled again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = StatusEdit, required = false)]
    status: Option<StatusEdit>,
}

fn scope(body: &ScopeBody) -> Result<Scope, Refusal> {
    match body {
        ScopeBody::Word(word) if word == "all" => Ok(Scope::All),
        ScopeBody::Word(_) => Err(Refusal::at("/scope", "must be `all`, or a list of services")),
        ScopeBody::List(list) => {
            let one = |(i, text): (usize, &String)| Service::parse(&format!("scope/{i}"), text);
            Ok(list.iter().enumerate().map(one).collect::<Result<_, _>>().map(Scope::List)?)
        }
    }
}

fn entries(field: &str, list: &[EntryBody]) -> Result<Vec<IpEntry>, Error> {
    let one = |(i, entry): (usize, &EntryBody)| match entry {
        EntryBody::Text(text) => IpEntry::parse(&format!("{field}/{i}"), text),
        EntryBody::Full(full) => {
            let entry = IpEntry::parse(&format!("{field}/{i}/cidr"), &full.cidr)?;
            Ok(IpEntry { enabled: full.enabled, note: Note::parse(&format!("{field}/{i}/note"), &full.note)?, ..entry })
        }
    };
    list.iter().enumerate().map(one).collect()
}

fn replaced(field: &str, list: &Option<Vec<EntryBody>>) -> Result<ListEdit, Error> {
    list.as_ref().map_or(Ok(ListEdit::Keep), |list| entries(field, list).map(ListEdit::Replace))
}

fn metadata(members: Option<Map<String, Value>>) -> Result<Metadata, Error> {
    members.map_or(Ok(Metadata::default()), |members| Metadata::parse(&Value::Object(members).to_string()))
}

fn expiry(text: Option<&String>, now: u64) -> Result<Option<u64>, Error> {
    text.map_or(Ok(None), |text| parse_expiry("expires_at", text, now))
}

fn start(text: Option<&String>, now: u64) -> Result<Option<u64>, Error> {
    text.map_or(Ok(None), |text| parse_start("not_before", text, now))
}

impl NewKeyBody {
    /// The key to be made in `org`.
    pub(crate) fn read(self, now: u64, org: Slug) -> Result<NewKey, Refusal> {
        Ok(NewKey {
            org,
            owner: self.owner,
            name: self.name,
            description: self.description,
            roles: self.roles,
            scope: self.scope.as_ref().map_or(Ok(Scope::All), scope)?,
            ip: NewIpRules {
                allow_mode: self.allow_mode,
                order: self.order,
                allow: entries("allow", &self.allow)?,
                deny: entries("deny", &self.deny)?,
            },
            not_before: start(self.not_before.as_ref(), now)?,
            expires_at: expiry(self.expires_at.as_ref(), now)?,
            metadata: metadata(self.metadata)?,
            environment: self.environment,
        })
    }
}

impl KeyEditBody {
    /// The changes, to be made at a revision if one is given.
    pub(crate) fn read(self, now: u64, if_revision: Option<u64>) -> Result<KeyEdit, Refusal> {
        Ok(KeyEdit {
            name: self.name,
            description: self.description.map(Option::unwrap_or_default),
            roles: self.roles,
            scope: self.scope.as_ref().map(scope).transpose()?,
            ip: IpEdit {
                allow_mode: self.allow_mode,
                order: self.order,
                allow: replaced("allow", &self.allow)?,
                deny: replaced("deny", &self.deny)?,
            },
            not_before: self.not_before.map(|text| start(text.as_ref(), now)).transpose()?,
            expires_at: self.expires_at.map(|text| expiry(text.as_ref(), now)).transpose()?,
            metadata: self.metadata.map(metadata).transpose()?,
            environment: self.environment,
            status: self.status,
            if_revision,
        })
    }
}
