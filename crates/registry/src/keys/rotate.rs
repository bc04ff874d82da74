//! A key gets a new secret, under the same id. In an overlap the old secret's record carries its own end, which every edge
//! enforces by its clock, whether a newer snapshot reaches it or not.

use edgelatch_core::key::KeyId;

use super::Keys;
use super::create::issue;
use super::load::Loaded;
use super::rows::{Secret, end_secrets};
use super::rules::TYPED_NAME;
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::journal::What;
use crate::model::{Caller, Changed, Created, Handover, Key, Once, Rotate, RotationMode, Settings, composed, format_time};
use crate::store::{Statements, args, fields};
use crate::transaction::{Change, check_revision};

fn check(settings: &Settings, key: &Key, rotate: &Rotate) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::not_allowed("overlap", reason));
    match settings.rotation {
        RotationMode::None => return refused("keys get no new secret here: make another key, then end this one".into()),
        RotationMode::InPlace if rotate.overlap > 0 => {
            return refused("the old secret ends at once here: leave the overlap out".into());
        }
        RotationMode::Overlap if rotate.overlap > settings.max_overlap => {
            let limit = settings.max_overlap;
            return refused(format!("{} seconds are more than the {limit} that an overlap may last", rotate.overlap));
        }
        RotationMode::InPlace | RotationMode::Overlap => {}
    }
    let wrong_state = |reason: String| Err(Error::WrongState { id: key.key_id.to_string(), reason });
    if key.revoked_at.is_some() {
        return wrong_state("is revoked; a new secret would be refused like the old one".into());
    }
    if settings.rotation_confirmed && rotate.confirm.as_deref().map(composed).as_deref() != Some(key.name.as_str()) {
        return Err(Error::Unconfirmed { what: "rotating a key", takes: TYPED_NAME });
    }
    // A third secret would have to end somebody's overlap early, or live beside the two.
    match key.overlap_until.filter(|_| rotate.overlap > 0) {
        Some(end) => wrong_state(format!(
            "its last secret lives beside the new one until {}; wait, or rotate without an overlap, which ends both",
            format_time(end)
        )),
        None => Ok(()),
    }
}

/// Ends the secrets of a key after `overlap` seconds, or at once.
fn end(change: &mut Change<'_>, row: u64, overlap: u64) -> Result<(), Error> {
    if overlap == 0 {
        return end_secrets(&mut change.tx, "key_id = $1", args![row]).map(drop);
    }
    let (now, end) = (change.now, change.now + overlap);
    end_secrets(&mut change.tx, "key_id = $1 AND expires_at <= $2", args![row, now])?;
    change.run("UPDATE secrets SET expires_at = $2 WHERE key_id = $1", args![row, end]).map(drop)
}

/// Gives a key a new secret, whatever its org's settings say, and logs it. The old one ends after `overlap` seconds.
pub(crate) fn renew(
    change: &mut Change<'_>,
    (row, key_id): (u64, KeyId),
    settings: &Settings,
    overlap: u64,
) -> Result<Created, Error> {
    change.check_grant(Grant::Key(row))?;
    let secret = issue(change.env, &settings.prefix)?;
    end(change, row, overlap)?;
    Secret::issued(&secret).add(change, row)?;
    let by = change.caller.actor().as_str();
    change.revise("key_rows", row, fields! { rotated_at: change.now, updated_at: change.now, updated_by: by })?;
    change.tx.touch(What::Key(row))?;
    let Changed { key, warnings, .. } = Changed::done(change.reload(key_id)?, settings);
    let what = serde_json::json!({ "overlap_seconds": overlap, "revision": key.revision });
    change.log("key.rotate", &Target::key(&key), None, Some(what))?;
    Ok(Created { key, secret, warnings })
}

impl Keys<'_> {
    /// Gives a key a new secret, which is in the answer, and nowhere else but where `handover` puts it before the old one ends.
    pub fn rotate(&self, caller: &Caller, key_id: KeyId, rotate: &Rotate, mut handover: Handover<'_>) -> Result<Once, Error> {
        self.0.change(caller, |change| {
            let (Loaded { row, key, .. }, org) = change.key(key_id, None)?;
            if change.repeated(handover.once)?.is_some() {
                return Ok(Once::Repeated(Box::new(key)));
            }
            check_revision(rotate.if_revision, key.revision, Kind::Key, &key_id.to_string())?;
            check(&org.settings, &key, rotate)?;
            let made = renew(change, (row, key_id), &org.settings, rotate.overlap)?;
            change.remember(handover.once, key_id)?;
            handover.put(&made.secret)?;
            Ok(Once::Done(Box::new(made)))
        })
    }
}
