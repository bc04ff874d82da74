//! What can be decided of a line without the other lines.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::batch::Ready;
use crate::directory::{Repeated, granted, policy, role_set, scope};
use crate::error::Error;
use crate::keys::{KEY_LIMITS, Secret, check_new, environment_of, new_key_id, new_row, terms_of};
use crate::model::{Authority, Digest, Looks, NewKey, Origin, Slug};
use crate::registry::Env;
use crate::tenants::{OrgRow, RoleRow, find_role, owner_id};
use crate::transaction::{Change, Transaction};

/// What was looked up before: of a million lines, most name the same few.
#[derive(Default)]
pub(super) struct Known {
    orgs: HashMap<Slug, (OrgRow, Room)>,
    owners: HashMap<(u64, Option<Slug>), u64>,
    roles: HashMap<(u64, Slug), RoleRow>,
    /// Numbers of the roles that an owner has, where its keys have them.
    granted: HashMap<u64, Vec<u32>>,
    pub(super) directory: Repeated,
}

/// How many more keys an org may have by each of its limits, beside the limit; none for no limit.
type Room = [Option<(u64, u64)>; KEY_LIMITS.len()];

impl Known {
    /// The orgs that lines have named.
    pub(super) fn orgs(&self) -> impl Iterator<Item = &OrgRow> {
        self.orgs.values().map(|(org, _)| org)
    }

    /// Whether a line has named an org.
    pub(super) fn knows(&self, org: &str) -> bool {
        org.parse().is_ok_and(|org: Slug| self.orgs.contains_key(&org))
    }

    /// A line's key as only another key's name or digest could stand in its way.
    pub(super) fn check(&mut self, change: &mut Change<'_>, env: &Env, new: &NewKey, digest: &Digest) -> Result<Ready, Error> {
        let (org, room) = remembered(&mut self.orgs, new.org.clone(), || {
            let (org, mut room) = (change.org(&new.org)?, Room::default());
            for (left, limit) in room.iter_mut().zip(&KEY_LIMITS) {
                *left = limit.count(change, &org)?.map(|(most, found)| (most, most.saturating_sub(found)));
            }
            Ok((org, room))
        })?;
        let ip = check_new(&org.settings, new, change.now, Origin::Imported)?;
        let find = || owner_id(&mut change.tx, org.id, new.owner.as_ref());
        let owner = *remembered(&mut self.owners, (org.id, new.owner.clone()), find)?;
        let mut roles: Vec<RoleRow> = Vec::new();
        for role in new.roles.iter().filter(|_| org.settings.authority == Authority::Roles) {
            let find = || find_role(&mut change.tx, org.id, role);
            roles.push(*remembered(&mut self.roles, (org.id, role.clone()), find)?);
        }
        for (left, limit) in room.iter_mut().zip(&KEY_LIMITS) {
            let Some((most, left)) = left else { continue };
            let reached = || limit.reached(*most, "import fewer, or have the limit raised");
            *left = left.checked_sub(1).ok_or_else(reached)?;
        }
        let find = |tx: &mut Transaction<'_>| {
            granted(tx, org.settings.authority, owner, roles.iter().map(|role: &RoleRow| role.number))
        };
        let granted = match org.settings.authority {
            Authority::Owner => remembered(&mut self.granted, owner, || find(&mut change.tx))?.clone(),
            Authority::Roles | Authority::Org => find(&mut change.tx)?,
        };
        let key = new_row(change, (org, owner), new_key_id(env)?, (new, &ip), Origin::Imported);
        let environment = environment_of(&org.settings, new.environment.as_ref()).map(Slug::as_str);
        let roles_of = roles.iter().map(|role| role.id);
        let terms = terms_of((&new.name, &new.description), &new.tags, roles_of, environment, &new.scope);
        let name = new.name.to_string();
        Ok(Ready {
            key,
            looks: Looks::of(&name),
            name,
            org: org.id,
            unique: org.settings.unique_names,
            secret: Secret::imported(digest),
            roles,
            scope: new.scope.clone(),
            tags: new.tags.clone(),
            terms,
            needs: [role_set(granted), scope(&new.scope), policy(&ip)],
            ip,
        })
    }
}

/// What was found under a key before, or is found now.
fn remembered<K: Eq + Hash, V>(
    all: &mut HashMap<K, V>,
    key: K,
    find: impl FnOnce() -> Result<V, Error>,
) -> Result<&mut V, Error> {
    Ok(match all.entry(key) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(place) => place.insert(find()?),
    })
}
