//! The row that ends an act.

use serde::Serialize;
use serde_json::Value as Json;

use super::row::{Activity, head};
use crate::error::{Error, Kind};
use crate::model::{Key, Slug};
use crate::store::args;
use crate::transaction::Act;

/// What an act is about.
pub(crate) struct Target<'e> {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) org: Option<&'e Slug>,
}

impl<'e> Target<'e> {
    pub(crate) fn key(key: &'e Key) -> Self {
        Target { kind: Kind::Key, id: key.key_id.to_string(), org: Some(&key.org) }
    }

    pub(crate) fn org(org: &'e Slug) -> Self {
        Target { kind: Kind::Org, id: org.to_string(), org: Some(org) }
    }

    pub(crate) fn party(kind: Kind, id: &Slug, org: Option<&'e Slug>) -> Self {
        Target { kind, id: id.to_string(), org }
    }
}

impl Act<'_> {
    /// Writes the act's row: of what changed, only the members that differ.
    pub(crate) fn log(
        &mut self,
        action: &str,
        target: &Target<'_>,
        was: Option<Json>,
        became: Option<Json>,
    ) -> Result<(), Error> {
        let (was, became) = match (was, became) {
            (Some(Json::Object(mut was)), Some(Json::Object(mut became))) => {
                became.retain(|name, value| was.get(name) != Some(value));
                was.retain(|name, _| became.contains_key(name));
                (Some(Json::Object(was)), Some(Json::Object(became)))
            }
            other => other,
        };
        append(self, action, target, was.map(|v| v.to_string()), became.map(|v| v.to_string()))
    }
}

/// What the log keeps of a thing. Of a secret it takes nothing, not even the characters that lists show; what time and use
/// change by themselves is no act.
pub(crate) fn logged(value: &impl Serialize) -> Option<Json> {
    const LEFT_OUT: [&str; 12] = [
        "first_12",
        "masked",
        "days_left",
        "last_used_at",
        "last_used_ip",
        "uses",
        "refusals",
        "updated_at",
        "due_at",
        "state",
        "owner_disabled",
        "changes",
    ];
    let mut value = serde_json::to_value(value).ok()?;
    if let Json::Object(members) = &mut value {
        members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
    }
    Some(value)
}

/// Adds a row.
fn append(
    act: &mut Act<'_>,
    action: &str,
    target: &Target<'_>,
    was: Option<String>,
    became: Option<String>,
) -> Result<(), Error> {
    let (last, hash) = head(act.session, act.realm)?;
    let row = Activity {
        seq: last + 1,
        at: act.now,
        actor: act.caller.actor().to_string(),
        address: act.caller.address().map(|ip| ip.to_string()),
        action: action.into(),
        kind: target.kind.word().into(),
        target: target.id.clone(),
        org: target.org.map(ToString::to_string),
        was,
        became,
    };
    let hash = row.hash(&hash)?;
    let Activity { seq, at, actor, address, action, kind, target, org, was, became } = row;
    let sql = "INSERT INTO activity (realm_id, seq, at, actor, address, action, kind, target, org, was, became, hash) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = args![act.realm.0, seq, at, actor, address, action, kind, target, org, was, became, &hash[..]];
    act.session.run(sql, values)?;
    let sql = "UPDATE realms SET activity_seq = $2, activity_hash = $3 WHERE id = $1";
    act.session.run(sql, args![act.realm.0, seq, &hash[..]]).map(|_| ())
}
