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
        before: Option<Json>,
        after: Option<Json>,
    ) -> Result<(), Error> {
        let (before, after) = match (before, after) {
            (Some(Json::Object(mut before)), Some(Json::Object(mut after))) => {
                after.retain(|name, value| before.get(name) != Some(value));
                before.retain(|name, _| after.contains_key(name));
                (Some(Json::Object(before)), Some(Json::Object(after)))
            }
            other => other,
        };
        append(self, action, target, before.map(|v| v.to_string()), after.map(|v| v.to_string()))
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
    before: Option<String>,
    after: Option<String>,
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
        before,
        after,
    };
    let hash = row.hash(&hash)?;
    let Activity { seq, at, actor, address, action, kind, target, org, before, after } = row;
    let sql = "INSERT INTO audit_log (realm_id, seq, at, actor, address, action, kind, target, org, before, after, hash) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values = args![act.realm.0, seq, at, actor, address, action, kind, target, org, before, after, &hash[..]];
    act.session.run(sql, values)?;
    let sql = "UPDATE realms SET audit_seq = $2, audit_hash = $3 WHERE id = $1";
    act.session.run(sql, args![act.realm.0, seq, &hash[..]]).map(|_| ())
}
