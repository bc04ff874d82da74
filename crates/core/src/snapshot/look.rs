//! Looking things up. What is missing is named, so that it can be fetched and the question asked again.

use super::{Location, Snapshot, place_of};
use crate::permission::{self, Wanted};
use crate::policy::PolicyView;
use crate::tree::Place;
use crate::tree::chunk::{Chunk, RoleSet, RoleView, Scope, Table, chunk_of};
use crate::tree::shard::{Shard, shard_of};
use crate::work;

/// Why a tree cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The object at this place is not here.
    Missing(Place),
    /// A reference leads to nothing.
    Broken,
}

impl Snapshot {
    /// The record with this truncated digest.
    #[inline]
    pub(crate) fn find(&self, high: u64, low: u64) -> Result<Option<(Location, Shard<'_>)>, Lack> {
        let number = shard_of(high, self.shard_bits);
        let shard = self.shard(number)?;
        let found = shard.find(self.shard_bits, high, low);
        Ok(found.and_then(|index| Some((Location { shard: number, index: u32::try_from(index).ok()? }, shard))))
    }

    /// Shard `number`.
    #[inline]
    pub(crate) fn shard(&self, number: u32) -> Result<Shard<'_>, Lack> {
        let (page, index) = place_of(number);
        let missing = || u32::try_from(page).map_or(Lack::Broken, |page| Lack::Missing(Place::Page(page)));
        let page = self.pages.get(page).ok_or(Lack::Broken)?.as_deref().ok_or_else(missing)?;
        let lack = if index < page.shards { Lack::Missing(Place::Shard(number)) } else { Lack::Broken };
        let leaf = page.leaves.get(index).ok_or(lack)?;
        work::read(leaf);
        leaf.shard().ok_or(Lack::Broken)
    }

    /// The bytes of an entry of the directory. Number 0 is none in every table, and not asked for.
    #[inline]
    fn entry(&self, table: Table, number: u32) -> Result<&[u8], Lack> {
        let (chunk, place) = chunk_of(number);
        let directory = self.directory.as_deref().ok_or(Lack::Missing(Place::Directory))?;
        let found = directory.chunk(table, chunk).ok_or(Lack::Broken)?;
        let bytes = found.ok_or(Lack::Missing(Place::Chunk(table, chunk)))?;
        Chunk::trusted(bytes).and_then(|chunk| chunk.entry(place)).ok_or(Lack::Broken)
    }

    /// The IP policy with a number that is not 0.
    #[inline]
    pub(crate) fn policy(&self, number: u32) -> Result<PolicyView<'_>, Lack> {
        self.entry(Table::Policies, number).map(PolicyView::new_unchecked_len)
    }

    /// The services of a scope; `None` for all.
    pub(crate) fn scope(&self, number: u32) -> Result<Option<Scope<'_>>, Lack> {
        match number {
            0 => Ok(None),
            number => Scope::trusted(self.entry(Table::Scopes, number)?).map(Some).ok_or(Lack::Broken),
        }
    }

    /// The roles of a set.
    pub(crate) fn roles(&self, set: u32) -> Result<impl Iterator<Item = Result<RoleView<'_>, Lack>>, Lack> {
        let set = match set {
            0 => RoleSet(&[]),
            set => RoleSet(self.entry(Table::RoleSets, set)?),
        };
        Ok(set.iter().map(|role| RoleView::trusted(self.entry(Table::Roles, role)?).ok_or(Lack::Broken)))
    }

    /// The numbers of a set's roles, if the set is here.
    pub(crate) fn role_numbers(&self, set: u32) -> impl Iterator<Item = u32> {
        let entry = if set == 0 { None } else { self.entry(Table::RoleSets, set).ok() };
        entry.into_iter().flat_map(|entry| RoleSet(entry).iter())
    }

    /// Whether a scope holds `service`.
    pub(crate) fn scope_holds(&self, scope: u32, service: &str) -> Result<bool, Lack> {
        let Some(scope) = self.scope(scope)? else { return Ok(true) };
        Ok(scope.services().any(|held| {
            work::done(1);
            held == service
        }))
    }

    /// Whether the roles of a set meet a demand, which is well formed. The most that one permission of it can take is the patterns of 32
    /// roles, 256 each. All roles must be here, or the answer would depend on what is.
    pub(crate) fn roles_grant(&self, set: u32, demand: &str) -> Result<bool, Lack> {
        permission::is_met(demand.as_bytes(), |permission| self.roles_grant_one(set, permission))
    }

    fn roles_grant_one(&self, set: u32, permission: &[u8]) -> Result<bool, Lack> {
        let wanted = Wanted::new(permission);
        let mut granted = false;
        for role in self.roles(set)? {
            granted |= role?.patterns().any(|pattern| wanted.is_granted_by(pattern.as_bytes()));
        }
        Ok(granted)
    }

    /// The first object that is missing of those that the identity of a record with this role set and scope is made of.
    #[inline]
    pub(crate) fn lacks_identity(&self, role_set: u32, scope: u32) -> Option<Place> {
        // Where the whole directory is here, which is everywhere but on lazy edges, nothing needs to be looked up.
        if self.directory.as_ref().is_some_and(|directory| directory.absent() == 0) {
            return None;
        }
        let missing = |lack| match lack {
            Lack::Missing(place) => Some(place),
            Lack::Broken => None,
        };
        let scope = self.scope(scope).err().and_then(missing);
        scope.or_else(|| match self.roles(role_set) {
            Ok(roles) => roles.filter_map(Result::err).find_map(missing),
            Err(lack) => missing(lack),
        })
    }
}
