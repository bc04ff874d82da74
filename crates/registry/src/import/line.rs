//! One line of an import, from CSV or JSON, as a key to be.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use crate::error::Error;
use crate::keys::tidy;
use crate::limits::{MAX_COLUMN_CHARS, MAX_COLUMN_DIGITS};
use crate::model::{
    Description, Digest, FromText, IpEntry, Metadata, Name, NewIpRules, NewKey, Scope, Service, Slug, Tag, parse_expiry,
    parse_start,
};

/// What stands for columns that a line leaves out. A line without an owner is for the org's only one.
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
const COLUMNS: &str = "sha256, name, org, owner, description, roles, scope, allow, deny, allow_mode, order, not_before, \
                       expires_at, metadata, environment, tags";

pub(super) type Line = BTreeMap<&'static str, String>;

/// The columns that a header names.
pub(super) fn header<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Result<Vec<&'static str>, Error> {
    if !names.clone().all(is_a_name) {
        let reason =
            "is missing: the first line looks like data; put one before it that names the columns, such as `sha256,name`";
        return Err(Error::invalid("header", reason));
    }
    let columns: Vec<&'static str> = names.map(column).collect::<Result<_, _>>()?;
    if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
        return Err(Error::invalid("header", "names a column twice"));
    }
    match ["sha256", "name"].into_iter().find(|needed| !columns.contains(needed)) {
        Some(needed) => Err(Error::invalid("header", format!("names no column `{needed}`"))),
        None => Ok(columns),
    }
}

/// The column of this name.
fn column(name: &str) -> Result<&'static str, Error> {
    let shown = if is_a_name(name) { name } else { "…" };
    let unknown = || Error::invalid("header", format!("`{shown}` is no column; there are: {COLUMNS}"));
    COLUMNS.split(", ").find(|column| *column == name).ok_or_else(unknown)
}

/// Whether a text may be what somebody calls a column, rather than a secret or a digest, which is not repeated.
fn is_a_name(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let word = |c: char| c.is_alphanumeric() || " _-.".contains(c);
    text.chars().count() <= MAX_COLUMN_CHARS && digits <= MAX_COLUMN_DIGITS && text.chars().all(word)
}

pub(super) fn from_json(bytes: &[u8]) -> Result<Line, Error> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let members = json.deserialize_map(Members).and_then(|members| json.end().map(|()| members));
    let members = members.map_err(|error| match error.is_data() {
        true => Error::invalid("line", r#"must be a JSON object, such as {"sha256":"…","name":"…"}"#),
        false => Error::invalid("line", "is not JSON"),
    })?;
    let (mut line, mut given) = (Line::new(), BTreeSet::new());
    for (name, value) in members {
        let column = column(&name)?;
        if !given.insert(column) {
            return Err(Error::invalid(column, "is given twice"));
        }
        line.extend(text(column, value)?.map(|text| (column, text)));
    }
    Ok(line)
}

/// The members of an object, each as often as it stands there: of two with one name nobody can tell which was meant.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Json)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        std::iter::from_fn(|| members.next_entry().transpose()).collect()
    }
}

fn text(column: &'static str, value: Json) -> Result<Option<String>, Error> {
    let wrong = || Error::invalid(column, "must be a text, or an array of texts where there are several");
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text)),
        Json::Object(_) if column == "metadata" => Ok(Some(value.to_string())),
        Json::Array(list) if ["roles", "scope", "allow", "deny", "tags"].contains(&column) => {
            let item = |item: &Json| item.as_str().filter(|text| !text.contains(' ')).map(ToOwned::to_owned);
            let list: Option<Vec<String>> = list.iter().map(item).collect();
            Ok(Some(list.ok_or_else(wrong)?.join(" ")))
        }
        _ => Err(wrong()),
    }
}

/// The key that a line describes. An empty column is one that was left out.
pub(super) fn key(line: &Line, defaults: &ImportDefaults, now: u64) -> Result<(NewKey, Digest), Error> {
    let given = |name: &str| line.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let required = |name: &str| given(name).ok_or_else(|| Error::invalid(name, "is missing"));
    let slug = |name: &str, default: &Option<Slug>| match given(name) {
        Some(text) => Slug::parse(name, text).map(Some),
        None => Ok(default.clone()),
    };
    let no_org = || Error::invalid("org", "is missing, and the import names none for all lines");
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
    let new = NewKey {
        org: slug("org", &defaults.org)?.ok_or_else(no_org)?,
        owner: slug("owner", &defaults.owner)?,
        name: Name::parse("name", required("name")?)?,
        description: Description::parse("description", given("description").unwrap_or_default())?,
        roles,
        scope,
        ip: NewIpRules {
            allow_mode: given("allow_mode").map(|word| FromText::parse("allow_mode", word)).transpose()?,
            order: given("order").map(|word| FromText::parse("order", word)).transpose()?,
            allow: entries("allow")?,
            deny: entries("deny")?,
        },
        not_before: given("not_before").map_or(Ok(None), |text| parse_start("not_before", text, now))?,
        expires_at: given("expires_at").map_or(Ok(None), |text| parse_expiry("expires_at", text, now))?,
        metadata: given("metadata").map_or(Ok(Metadata::default()), Metadata::parse)?,
        environment: slug("environment", &defaults.environment)?,
        tags: list("tags").map(|tag| Tag::parse("tags", tag)).collect::<Result<_, _>>()?,
    };
    Ok((tidy(&new)?, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_given_twice_is_refused_as_a_column_is() {
        let refused = |json: &str| from_json(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused(r#"{"name":"a","roles":["b"],"name":"c"}"#), "`name`: is given twice");
        assert_eq!(refused(r#"{"name":null,"name":"c"}"#), "`name`: is given twice");
        assert!(header(["sha256", "name", "name"].into_iter()).is_err());
        for (json, says) in [
            ("[1]", "a JSON object"),
            ("7", "a JSON object"),
            ("{\"name\":\"a\"", "not JSON"),
            ("{} {}", "not JSON"),
            ("nul", "not JSON"),
        ] {
            assert!(refused(json).contains(says), "{json}: {}", refused(json));
        }
        assert_eq!(from_json(br#" {"name":"a"} "#).unwrap().get("name").map(String::as_str), Some("a"));
    }
}
