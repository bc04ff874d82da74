//! Imports that are under way. What one writes is there for nobody until it is done: the view `keys` leaves out what pending imports have
//! brought, so that a million rows come in by many short transactions, and come into being by one. Others act in between; an act that
//! would have been another one after the import, or the import another one after it, breaks the import off.
//!
//! An import that ends otherwise, or whose process died, is removed in short transactions too.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use edgelatch_core::build::Table;

use crate::directory::{Numbers, leave_all, show_all};
use crate::error::Error;
use crate::journal::What;
use crate::keys::room;
use crate::limits::{ENTRY_ROWS, IMPORT_LEASE, IMPORT_PAUSE_MILLIS, IMPORT_ROWS, JOURNAL_ROWS, MAX_TIME};
use crate::registry::Registry;
use crate::store::{Session, Statements, Store, args, fields};
use crate::transaction::{InRealm, RealmId, Transaction};

/// The rows of an import. SQLite looks them up by their index only where it is told that they belong to one.
const BROUGHT: &str = "import_id = $1 AND import_id > 0";

/// An import that this process has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    realm: RealmId,
    id: u64,
    /// Acts in the realm's audit log that it has heeded.
    heeded: u64,
}

impl Pending {
    /// Begins one. What the transaction writes from here on belongs to it.
    pub(crate) fn begin(tx: &mut Transaction<'_>, now: u64) -> Result<Pending, Error> {
        let row = fields! { realm_id: tx.realm, begun_at: now, lease_until: now + IMPORT_LEASE };
        let id = tx.add_new("imports", row)?.ok_or_else(|| Error::Store { detail: "an import has no number".into() })?;
        tx.import = id;
        Ok(Pending { realm: tx.realm, id, heeded: acts(tx)? })
    }

    /// Goes on in another transaction, unless somebody did meanwhile what it has read otherwise: changed anything but a key in one of the
    /// orgs that it `knows`, or in the whole realm. What people call the realm, and what they are told again, is nothing that it reads.
    pub(crate) fn go_on(&mut self, tx: &mut Transaction<'_>, now: u64, knows: impl Fn(&str) -> bool) -> Result<(), Error> {
        let sql = "SELECT action, target, org FROM audit_log WHERE realm_id = $1 AND seq > $2 AND lower(action) NOT LIKE 'key%' \
                   AND action NOT IN ('event.redeliver', 'realm.edit') ORDER BY seq";
        let since: Vec<(String, String, Option<String>)> = tx.all(sql, args![tx.realm, self.heeded])?;
        let one = since.into_iter().find(|(_, _, org)| org.as_deref().is_none_or(&knows));
        if let Some((action, target, _)) = one {
            return Err(Error::Overtaken { act: format!("`{action}` of `{target}`") });
        }
        let sql = "UPDATE imports SET lease_until = $2 WHERE id = $1 AND pending = 1 AND broken = 0";
        if tx.run(sql, args![self.id, now + IMPORT_LEASE])? == 0 {
            return Err(Error::Overtaken { act: "the end of its lease, or a deletion of what it refers to,".into() });
        }
        self.heeded = acts(tx)?;
        tx.import = self.id;
        Ok(())
    }

    /// Lets everything be there that it has written, and the next snapshot have it.
    pub(crate) fn finish(self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        tx.run("UPDATE imports SET pending = 0 WHERE id = $1", args![self.id])?;
        let sql = format!("SELECT id FROM key_rows WHERE {BROUGHT} LIMIT {}", JOURNAL_ROWS + 1);
        let keys: Vec<u64> = tx.all(sql, args![self.id])?;
        tx.touch_all(keys.into_iter().map(What::Key))?;
        show_all(tx, self.id)
    }

    /// Removes everything that it has written.
    pub(crate) fn undo(self, registry: &Registry) -> Result<(), Error> {
        remove(&*registry.store, self.realm, self.id, None).map(drop)
    }
}

/// How many acts the realm's audit log has.
fn acts(tx: &mut Transaction<'_>) -> Result<u64, Error> {
    tx.count("SELECT audit_seq FROM realms WHERE id = $1", args![tx.realm])
}

