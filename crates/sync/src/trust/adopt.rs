//! From the newest root to the draft of the next one, and from that, signed, to the newest root.

use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_core::root::Root;
use edgelatch_registry::{Caller, Registry, RootRow, Slug, format_time};

use super::change::{Change, MIN_ROOT_LIFETIME};
use super::draft::RootDraft;
use crate::clock::check_clock;
use crate::data_dir::DataDir;
use crate::error::Error;

/// The newest root of a realm: its bytes, and what they say.
pub fn newest_root(registry: &Registry, realm: &Slug) -> Result<(Vec<u8>, Root), Error> {
    newest_of(&registry.ledger(realm).roots()?, realm)
}

pub(crate) fn newest_of(roots: &[RootRow], realm: &Slug) -> Result<(Vec<u8>, Root), Error> {
    let newest = roots.last().ok_or_else(|| Error::NoRoot { realm: realm.to_string() })?;
    let root = Root::open(&newest.object).map_err(|e| Error::BadRoot { version: newest.version, detail: e.to_string() })?;
    Ok((newest.object.clone(), root))
}

/// Whether those who hold `keys` can sign heads under `root`.
pub fn may_publish(root: &Root, keys: &[[u8; 32]]) -> Result<(), Error> {
    let held = root.publisher.keys().filter(|key| keys.contains(key)).count();
    let threshold = root.publisher.threshold();
    let detail = String::new();
    if held >= usize::from(threshold) {
        Ok(())
    } else {
        Err(Error::NotPublisher { version: root.version, held, threshold, detail })
    }
}

fn refused<T>(reason: String) -> Result<T, Error> {
    Err(Error::RootChange { reason })
}

/// The draft of the root that follows the newest one and differs from it by `change`. By a clock that is off, none is made; `dir` is where it was
/// noted what the clock said.
pub fn draft_of(registry: &Registry, realm: &Slug, dir: &DataDir, change: &Change) -> Result<RootDraft, Error> {
    let ((bytes, before), now) = (newest_root(registry, realm)?, registry.env().now()?);
    // No edge reads when a root was made, so one from the future is followed by one of the present: only which of the two clocks is right must be known.
    if !check_clock(registry, dir, now)? && before.issued_at > now.saturating_add(CLOCK_TOLERANCE) {
        let (last, now) = (format_time(before.issued_at), format_time(now));
        return refused(format!("the clock says {now}, but root {} was made at {last}: set the clock", before.version));
    }
    RootDraft::new(&bytes, &change.after(&before, now)?)
}

/// Makes a draft that has its signatures the realm's newest root. It must follow what is the newest now, those who hold `publishers` must be able to sign
/// heads under it, and it must be made by a clock that was right and have time left: else no head could be published any more, or soon.
pub fn adopt(
    registry: &Registry,
    realm: &Slug,
    dir: &DataDir,
    caller: &Caller,
    draft: &RootDraft,
    publishers: &[[u8; 32]],
) -> Result<(), Error> {
    let (newest, root) = newest_root(registry, realm)?;
    if newest != draft.before_bytes() {
        return Err(Error::RootDraftStale { version: draft.next().version, newest: root.version });
    }
    may_publish(draft.next(), publishers)?;
    let now = registry.env().now()?;
    check_clock(registry, dir, now)?;
    check_times(draft.next(), now, registry.ledger(realm).pace()?.head_lifetime)?;
    let row = RootRow { version: draft.next().version, object: draft.finish()? };
    Ok(registry.ledger(realm).follow_root(caller, &row)?)
}

/// Refuses a root from the future, and one that is over or nearly so: signatures may have been gathered for long.
fn check_times(next: &Root, now: u64, head_lifetime: u64) -> Result<(), Error> {
    let (version, told) = (next.version, format_time(now));
    if next.issued_at > now.saturating_add(CLOCK_TOLERANCE) {
        let made = format_time(next.issued_at);
        return refused(format!(
            "root {version} was made at {made}, and it is {told}: make a new draft where the clock is right"
        ));
    }
    if next.expires_at.saturating_sub(now) < least_rest(next, head_lifetime) {
        let end = format_time(next.expires_at);
        return refused(format!(
            "root {version} ends at {end}, and it is {told}: heads under it would end with it before another root can be signed; make a new draft"
        ));
    }
    Ok(())
}

/// Seconds that must be left of a root when it becomes the newest: a day, in which another can be signed, and a head's life. One that has a short life
/// must have half of it.
pub fn least_rest(root: &Root, head_lifetime: u64) -> u64 {
    let life = root.expires_at.saturating_sub(root.issued_at);
    MIN_ROOT_LIFETIME.max(head_lifetime).min(life / 2)
}
