//! Every key that a filter fits is changed in the same way: tried first, key by key, so that nothing is changed if one of them cannot be.

use std::collections::BTreeMap;

use edgelatch_core::key::KeyId;
use serde::Serialize;

use super::Keys;
use super::bulk::{Matched, Orgs, check_accepted};
use super::edit::apply;
use crate::audit::Target;
use crate::error::Error;
use crate::limits::{BULK_KEYS, MAX_REFUSED_KEYS};
use crate::model::{Caller, Changed, Key, KeyEdit, KeyFilter, display, future};
use crate::pending::give_way;
use crate::tenants::OrgRow;
use crate::transaction::Change;

/// A key that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RefusedKey {
    /// Its public id.
    #[serde(serialize_with = "display")]
    #[schema(value_type = String, pattern = "^key_[0-9A-Za-z]{11}$")]
    pub key_id: KeyId,
    /// Stable name of the reason.
    pub code: &'static str,
    /// The member of the edit that does not fit.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// A remark on some of the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BulkWarning {
    /// Stable name of the remark.
    pub code: &'static str,
    /// What it says of the first of them.
    pub message: String,
    /// How many keys it is about.
    pub keys: u64,
}

/// What an edit of many keys did, or would do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulkEdited {
    /// Keys that the filter fits.
    pub matched: u64,
    /// How many of them differ from before.
    pub changed: u64,
    /// Keys that cannot be changed so, at most 20 of them: nothing is changed if there is one.
    pub refusals: Vec<RefusedKey>,
    /// What there is to say of those that differ, as of each that is edited by itself: such as that every address may use them from then on.
    pub warnings: Vec<BulkWarning>,
    /// Whether they were changed, rather than only counted and tried.
    pub done: bool,
    /// Some of them, to look at before confirming.
    pub sample: Vec<Key>,
}

/// Remarks on keys, each kind once.
#[derive(Default)]
struct Remarks(BTreeMap<&'static str, BulkWarning>);

impl Remarks {
    fn add(&mut self, changed: &Changed) {
        for warning in changed.warnings.iter().filter(|_| changed.changed) {
            let new = || BulkWarning { code: warning.code(), message: warning.to_string(), keys: 0 };
            self.0.entry(warning.code()).or_insert_with(new).keys += 1;
        }
    }
}

/// Why an edit of many keys stopped.
struct Stopped {
    /// The key that it was about, with its row; none if it was about none in particular.
    at: Option<(u64, KeyId)>,
    error: Error,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped { at: None, error }
    }
}

/// Whether an error is one key's, so that the next ones are worth a look. That the caller's own key does not hold what it grants is not.
fn is_about_a_key(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid { .. }
            | Error::NotFound { .. }
            | Error::NameTaken { .. }
            | Error::NotAllowed { .. }
            | Error::LimitReached { .. }
            | Error::WrongState { .. }
    )
}

/// Changes some of the keys; returns how many differ from before.
fn edit_some(
    change: &mut Change<'_>,
    all: &Matched<'_>,
    rows: &[u64],
    edit: &KeyEdit,
    remarks: &mut Remarks,
) -> Result<u64, Stopped> {
    let (mut orgs, mut changed) = (Orgs::default(), 0);
    let mut revived: BTreeMap<u64, (OrgRow, (u64, KeyId))> = BTreeMap::new();
    for loaded in all.still(change, rows)? {
        let at = (loaded.row, loaded.key.key_id);
        let org = orgs.get(change, &loaded.key.org)?;
        let edited = apply(change, loaded, &org, edit).map_err(|error| Stopped { at: Some(at), error })?;
        changed += u64::from(edited.changed.changed);
        remarks.add(&edited.changed);
        if edited.revived {
            revived.insert(org.id, (org, at));
        }
    }
    // Once for all of them, for to count an org's keys takes its time.
    for (org, at) in revived.into_values() {
        change.check_limits(&org).map_err(|error| Stopped { at: Some(at), error })?;
    }
    Ok(changed)
}

