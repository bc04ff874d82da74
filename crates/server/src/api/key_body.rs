//! Keys as requests describe them, read into the registry's types. An error points to the member.

use edgelatch_registry::{
    ALLOW_MODES, Description, IpEdit, IpEntry, IpRules, KeyEdit, ListEdit, Metadata, Name, NewKey, Note, ORDERS, Registry,
    Scope, Service, Slug, Status, from_word, parse_expiry, parse_start,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::problem::Refusal;

type Result<T> = std::result::Result<T, Refusal>;

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

/// A structure from an object, and not from an array.
pub(crate) fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> std::result::Result<T, D::Error> {
    let members = Map::<String, Value>::deserialize(from)?;
    serde_json::from_value(Value::Object(members)).map_err(serde::de::Error::custom)
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

/// A member that is there, also when it is null.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct NewKeyBody {
    /// Its org; to be left out only where the caller may manage one org and no other.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    pub(crate) org: Option<String>,
    /// Its owner; to be left out where the org has only one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    pub(crate) owner: Option<String>,
    /// What people call it.
    #[schema(value_type = Name, examples("Production API"))]
    pub(crate) name: String,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Description)]
    pub(crate) description: String,
    /// Its roles, where the org's keys have roles of their own.
    #[serde(default)]
    #[schema(value_type = Vec<Slug>, max_items = 32)]
    pub(crate) roles: Vec<String>,
    /// Where it may be used; everywhere if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Scope, required = false)]
    pub(crate) scope: Option<ScopeBody>,
    /// From where it may be used.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub(crate) allow: Vec<EntryBody>,
    /// From where it may not.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub(crate) deny: Vec<EntryBody>,
    /// Whether everyone or only the allow list may come; as the allow list says if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = AllowModeInput, required = false)]
    pub(crate) allow_mode: Option<String>,
    /// Which list is asked first; the org's first choice if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = OrderInput, required = false)]
    pub(crate) order: Option<String>,
    /// When it expires: a span such as `3mo`, a date, an RFC 3339 time, `never` or null.
    #[serde(default)]
    #[schema(examples("3mo"))]
    pub(crate) expires_at: Option<String>,
    /// From when it is accepted: a span, a date, an RFC 3339 time, `now` or null.
    #[serde(default)]
    #[schema(examples("2027-01-31"))]
    pub(crate) not_before: Option<String>,
    /// Custom data for the handler behind the edge.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) metadata: Option<Map<String, Value>>,
    /// What it is used for; the org's first environment if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    pub(crate) environment: Option<String>,
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
    name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<String>>,
    /// Its roles.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<Slug>, required = false, max_items = 32)]
    roles: Option<Vec<String>>,
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
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = AllowModeInput, required = false)]
    allow_mode: Option<String>,
    /// Which list is asked first.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = OrderInput, required = false)]
    order: Option<String>,
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
    environment: Option<Option<String>>,
    /// Revoked, or enabled again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Status, required = false)]
    status: Option<String>,
}

pub(crate) fn roles(texts: &[String]) -> Result<Vec<Slug>> {
    let one = |(i, text): (usize, &String)| Ok(Slug::parse(&format!("roles/{i}"), text)?);
    texts.iter().enumerate().map(one).collect()
}

fn scope(body: &ScopeBody) -> Result<Scope> {
    match body {
        ScopeBody::Word(word) if word == "all" => Ok(Scope::All),
        ScopeBody::Word(_) => Err(Refusal::at("/scope", "must be `all`, or a list of services")),
        ScopeBody::List(list) => {
            let one = |(i, text): (usize, &String)| Ok(Service::parse(&format!("scope/{i}"), text)?);
            list.iter().enumerate().map(one).collect::<Result<_>>().map(Scope::List)
        }
    }
}

fn entries(field: &str, list: &[EntryBody]) -> Result<Vec<IpEntry>> {
    let one = |(i, entry): (usize, &EntryBody)| match entry {
        EntryBody::Text(text) => Ok(IpEntry::parse(&format!("{field}/{i}"), text)?),
        EntryBody::Full(full) => {
            let entry = IpEntry::parse(&format!("{field}/{i}/cidr"), &full.cidr)?;
            Ok(IpEntry { enabled: full.enabled, note: Note::parse(&format!("{field}/{i}/note"), &full.note)?, ..entry })
        }
    };
    list.iter().enumerate().map(one).collect()
}

