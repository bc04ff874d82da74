//! The activity log: who did what, from where, before and after. Rows are only ever added, and each carries a hash over
//! itself and the row before it, so that one that was removed or altered is found.
//!
//! ```text
//! hash(0) = SHA-256("edgelatch activity 1\n" realm)
//! hash(n) = SHA-256(hash(n-1) row(n))
//! row     = JSON array [seq, at, actor, address, action, kind, target, org, was, became]; was and became as their text
//! ```
//! Whoever can write the database can write a whole new chain; against them, keep the anchor that [`Registry::audit_verify`]
//! returns somewhere else, and hand it in the next time.

use edgelatch_core::tree::object_digest;
use serde::Serialize;
use serde::ser::SerializeStruct;

use super::act::{Act, Target};
use super::list::{page_size, write_cursor};
use crate::error::Error;
use crate::registry::{RealmId, Registry, realm_id};
use crate::store::{Row, Session, Value, args};
use crate::text::Slug;
use crate::time::format;

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its place in the realm's log, from 1.
    pub seq: u64,
    /// When.
    pub at: u64,
    /// Who: a key id, or `cli:` and a user.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// What, such as `key.edit`.
    pub action: String,
    /// What kind of thing it was done to.
    pub kind: String,
    /// Which one.
    pub target: String,
    /// In which org.
    pub org: Option<String>,
    /// What was different before, as JSON.
    pub was: Option<String>,
    /// What it is since, as JSON.
    pub became: Option<String>,
}

impl Serialize for Activity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let json = |text: &Option<String>| -> Option<serde_json::Value> { serde_json::from_str(text.as_deref()?).ok() };
        let mut row = to.serialize_struct("Activity", 10)?;
        row.serialize_field("seq", &self.seq)?;
        row.serialize_field("at", &format(self.at))?;
        row.serialize_field("actor", &self.actor)?;
        row.serialize_field("address", &self.address)?;
        row.serialize_field("action", &self.action)?;
        row.serialize_field("kind", &self.kind)?;
        row.serialize_field("target", &self.target)?;
        row.serialize_field("org", &self.org)?;
        row.serialize_field("before", &json(&self.was))?;
        row.serialize_field("after", &json(&self.became))?;
        row.end()
    }
}

impl Activity {
    fn hash(&self, last: &[u8]) -> Result<[u8; 32], Error> {
        let row = (
            self.seq,
            self.at,
            &self.actor,
            &self.address,
            &self.action,
            &self.kind,
            &self.target,
            &self.org,
            &self.was,
            &self.became,
        );
        let mut bytes = last.to_vec();
        serde_json::to_writer(&mut bytes, &row).map_err(|e| Error::Store { detail: e.to_string() })?;
        Ok(object_digest(&bytes))
    }
}

/// A point of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Anchor {
    /// How many rows it stands for.
    pub seq: u64,
    /// Hash over all of them, in hexadecimal digits.
    pub hash: String,
}

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only acts of this kind, such as `key.edit`.
    pub action: Option<String>,
    /// Only from this time on.
    pub since: Option<u64>,
    /// Only before this time.
    pub until: Option<u64>,
    /// At most this many; 0 stands for the default.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// One page of the log, newest first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityPage {
    /// The rows.
    pub activity: Vec<Activity>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

const COLUMNS: &str = "SELECT seq, at, actor, address, action, kind, target, org, was, became, hash FROM activity";

fn read(row: &Row<'_>) -> Result<Activity, Error> {
    let maybe = |at| Ok::<_, Error>(row.maybe_text(at)?.map(Into::into));
    Ok(Activity {
        seq: row.int(0)?,
        at: row.int(1)?,
        actor: row.text(2)?.into(),
        address: maybe(3)?,
        action: row.text(4)?.into(),
        kind: row.text(5)?.into(),
        target: row.text(6)?.into(),
        org: maybe(7)?,
        was: maybe(8)?,
        became: maybe(9)?,
    })
}

