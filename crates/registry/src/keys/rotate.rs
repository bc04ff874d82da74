//! A key gets a new secret, under the same id. In an overlap the old secret's record carries its own end, which every edge
//! enforces by its clock, whether a newer snapshot reaches it or not.

use edgelatch_core::key::KeyId;

use super::load::Loaded;
use super::once::Idempotency;
use super::rows::{Secret, changed, insert_secret};
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::model::{Caller, Changed, Created, Keep, Key, Once, Rotate, RotationMode, Slug, format_time as format};
use crate::registry::Registry;
use crate::store::args;
use crate::tenants::OrgRow;
use crate::transaction::{Act, check_revision, touch};

fn check(org: &OrgRow, key: &Key, rotate: &Rotate) -> Result<(), Error> {
    let settings = &org.settings;
    let refused = |reason: String| Err(Error::NotAllowed { field: "overlap".into(), reason });
    match settings.rotation {
        RotationMode::None => return refused("keys get no new secret here: make another key, then end this one".into()),
        RotationMode::InPlace if rotate.overlap > 0 => {
            return refused("the old secret ends at once here: leave the overlap out".into());
        }
        RotationMode::Overlap if rotate.overlap > settings.max_overlap => {
            return refused(format!(
                "{} seconds are more than the {} that an overlap may last",
                rotate.overlap, settings.max_overlap
            ));
        }
        RotationMode::InPlace | RotationMode::Overlap => {}
    }
    if key.revoked_at.is_some() {
        let reason = "is revoked; a new secret would be refused like the old one".into();
        return Err(Error::WrongState { id: key.key_id.to_string(), reason });
    }
    if settings.rotation_confirmed && rotate.confirm.as_deref() != Some(key.name.as_str()) {
        return Err(Error::Unconfirmed { what: "rotating a key" });
    }
    // A third secret would have to end somebody's overlap early, or live beside the two.
    if let Some(end) = key.overlap_until.filter(|_| rotate.overlap > 0) {
        let reason = format!(
            "its last secret lives beside the new one until {}; wait, or rotate without an overlap, which ends both",
            format(end)
        );
        return Err(Error::WrongState { id: key.key_id.to_string(), reason });
    }
    Ok(())
}

impl Act<'_> {
    /// Ends the secrets of a key after `overlap` seconds, or at once.
    fn end_secrets(&mut self, row: u64, overlap: u64) -> Result<(), Error> {
        if overlap == 0 {
            return self.session.run("DELETE FROM secrets WHERE key_id = $1", args![row]).map(|_| ());
        }
        self.session.run("DELETE FROM secrets WHERE key_id = $1 AND expires_at <= $2", args![row, self.now])?;
        self.session.run("UPDATE secrets SET expires_at = $2 WHERE key_id = $1", args![row, self.now + overlap]).map(|_| ())
    }
}

impl Registry {
    /// Gives a key a new secret, which is in the answer and nowhere else.
    pub fn rotate_key(&self, caller: &Caller, realm: &Slug, key_id: KeyId, rotate: &Rotate) -> Result<Created, Error> {
        match self.rotate_key_kept(caller, realm, key_id, rotate, None, &mut |_| Ok(()))? {
            Once::Done(created) => Ok(*created),
            Once::Repeated(_) => Err(Error::Repeated),
        }
    }

    /// The same for a request that may come twice.
    pub fn rotate_key_once(
        &self,
        caller: &Caller,
        realm: &Slug,
        key_id: KeyId,
        rotate: &Rotate,
        once: &Idempotency,
    ) -> Result<Once, Error> {
        self.rotate_key_kept(caller, realm, key_id, rotate, Some(once), &mut |_| Ok(()))
    }

    /// The same, with the secret handed to `keep` before the old one ends.
    pub fn rotate_key_kept(
        &self,
        caller: &Caller,
        realm: &Slug,
        key_id: KeyId,
        rotate: &Rotate,
        once: Option<&Idempotency>,
        keep: Keep<'_>,
    ) -> Result<Once, Error> {
        self.act(caller, realm, |act| {
            let (Loaded { row, key, .. }, org) = act.key(key_id)?;
            if act.repeated(once)?.is_some() {
                return Ok(Once::Repeated(Box::new(key)));
            }
            check_revision(rotate.if_revision, key.revision, Kind::Key, &key_id.to_string())?;
            check(&org, &key, rotate)?;
            let text = self.issue(&org.settings.prefix)?;
            act.end_secrets(row, rotate.overlap)?;
            insert_secret(act, row, &Secret::issued(&text))?;
            act.remember(once, key_id)?;
            act.session.run("UPDATE keys SET updated_at = $2, revision = revision + 1 WHERE id = $1", args![row, act.now])?;
            touch(act.session, act.realm)?;
            let Changed { key, warnings, .. } = changed(act.reload(key_id)?, true);
            let what = serde_json::json!({ "overlap_seconds": rotate.overlap, "revision": key.revision });
            act.log("key.rotate", &Target::key(&key), None, Some(what))?;
            keep(&text)?;
            Ok(Once::Done(Box::new(Created { key, secret: text, warnings })))
        })
    }
}
