//! People are removed: one by one, or with the place that they were invited to.

use edgelatch_core::key::KeyId;
use serde_json::json;

use super::place::Place;
use super::{Member, ORG, People};
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::journal::What;
use crate::keys::retire;
use crate::model::{Caller, MANAGEMENT_REALM, Owner, Slug};
use crate::store::{Statements, args, fields};
use crate::tenants::{check_unused, find_owner};
use crate::transaction::{Change, RealmId, Transaction};

/// Takes away a key, whatever keys of its org are meant for, and ends the sign-ins that were made with it.
pub(super) fn end_key(change: &mut Change<'_>, key_id: KeyId) -> Result<(), Error> {
    retire(change, key_id)?;
    change.run("DELETE FROM console_sessions WHERE key_id = $1", args![key_id.to_string()]).map(drop)
}

/// Takes away all keys of somebody and, unless they would be let in again, whoever stands for them.
fn remove(change: &mut Change<'_>, (row, owner): (u64, &Owner), was_invited: bool) -> Result<(), Error> {
    let keys: Vec<KeyId> = change.all("SELECT key_id FROM keys WHERE owner_id = $1 ORDER BY id", args![row])?;
    let said = json!({ "keys": keys.iter().map(ToString::to_string).collect::<Vec<_>>() });
    keys.into_iter().try_for_each(|key_id| end_key(change, key_id))?;
    change.log("person.remove", &Target::person(owner), Some(said), None)?;
    if was_invited {
        check_unused(change, (Kind::Owner, &owner.owner), "owner_id = $1", row)?;
        change.delete("owners", row)?;
        return change.log("owner.delete", &Target::owner(owner), logged(owner), None);
    }
    change.run("DELETE FROM person_grants WHERE owner_id = $1", args![row])?;
    if owner.disabled {
        return Ok(());
    }
    change.revise("owners", row, fields! { disabled: true })?;
    change.tx.touch(What::Owner(row))?;
    let after = Owner { disabled: true, ..owner.clone() };
    change.log("owner.edit", &Target::owner(owner), logged(owner), logged(&after))
}

/// Removes everybody who was invited to what is about to go: an org of the change's realm, or the realm with all of them. Nobody else could be told that
/// there is nothing left for them to do, and whoever comes by a link that is open would come to nothing.
pub(crate) fn displaced(change: &mut Change<'_>, org: Option<u64>) -> Result<(), Error> {
    let sql = "SELECT id FROM realms WHERE slug = $1 AND deleted_at IS NULL";
    let Some(management) = change.one(sql, args![MANAGEMENT_REALM])? else { return Ok(()) };
    let (test, place) = org.map_or(("realm_id", change.tx.realm.0), |org| ("org_id", org));
    let sql = format!("SELECT w.slug FROM people p JOIN owners w ON w.id = p.owner_id WHERE p.{test} = $1 ORDER BY w.id");
    let all: Vec<Slug> = change.all(sql, args![place])?;
    let (env, now, caller) = (change.env, change.now, change.caller.elsewhere());
    let mut beside = Change::unbounded(Transaction::over(change.session(), RealmId(management)), env, now, &caller);
    let org: Slug = ORG.parse()?;
    for person in all {
        let (row, owner) = find_owner(&mut beside.tx, &org, &person)?;
        remove(&mut beside, (row, &owner), true)?;
    }
    Ok(())
}

impl People<'_> {
    /// Takes away what somebody may do: their sign-ins and keys end at once, and an invitation that is open counts no more. Whom the server's rules let in
    /// would be let in again, and is locked out: enabling the owner who stands for them ends that. Returns them as they were.
    pub fn remove(&self, caller: &Caller, place: &Place, person: &Slug) -> Result<Member, Error> {
        let found = self.reached(caller, place, person)?;
        let caller = caller.elsewhere();
        self.within(|realm| {
            realm.over_imports(|| {
                realm.change(&caller, |change| {
                    let (row, owner) = find_owner(&mut change.tx, &ORG.parse()?, person)?;
                    remove(change, (row, &owner), found.key_id.is_some())
                })
            })
        })?;
        Ok(found)
    }
}