impl Keys<'_> {
    /// Changes every key that a filter fits. Without `confirm` they are counted and the edit is tried on each, and nothing is changed; with it,
    /// that count must still be right, and the edit is made unless one of the keys refuses it. It is made by short transactions, so that nobody
    /// waits for them; what one has changed stays changed also if a later one fails ([`Error::Partly`]): where others have filled up an org
    /// meanwhile, or the keys reach a limit, or meet in a name, together that none reaches with the few of its own transaction. What the filter does not fit any more by then is left alone. `progress` hears how many were changed.
    pub fn edit_all(
        &self,
        caller: &Caller,
        filter: &KeyFilter,
        edit: &KeyEdit,
        confirm: Option<u64>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<BulkEdited, Error> {
        check(edit, self.0.now()?)?;
        let all = self.matched(caller, filter, "1 = 1")?;
        confirm.map_or(Ok(()), |expected| all.check(expected))?;
        let mut remarks = Remarks::default();
        let (changed, refusals) = self.try_edit(caller, &all, edit, &mut remarks)?;
        let warnings = remarks.0.into_values().collect();
        let done = confirm.is_some() && refusals.is_empty();
        let changed = if done { self.make_edit(caller, &all, edit, progress)? } else { changed };
        Ok(BulkEdited { matched: all.rows.len() as u64, changed, refusals, warnings, done, sample: all.sample })
    }

    /// Tries an edit and takes it back: how many keys would differ, and which cannot be changed so.
    fn try_edit(
        &self,
        caller: &Caller,
        all: &Matched<'_>,
        edit: &KeyEdit,
        remarks: &mut Remarks,
    ) -> Result<(u64, Vec<RefusedKey>), Error> {
        let (mut rest, mut changed, mut refusals) = (&all.rows[..], 0, Vec::new());
        while !rest.is_empty() && refusals.len() < MAX_REFUSED_KEYS {
            let (some, others) = rest.split_at(BULK_KEYS.min(rest.len()));
            let mut tried = None;
            let undone = self.0.change(caller, |change| {
                check_accepted(change)?;
                tried = Some(edit_some(change, all, some, edit, remarks));
                // Any error undoes the transaction; this one is seen by nobody.
                Err::<(), _>(Error::Busy)
            });
            rest = match tried {
                None => return undone.map(|()| (changed, refusals)),
                Some(Ok(differ)) => {
                    changed += differ;
                    others
                }
                Some(Err(Stopped { at: Some((row, key_id)), error })) if is_about_a_key(&error) => {
                    let field = error.field().map(Into::into);
                    refusals.push(RefusedKey { key_id, code: error.code(), field, reason: error.to_string() });
                    rest.get(rest.partition_point(|other| *other <= row)..).unwrap_or_default()
                }
                Some(Err(Stopped { error, .. })) => return Err(error),
            };
            give_way();
        }
        Ok((changed, refusals))
    }

    fn make_edit(
        &self,
        caller: &Caller,
        all: &Matched<'_>,
        edit: &KeyEdit,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, Error> {
        self.by_parts(caller, &all.rows, progress, |change, part| {
            let changed = edit_some(change, all, part.rows, edit, &mut Remarks::default()).map_err(|stopped| stopped.error)?;
            if part.is_last {
                let mut what = all.logged("edited", part.before + changed)?;
                what["members"] = edit.named().map(|(_, member)| member).collect::<Vec<_>>().into();
                change.log("keys.edit", &Target::realm(self.0.realm, all.org()), None, Some(what))?;
            }
            Ok(changed)
        })
    }
}

/// Refuses what is no edit of many keys.
fn check(edit: &KeyEdit, now: u64) -> Result<(), Error> {
    if edit.is_empty() {
        return Err(Error::invalid("edit", "names nothing to change"));
    }
    if edit.name.is_some() {
        return Err(Error::invalid("name", "is one key's own: rename keys one by one"));
    }
    match edit.expires_at {
        Some(Some(at)) => future("expires_at", at, now).map(drop),
        _ => Ok(()),
    }
}
