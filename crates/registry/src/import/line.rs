//! One line of an import, from CSV or JSON, as a key to be.

use serde_json::Value as Json;

use crate::error::Error;
use crate::keys::checked;
use crate::model::{
    ALLOW_MODES, Description, Digest, IpEntry, IpRules, Metadata, Name, NewKey, ORDERS, Scope, Service, Slug, from_word,
    future, parse_start, parse_time,
};

/// What stands for columns that a line leaves out.
#[derive(Clone, Debug, Default)]
pub struct ImportDefaults {
    /// Its org.
    pub org: Option<Slug>,
    /// Its owner.
    pub owner: Option<Slug>,
    /// Its roles.
    pub roles: Vec<Slug>,
    /// Its environment.
    pub environment: Option<Slug>,
}

/// The columns of a CSV file, and the members of a JSON line. Lists are separated by blanks, or arrays in JSON.
pub(super) const COLUMNS: [&str; 15] = [
    "sha256",
    "name",
    "org",
    "owner",
    "description",
    "roles",
    "scope",
    "allow",
    "deny",
    "allow_mode",
    "order",
    "not_before",
    "expires_at",
    "metadata",
    "environment",
];

/// What a line holds, by column.
pub(super) type Line = [Option<String>; COLUMNS.len()];

/// The place of a column.
pub(super) fn column(name: &str) -> Result<usize, Error> {
    let place = COLUMNS.iter().position(|column| *column == name);
    // What stands there may be a secret or a digest: a file without a header.
    place.ok_or_else(|| Error::invalid("header", format!("a name that is no column; there are: {}", COLUMNS.join(", "))))
}

/// Reads a JSON line.
pub(super) fn from_json(bytes: &[u8]) -> Result<Line, Error> {
    let value: Json = serde_json::from_slice(bytes).map_err(|_| Error::invalid("line", "is not JSON"))?;
    let Json::Object(members) = value else {
        return Err(Error::invalid("line", r#"must be a JSON object, such as {"sha256":"…","name":"…"}"#));
    };
    let mut line = Line::default();
    for (name, value) in members {
        let place = column(&name)?;
        line[place] = text(COLUMNS[place], value)?;
    }
    Ok(line)
}

fn text(column: &'static str, value: Json) -> Result<Option<String>, Error> {
    let wrong = || Error::invalid(column, "must be a text, or an array of texts where there are several");
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text)),
        Json::Object(_) if column == "metadata" => Ok(Some(value.to_string())),
        Json::Array(list) if ["roles", "scope", "allow", "deny"].contains(&column) => {
            let item = |item: &Json| item.as_str().filter(|text| !text.contains(' ')).map(ToOwned::to_owned);
            let list: Option<Vec<String>> = list.iter().map(item).collect();
            Ok(Some(list.ok_or_else(wrong)?.join(" ")))
        }
        _ => Err(wrong()),
    }
}

/// The key that a line describes. An empty column is one that was left out.
pub(super) fn key(line: &Line, defaults: &ImportDefaults, now: u64) -> Result<(NewKey, Digest), Error> {
    let given = |name: &str| {
        let place = COLUMNS.iter().position(|column| *column == name)?;
        line[place].as_deref().filter(|text| !text.is_empty())
    };
    let required = |name: &str| given(name).ok_or_else(|| Error::invalid(name, "is missing"));
    let slug = |name: &str, default: &Option<Slug>| match (given(name), default) {
        (Some(text), _) => Slug::parse(name, text),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(Error::invalid(name, "is missing, and the import names none for all lines")),
    };
    let list = |name: &str| given(name).unwrap_or_default().split(' ').filter(|text| !text.is_empty());
    let entries = |name: &str| list(name).map(|text| IpEntry::parse(name, text)).collect::<Result<Vec<_>, _>>();
    let digest = Digest::parse("sha256", required("sha256")?)?;
    let roles = match given("roles") {
        Some(_) => list("roles").map(|role| Slug::parse("roles", role)).collect::<Result<_, _>>()?,
        None => defaults.roles.clone(),
    };
    let scope = match given("scope") {
        None | Some("all") => Scope::All,
        Some(_) => Scope::List(list("scope").map(|service| Service::parse("scope", service)).collect::<Result<_, _>>()?),
    };
    let expires_at = match given("expires_at") {
        None | Some("never") => None,
        Some(text) => Some(future("expires_at", parse_time("expires_at", text, now)?, now)?),
    };
    let word = |name: &str, words: &[&str]| Error::invalid(name, format!("must be one of: {}", words.join(", ")));
    let mode = given("allow_mode").map(|w| from_word(&ALLOW_MODES, w).ok_or_else(|| word("allow_mode", &["any", "list"])));
    let order = given("order").map(|w| from_word(&ORDERS, w).ok_or_else(|| word("order", &["allow_first", "deny_first"])));
    let new = NewKey {
        org: slug("org", &defaults.org)?,
        owner: slug("owner", &defaults.owner)?,
        name: Name::parse("name", required("name")?)?,
        description: Description::parse("description", given("description").unwrap_or_default())?,
        roles,
        scope,
        ip: IpRules::new(mode.transpose()?, order.transpose()?.unwrap_or(ORDERS[0].1), entries("allow")?, entries("deny")?)?,
        not_before: given("not_before").map_or(Ok(None), |text| parse_start("not_before", text, now))?,
        expires_at,
        metadata: given("metadata").map_or(Ok(Metadata::default()), Metadata::parse)?,
        environment: match given("environment") {
            Some(text) => Some(Slug::parse("environment", text)?),
            None => defaults.environment.clone(),
        },
    };
    Ok((checked(&new)?, digest))
}