/// How many rows the realm's log has, and the hash of the last.
fn head(session: &mut dyn Session, realm: RealmId) -> Result<(u64, Vec<u8>), Error> {
    let sql = "SELECT activity_seq, activity_hash, slug FROM realms WHERE id = $1";
    let head = session.row(sql, args![realm.0], |row| match row.int(0)? {
        0 => Ok((0, genesis(row.text(2)?).to_vec())),
        seq => Ok((seq, row.blob(1)?.to_vec())),
    })?;
    head.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })
}

fn genesis(realm: &str) -> [u8; 32] {
    object_digest(format!("edgelatch activity 1\n{realm}").as_bytes())
}

/// Adds a row.
pub(super) fn append(
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

impl Registry {
    /// A page of the activity log, newest first.
    pub fn activity(&self, realm: &Slug, filter: &ActivityFilter) -> Result<ActivityPage, Error> {
        let limit = page_size(filter.limit)?;
        let before = filter.cursor.as_deref().map(super::list::read_number).transpose()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let mut values = vec![Value::from(realm.0)];
            let mut wheres = vec!["realm_id = $1".to_owned()];
            let texts = [
                ("org =", filter.org.as_ref().map(Slug::as_str)),
                ("actor =", filter.actor.as_deref()),
                ("target =", filter.target.as_deref()),
                ("action =", filter.action.as_deref()),
            ];
            let times = [("at >=", filter.since), ("at <", filter.until), ("seq <", before)];
            let texts = texts.into_iter().filter_map(|(test, text)| Some((test, Value::from(text?))));
            let times = times.into_iter().filter_map(|(test, at)| Some((test, Value::from(at?))));
            for (test, value) in texts.chain(times) {
                values.push(value);
                wheres.push(format!("{test} ${}", values.len()));
            }
            let sql = format!("{COLUMNS} WHERE {} ORDER BY seq DESC LIMIT {}", wheres.join(" AND "), limit + 1);
            let mut activity = session.rows(&sql, &values, read)?;
            let more = activity.len() > limit;
            activity.truncate(limit);
            let next = activity.last().filter(|_| more).map(|last| write_cursor(&last.seq));
            Ok(ActivityPage { activity, next })
        })
    }

    /// Recomputes the chain and returns its end. An `anchor` from an earlier run must lie on it. The first row that is
    /// missing or was altered is named in the error.
    pub fn audit_verify(&self, realm: &Slug, anchor: Option<&Anchor>) -> Result<Anchor, Error> {
        self.store.reading(|session| {
            let id = realm_id(session, realm)?;
            let (rows, end) = head(session, id)?;
            let altered = |seq, reason: &str| Error::Altered { seq, reason: reason.into() };
            let (mut seq, mut hash) = (0, genesis(realm.as_str()).to_vec());
            let mut anchored = anchor.is_none_or(|a| a.seq == 0);
            session.each(&format!("{COLUMNS} WHERE realm_id = $1 ORDER BY seq"), args![id.0], &mut |found| {
                let row = read(found)?;
                seq += 1;
                if row.seq != seq {
                    return Err(altered(seq, "is missing"));
                }
                hash = row.hash(&hash)?.to_vec();
                if found.blob(10)? != hash {
                    return Err(altered(seq, "was altered, or one before it was written anew"));
                }
                if anchor.is_some_and(|a| a.seq == seq) {
                    if anchor.is_some_and(|a| a.hash != hex(&hash)) {
                        return Err(altered(seq, "differs from the anchor: the log was written anew since"));
                    }
                    anchored = true;
                }
                Ok(())
            })?;
            match () {
                () if seq < rows => Err(altered(seq + 1, "is missing")),
                () if seq > rows || hash != end => Err(altered(seq, "is not the one that was written last")),
                () if !anchored => Err(altered(seq + 1, "is missing: the anchor lies beyond the end")),
                () => Ok(Anchor { seq, hash: hex(&hash) }),
            }
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