fn choice<T: Copy>(field: &str, table: &[(&'static str, T)], word: Option<&str>) -> Result<Option<T>> {
    let words = || table.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let read =
        |word| from_word(table, word).ok_or_else(|| Refusal::at(format!("/{field}"), format!("must be one of: {}", words())));
    word.map(read).transpose()
}

fn metadata(members: Option<&Map<String, Value>>) -> Result<Metadata> {
    let text = members.map(serde_json::to_string).transpose().map_err(|_| Refusal::at("/metadata", "cannot be kept"))?;
    Ok(text.map_or(Ok(Metadata::default()), |text| Metadata::parse(&text))?)
}

impl NewKeyBody {
    /// The key to be made in `org`. What was left out is taken from it.
    pub(crate) fn read(&self, registry: &Registry, realm: &Slug, org: &Slug) -> Result<NewKey> {
        let now = registry.env().now()?;
        let owner = match &self.owner {
            Some(owner) => Slug::parse("owner", owner)?,
            None => match &registry.owners(realm, Some(org))?[..] {
                [only] => only.owner.clone(),
                _ => return Err(Refusal::at("/owner", "is missing, and the org has not just one: name one of them")),
            },
        };
        let order = match choice("order", &ORDERS, self.order.as_deref())? {
            Some(order) => order,
            None => registry.org(realm, org)?.settings.ip_orders.first().copied().unwrap_or(ORDERS[0].1),
        };
        let mode = choice("allow_mode", &ALLOW_MODES, self.allow_mode.as_deref())?;
        Ok(NewKey {
            org: org.clone(),
            owner,
            name: Name::parse("name", &self.name)?,
            description: Description::parse("description", &self.description)?,
            roles: roles(&self.roles)?,
            scope: self.scope.as_ref().map_or(Ok(Scope::All), scope)?,
            ip: IpRules::new(mode, order, entries("allow", &self.allow)?, entries("deny", &self.deny)?)?,
            not_before: self.not_before.as_deref().map_or(Ok(None), |text| parse_start("not_before", text, now))?,
            expires_at: self.expires_at.as_deref().map_or(Ok(None), |text| parse_expiry("expires_at", text, now))?,
            metadata: metadata(self.metadata.as_ref())?,
            environment: self.environment.as_deref().map(|text| Slug::parse("environment", text)).transpose()?,
        })
    }
}

impl KeyEditBody {
    /// The changes, to be made at a revision if one is given.
    pub(crate) fn read(&self, now: u64, if_revision: Option<u64>) -> Result<KeyEdit> {
        let replace = |field: &str, list: &Option<Vec<EntryBody>>| match list {
            None => Ok(ListEdit::Keep),
            Some(list) => entries(field, list).map(ListEdit::Replace),
        };
        let status = |text: &String| text.parse::<Status>().map_err(|reason| Refusal::at("/status", reason));
        let expiry = |text: &Option<String>| text.as_deref().map_or(Ok(None), |text| parse_expiry("expires_at", text, now));
        let start = |text: &Option<String>| text.as_deref().map_or(Ok(None), |text| parse_start("not_before", text, now));
        let environment = |text: &Option<String>| text.as_deref().map(|text| Slug::parse("environment", text)).transpose();
        let description = |text: &Option<String>| Description::parse("description", text.as_deref().unwrap_or_default());
        Ok(KeyEdit {
            name: self.name.as_deref().map(|text| Name::parse("name", text)).transpose()?,
            description: self.description.as_ref().map(description).transpose()?,
            roles: self.roles.as_deref().map(roles).transpose()?,
            scope: self.scope.as_ref().map(scope).transpose()?,
            ip: IpEdit {
                allow_mode: choice("allow_mode", &ALLOW_MODES, self.allow_mode.as_deref())?,
                order: choice("order", &ORDERS, self.order.as_deref())?,
                allow: replace("allow", &self.allow)?,
                deny: replace("deny", &self.deny)?,
            },
            not_before: self.not_before.as_ref().map(start).transpose()?,
            expires_at: self.expires_at.as_ref().map(expiry).transpose()?,
            metadata: self.metadata.as_ref().map(|members| metadata(members.as_ref())).transpose()?,
            environment: self.environment.as_ref().map(environment).transpose()?,
            status: self.status.as_ref().map(status).transpose()?,
            if_revision,
        })
    }
}
