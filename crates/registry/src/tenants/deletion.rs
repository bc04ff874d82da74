//! Realms are deleted: only once no edge accepts a key of it any more, for nobody could tell edges so afterwards.

use edgelatch_core::limits::MAX_GRACE;

use super::realms::find_realm;
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::model::{Caller, MANAGEMENT_REALM, Realm, Slug, format_time};
use crate::people::displaced;
use crate::registry::Registry;
use crate::store::{Statements, args, columns};
use crate::transaction::{Change, InRealm, RealmId, Transaction, check_revision};

/// Keys that are counted of those that stand in the way.
const COUNTED: u64 = 1_000;

columns! {
    /// What edges may hold: the newest epoch that every target has, with the step of the change counter that it shows.
    SHOWN: (u64, u64) = { epoch, changes } => (epoch, changes)
}

impl Registry {
    /// Deletes a realm, which is there for nobody from then on. `confirm` is its identifier, typed. Each of its keys must be revoked, and the epoch
    /// that shows it be published to every target, or every head have ended: no head is signed any more, so an edge that has not heard of it yet
    /// stops with the head that it has. What is left of the realm is removed by [`Registry::purge`], but for its audit log. Its name is not given again.
    pub fn delete_realm(
        &self,
        caller: &Caller,
        realm: &Slug,
        confirm: Option<&str>,
        if_revision: Option<u64>,
    ) -> Result<Realm, Error> {
        caller.check_realm()?;
        if realm.as_str() == MANAGEMENT_REALM {
            return Err(Error::invalid("realm", "is that of the management keys, which stays"));
        }
        let within = InRealm { registry: self, realm };
        let act = || {
            within.change(caller, |change| {
                let before = find_realm(change, realm)?;
                check_revision(if_revision, before.revision, Kind::Realm, realm.as_str())?;
                if confirm != Some(realm.as_str()) {
                    return Err(Error::Unconfirmed {
                        what: "deleting a realm",
                        takes: "the realm's identifier, typed exactly",
                    });
                }
                check_unused(change, realm)?;
                check_shown(change, realm, &before)?;
                displaced(change, None)?;
                let (row, now) = (change.tx.realm, change.now);
                change.run("UPDATE realms SET deleted_at = $2 WHERE id = $1", args![row, now])?;
                change.log("realm.delete", &Target::realm(realm, None), logged(&before), None)?;
                log_at_management(change, realm, &before)?;
                Ok(before)
            })
        };
        within.over_imports(act)
    }
}

fn in_use(realm: &Slug, reason: String) -> Error {
    Error::RealmInUse { id: realm.to_string(), reason }
}

fn check_unused(change: &mut Change<'_>, realm: &Slug) -> Result<(), Error> {
    let row = change.tx.realm;
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM keys k WHERE k.realm_id = $1 AND k.revoked_at IS NULL LIMIT {COUNTED}) found"
    );
    match change.count(sql, args![row])? {
        0 => {}
        keys => {
            let many = if keys == COUNTED { " or more" } else { "" };
            return Err(in_use(realm, format!("{keys}{many} of its keys are not revoked: revoke them first")));
        }
    }
    let imports: Vec<u64> = change.all("SELECT id FROM imports WHERE realm_id = $1 AND pending = 1", args![row])?;
    if imports.is_empty() { Ok(()) } else { Err(Error::Importing { kind: Kind::Realm, id: realm.to_string(), imports }) }
}

/// Refuses while an edge may hold a head that shows an earlier state.
fn check_shown(change: &mut Change<'_>, realm: &Slug, now_is: &Realm) -> Result<(), Error> {
    let (row, now) = (change.tx.realm, change.now);
    let rest = "FROM epochs WHERE realm_id = $1 AND published_at IS NOT NULL ORDER BY epoch DESC LIMIT 1";
    let shown = change.one(SHOWN.select(rest), args![row])?.is_some_and(|(_, changes)| changes >= now_is.changes);
    let ends: Option<u64> = change.one("SELECT max(not_after) FROM epochs WHERE realm_id = $1", args![row])?.flatten();
    // An edge may go on after that for as long as its host lets it.
    let ends = ends.map(|ends| ends.saturating_add(MAX_GRACE));
    match ends.filter(|ends| !shown && *ends > now) {
        None => Ok(()),
        Some(ends) => Err(in_use(
            realm,
            format!(
                "no epoch is published everywhere that shows its keys revoked, so edges may accept them: publish one, or wait until their heads have \
                 ended, {}",
                format_time(ends)
            ),
        )),
    }
}

/// The realm's own log is read by nobody any more; that of the management realm is, where there is one.
fn log_at_management(change: &mut Change<'_>, realm: &Slug, before: &Realm) -> Result<(), Error> {
    let (env, now, caller) = (change.env, change.now, change.caller);
    let sql = "SELECT id FROM realms WHERE slug = $1 AND deleted_at IS NULL";
    let Some(management) = change.one(sql, args![MANAGEMENT_REALM])? else { return Ok(()) };
    let mut beside = Change::unbounded(Transaction::over(change.session(), RealmId(management)), env, now, caller);
    beside.log("realm.delete", &Target::realm(realm, None), logged(before), None)
}
