//! The row that ends a change.

use serde::Serialize;
use serde_json::Value as Json;

use super::row::{AuditRow, end};
use crate::error::{Error, Kind};
use crate::model::{Key, Owner, Role, Slug};
use crate::store::{Statements, args, fields};
use crate::transaction::Change;

/// What a change is about.
pub(crate) struct Target<'t> {
    kind: Kind,
    id: String,
    org: Option<&'t Slug>,
}

impl<'t> Target<'t> {
    pub(crate) fn key(key: &'t Key) -> Self {
        Target { kind: Kind::Key, id: key.key_id.to_string(), org: Some(&key.org) }
    }

    pub(crate) fn owner(owner: &'t Owner) -> Self {
        Target { kind: Kind::Owner, id: owner.owner.to_string(), org: Some(&owner.org) }
    }

    pub(crate) fn role(role: &'t Role) -> Self {
        Target { kind: Kind::Role, id: role.role.to_string(), org: role.org.as_ref() }
    }

    pub(crate) fn org(org: &'t Slug) -> Self {
        Target { kind: Kind::Org, id: org.to_string(), org: Some(org) }
    }

    /// The whole realm, or one org's part of it.
    pub(crate) fn realm(realm: &Slug, org: Option<&'t Slug>) -> Self {
        Target { kind: Kind::Realm, id: realm.to_string(), org }
    }
}

impl Change<'_> {
    /// Writes the change's row: of what was changed, only the members that differ.
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
        let (last, hash) = end(&mut self.tx)?;
        let row = AuditRow {
            seq: last + 1,
            at: self.now,
            actor: self.caller.actor().to_string(),
            address: self.caller.address().map(|ip| ip.to_string()),
            action: action.into(),
            kind: target.kind.to_string(),
            target: target.id.clone(),
            org: target.org.map(ToString::to_string),
            before: before.map(|json| json.to_string()),
            after: after.map(|json| json.to_string()),
        };
        let hash = row.hash(&hash)?;
        let seq = row.seq;
        let row = fields! {
            realm_id: self.tx.realm, seq: seq, at: row.at, actor: row.actor, address: row.address, action: row.action,
            kind: row.kind, target: row.target, org: row.org, before: row.before, after: row.after, hash: &hash[..],
        };
        self.add("audit_log", row)?;
        let sql = "UPDATE realms SET audit_seq = $2, audit_hash = $3 WHERE id = $1";
        self.run(sql, args![self.tx.realm, seq, &hash[..]]).map(drop)
    }
}

/// What the log keeps of a thing. Of a secret it takes nothing, not even the characters that lists show; nor does it take what
/// changes with time and use alone.
pub(crate) fn logged(value: &impl Serialize) -> Option<Json> {
    const LEFT_OUT: &str =
        "first_12 masked days_left last_used_at last_used_ip uses refusals updated_at due_at state owner_disabled changes";
    let mut value = serde_json::to_value(value).ok()?;
    if let Json::Object(members) = &mut value {
        members.retain(|name, _| !LEFT_OUT.split(' ').any(|out| out == name));
    }
    Some(value)
}
