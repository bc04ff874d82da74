//! The row that ends a change, and the event that tells of an act on a key.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::row::{AuditRow, end};
use crate::error::{Error, Kind};
use crate::model::{EventId, Key, Owner, Role, Slug};
use crate::outbox::{EventKind, News, about, raise};
use crate::store::{Statements, args, fields};
use crate::transaction::Change;

/// What a change is about.
pub(crate) struct Target<'t> {
    kind: Kind,
    id: String,
    org: Option<&'t Slug>,
    /// The key that it is, which is told of.
    key: Option<&'t Key>,
}

impl<'t> Target<'t> {
    fn of(kind: Kind, id: String, org: Option<&'t Slug>) -> Self {
        Target { kind, id, org, key: None }
    }

    pub(crate) fn key(key: &'t Key) -> Self {
        Target { key: Some(key), ..Target::of(Kind::Key, key.key_id.to_string(), Some(&key.org)) }
    }

    pub(crate) fn owner(owner: &'t Owner) -> Self {
        Target::of(Kind::Owner, owner.owner.to_string(), Some(&owner.org))
    }

    pub(crate) fn role(role: &'t Role) -> Self {
        Target::of(Kind::Role, role.role.to_string(), role.org.as_ref())
    }

    pub(crate) fn org(org: &'t Slug) -> Self {
        Target::of(Kind::Org, org.to_string(), Some(org))
    }

    /// The whole realm, or one org's part of it.
    pub(crate) fn realm(realm: &Slug, org: Option<&'t Slug>) -> Self {
        Target::of(Kind::Realm, realm.to_string(), org)
    }

    pub(crate) fn person(owner: &'t Owner) -> Self {
        Target::of(Kind::Person, owner.owner.to_string(), Some(&owner.org))
    }

    pub(crate) fn event(event: &EventId, org: Option<&'t Slug>) -> Self {
        Target::of(Kind::Event, event.to_string(), org)
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
        self.tell(action, target, after.as_ref())?;
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

/// Acts that are told of. Whatever ends a key's life or gives it a new one is logged as one of them, however it came about.
const TOLD: [(&str, EventKind); 7] = [
    ("key.create", EventKind::KeyCreated),
    ("key.import", EventKind::KeyCreated),
    ("keys.import", EventKind::KeysImported),
    ("key.rotate", EventKind::KeyRotated),
    ("key.revoke", EventKind::KeyRevoked),
    ("key.enable", EventKind::KeyEnabled),
    ("key.delete", EventKind::KeyDeleted),
];

impl Change<'_> {
    /// Raises the event of an act, of which `after` is what differs.
    fn tell(&mut self, action: &str, target: &Target<'_>, after: Option<&Json>) -> Result<(), Error> {
        let edited = || match after.filter(|_| action == "key.edit")?.get("revoked_at")? {
            Json::Null => Some(EventKind::KeyEnabled),
            _ => Some(EventKind::KeyRevoked),
        };
        let Some(kind) = TOLD.iter().find(|(told, _)| *told == action).map(|(_, kind)| *kind).or_else(edited) else {
            return Ok(());
        };
        let mut more = target.key.map_or_else(|| json!({}), about);
        more["actor"] = json!(self.caller.actor());
        for member in ["overlap_seconds", "imported"] {
            if let Some(value) = after.and_then(|after| after.get(member)) {
                more[member] = value.clone();
            }
        }
        let news = News { kind, org: target.org.map(Slug::as_str), key_id: target.key.map(|key| key.key_id), more };
        raise(&mut self.tx, self.env, self.now, news)
    }
}

/// What the log keeps of a thing. Of a secret it takes nothing, not even the characters that lists show; nor does it take what
/// changes with time and use alone.
pub(crate) fn logged(value: &impl Serialize) -> Option<Json> {
    const LEFT_OUT: &str = "first_12 masked days_left last_used_at last_used_ip uses refusals created_by updated_at updated_by due_at state owner_disabled changes warnings";
    let mut value = serde_json::to_value(value).ok()?;
    if let Json::Object(members) = &mut value {
        members.retain(|name, _| !LEFT_OUT.split(' ').any(|out| out == name));
    }
    Some(value)
}