/// Lets others have a turn between two transactions of many.
pub(crate) fn give_way() {
    sleep(Duration::from_millis(IMPORT_PAUSE_MILLIS));
}

/// Breaks an import off, unless its lease is good at that moment, if one is given, and removes what it has written. Returns how many keys those were.
fn remove(store: &dyn Store, realm: RealmId, id: u64, dead_at: Option<u64>) -> Result<u64, Error> {
    let sql = "UPDATE imports SET broken = 1 WHERE id = $1 AND pending = 1 AND (broken = 1 OR lease_until < $2)";
    let breaks_off = |session: &mut dyn Session| session.run(sql, args![id, dead_at.unwrap_or(MAX_TIME + 1)]);
    if store.writing(breaks_off)? == 0 {
        return Ok(0);
    }
    let mut removed = 0;
    loop {
        let keys = store.writing(|session| {
            let mut tx = Transaction::over(session, realm);
            tx.import = id;
            remove_some(&mut tx)
        })?;
        if keys == 0 {
            return Ok(removed);
        }
        removed += keys;
        give_way();
    }
}

/// Removes some of the keys of the import that is written. When there is none left, it is pending no more.
fn remove_some(tx: &mut Transaction<'_>) -> Result<u64, Error> {
    let import = tx.import;
    let sql = format!(
        "SELECT k.id, k.org_id, k.role_set, k.scope, k.policy, (SELECT count(*) FROM key_ips x WHERE x.key_id = k.id) \
         FROM key_rows k WHERE {BROUGHT} ORDER BY k.id LIMIT {}",
        IMPORT_ROWS / 3
    );
    let (mut keys, mut last, mut rows) = (0, None, 0);
    let mut uses: BTreeMap<(u64, Table, u32), u64> = BTreeMap::new();
    tx.each(sql, args![import], |(id, org, role_set, scope, policy, ips): (u64, u64, u32, u32, u32, u64)| {
        if rows >= IMPORT_ROWS {
            return Ok(());
        }
        rows += 3 + usize::try_from(ips).unwrap_or(IMPORT_ROWS);
        for (table, number) in (Numbers { role_set, scope, policy }).entries() {
            let keys = uses.entry((org, table, number)).or_default();
            rows += if *keys == 0 { ENTRY_ROWS } else { 0 };
            *keys += 1;
        }
        (keys, last) = (keys + 1, Some(id));
        Ok(())
    })?;
    let Some(last) = last else {
        return tx.run("UPDATE imports SET pending = 0 WHERE id = $1", args![import]).map(|_| 0);
    };
    tx.session().sized(keys)?;
    leave_all(tx, uses)?;
    let brought = format!("key_id IN (SELECT id FROM key_rows WHERE {BROUGHT} AND id <= $2)");
    room::leave(tx, &brought, args![import, last])?;
    tx.run(&format!("DELETE FROM key_rows WHERE {BROUGHT} AND id <= $2"), args![import, last])?;
    Ok(keys)
}

impl Registry {
    /// Removes what imports have left that were broken off or whose process died. Returns how many keys those were.
    pub(crate) fn remove_dead_imports(&self) -> Result<u64, Error> {
        let now = self.env.now()?;
        let sql = "SELECT realm_id, id FROM imports WHERE pending = 1 AND (broken = 1 OR lease_until < $1)";
        let dead: Vec<(u64, u64)> = self.store.reading(|session| session.all(sql, args![now]))?;
        dead.into_iter().try_fold(0, |sum, (realm, id)| Ok(sum + remove(&*self.store, RealmId(realm), id, Some(now))?))
    }
}

impl InRealm<'_> {
    /// Acts, also where only what pending imports have written stands in the way ([`Error::Importing`]): nobody waits for an import, so those
    /// are broken off.
    pub(crate) fn over_imports<T>(&self, act: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let imports = match act() {
            Err(Error::Importing { imports, .. }) => imports,
            result => return result,
        };
        let realm = self.read(|tx| Ok(tx.realm))?;
        for id in imports {
            remove(&*self.registry.store, realm, id, None)?;
        }
        act()
    }
}
