//! What a route requires, and the answers that were found for one directory.
//!
//! A tree that comes into force costs no work here, whatever its directory holds: tenants shape it, and a table of all answers,
//! made at once, would let one of them hold up every edge. A question is answered when a key first raises it, and the answer
//! is kept. What one answer can cost is bounded by the format (see `Directory::scope_holds` and `Directory::roles_grant`).

use crate::limits::{CHUNK_ENTRIES, MAX_CHUNK_NUMBER, MAX_REQUIREMENTS};
use crate::permission;
use crate::snapshot::Lack;
use crate::wire::size;
use alloc::{string::String, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

/// Handle of a compiled requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequirementId(pub u32);

impl RequirementId {
    /// A requirement that is not well formed: every verification under it answers `bad_requirement`.
    pub const BAD: RequirementId = RequirementId(0);
    /// Nothing beyond a valid key, and no service, whatever the host's configuration says: so no key that is for some services only.
    pub const NONE: RequirementId = RequirementId(1);
    /// What no key fulfils: `permission_denied` for every key that is valid otherwise.
    pub const DENY: RequirementId = RequirementId(u32::MAX - 1);
    /// What a host passes that chooses by the path where the path has no normal form: `invalid_request`, as with a route table.
    pub const NO_PATH: RequirementId = RequirementId(u32::MAX);
    /// The first of those that ask for something.
    const FIRST: u32 = 2;
    /// The first of those that stand for a route table.
    const TABLES: u32 = 1 << 31;

    pub(super) fn of_table(place: usize) -> Option<Self> {
        Some(RequirementId(Self::TABLES.checked_add(u32::try_from(place).ok()?)?))
    }

    #[inline]
    pub(super) fn table(self) -> Option<usize> {
        self.0.checked_sub(Self::TABLES).map(size)
    }
}

/// What a route asks for. It stays the same for as long as the edge lives.
pub(crate) struct Requirement {
    number: u32,
    pub(crate) service: Option<String>,
    /// A demand: one permission, any of some, or all of some.
    pub(crate) permission: Option<String>,
}

impl Requirement {
    fn asks(&self) -> (Option<&str>, Option<&str>) {
        (self.service.as_deref(), self.permission.as_deref())
    }
}

/// All requirements of an edge.
#[derive(Default)]
pub(crate) struct Requirements {
    all: Vec<Requirement>,
    /// Their numbers, by what they ask for: a host may compile all of them at once, with each tree.
    sorted: Vec<u32>,
}

impl Requirements {
    /// How many more there can be.
    pub(super) fn room(&self) -> usize {
        MAX_REQUIREMENTS.saturating_sub(self.all.len())
    }

    /// The handle for a requirement, new or known.
    pub(crate) fn compile(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        let sound = |text: Option<&str>, is: fn(&[u8]) -> bool| text.is_none_or(|text| is(text.as_bytes()));
        if !sound(service, permission::is_permission) || !sound(permission, permission::is_demand) {
            return RequirementId::BAD;
        }
        if service.is_none() && permission.is_none() {
            return RequirementId::NONE;
        }
        let asked = Some((service, permission));
        let known = self.sorted.binary_search_by(|number| self.all.get(size(*number)).map(Requirement::asks).cmp(&asked));
        let number = match known {
            Ok(at) => self.sorted.get(at).copied(),
            Err(at) => self.add(at, service, permission),
        };
        number.map_or(RequirementId::BAD, |number| RequirementId(number + RequirementId::FIRST))
    }

    /// Takes a new one, unless there are too many.
    fn add(&mut self, at: usize, service: Option<&str>, permission: Option<&str>) -> Option<u32> {
        let number = u32::try_from(self.all.len()).ok().filter(|_| self.all.len() < MAX_REQUIREMENTS)?;
        self.all.push(Requirement { number, service: service.map(Into::into), permission: permission.map(Into::into) });
        self.sorted.insert(at, number);
        Some(number)
    }

    /// `None` for a requirement that is not well formed.
    #[inline]
    pub(crate) fn get(&self, id: RequirementId) -> Option<&Requirement> {
        const NOTHING: &Requirement = &Requirement { number: 0, service: None, permission: None };
        match id {
            RequirementId::NONE => Some(NOTHING),
            RequirementId(n) => self.all.get(size(n.checked_sub(RequirementId::FIRST)?)),
        }
    }
}

/// Answers for one directory: they belong to the tree that is being served, and go with it, so that none outlives what it was
/// found in.
pub(crate) struct Answers {
    scopes: Memo,
    role_sets: Memo,
}

impl Answers {
    pub(crate) fn none() -> Self {
        Answers { scopes: Memo::empty(), role_sets: Memo::empty() }
    }

    /// Whether the scope at this index holds the required service. Scope 0 stands for all. A route that names no service may belong to
    /// any: a key that is for some of them only is not for it.
    #[inline]
    pub(crate) fn scope_holds(
        &self,
        required: &Requirement,
        scope: u32,
        find: impl FnOnce(&str) -> Result<bool, Lack>,
    ) -> Result<bool, Lack> {
        match &required.service {
            _ if scope == 0 => Ok(true),
            Some(service) => self.scopes.answer(required.number, scope, || find(service)),
            None => Ok(false),
        }
    }

    /// Whether a role of the set at this index grants the required permission.
    #[inline]
    pub(crate) fn roles_grant(
        &self,
        required: &Requirement,
        role_set: u32,
        find: impl FnOnce(&str) -> Result<bool, Lack>,
    ) -> Result<bool, Lack> {
        match &required.permission {
            Some(permission) => self.role_sets.answer(required.number, role_set, || find(permission)),
            None => Ok(true),
        }
    }

    /// Bytes held.
    pub(crate) fn memory() -> usize {
        2 * SLOTS * size_of::<AtomicU32>()
    }
}

/// Slots of a memo: 64 kB. A realm's busy pairs of a requirement and an entry of the directory are some hundreds or thousands.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 14;

/// Bits of the number of an entry in the directory.
const ENTRY_BITS: u32 = MAX_CHUNK_NUMBER.trailing_zeros() + CHUNK_ENTRIES.trailing_zeros();

/// Bits of a question: a requirement's number and an entry's.
const QUESTION_BITS: u32 = MAX_REQUIREMENTS.trailing_zeros() + ENTRY_BITS;
/// Bits of a question that its slot does not tell.
const TAG_BITS: u32 = QUESTION_BITS - SLOT_BITS;

const _: () =
    assert!(MAX_CHUNK_NUMBER.is_power_of_two() && CHUNK_ENTRIES.is_power_of_two() && MAX_REQUIREMENTS.is_power_of_two());
const _: () = assert!(QUESTION_BITS < 64 && TAG_BITS + 2 <= 32, "a tag, an answer and whether there is one fit a word");

/// Answers to some questions, each with its question in one word, so that threads can share them without any order. Each question
/// has one slot; two that share it take turns, and cost as much as they did the first time.
struct Memo(Vec<AtomicU32>);

const YES: u32 = 1;
/// Tells the word of the first question from an empty slot.
const KNOWN: u32 = 2;

impl Memo {
    fn empty() -> Self {
        Memo((0..SLOTS).map(|_| AtomicU32::new(0)).collect())
    }

    #[inline]
    fn answer(&self, requirement: u32, entry: u32, find: impl FnOnce() -> Result<bool, Lack>) -> Result<bool, Lack> {
        // No tree holds such an entry: to look it up says so. Kept, it would pass for another question.
        if entry >> ENTRY_BITS != 0 {
            return find();
        }
        let question = u64::from(requirement) << ENTRY_BITS | u64::from(entry);
        // Multiplied by an odd number whose bits are spread evenly (2^64 over the golden ratio), so that neighbours lie far apart. That
        // can be undone: no two questions have both the slot and the rest of the bits, the tag, in common.
        let mixed = question.wrapping_mul(0x9E37_79B9_7F4A_7C15) & ((1 << QUESTION_BITS) - 1);
        let (place, tag) = (usize::try_from(mixed >> TAG_BITS), u32::try_from(mixed & ((1 << TAG_BITS) - 1)));
        let (Ok(place), Ok(tag)) = (place, tag) else { return find() };
        let Some(slot) = self.0.get(place) else { return find() };
        let word = slot.load(Ordering::Relaxed);
        if word & !YES == tag << 2 | KNOWN {
            return Ok(word & YES != 0);
        }
        let yes = find()?;
        slot.store(tag << 2 | KNOWN | u32::from(yes), Ordering::Relaxed);
        Ok(yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more questions than slots, in an order that makes them push each other out.
    #[test]
    fn an_answer_is_never_another_questions() {
        let memo = Memo::empty();
        let truth = |requirement: u32, entry: u32| (requirement ^ entry.rotate_left(7)).wrapping_mul(0x9E37_79B9) >> 31 == 1;
        let last = MAX_REQUIREMENTS as u32 - 1;
        for round in 0..3 {
            for requirement in [0, 1, 2, 77, last - 1, last] {
                for entry in (0..20_000).chain([(1u32 << ENTRY_BITS) - 1]) {
                    let find = || Ok(truth(requirement, entry));
                    assert_eq!(
                        memo.answer(requirement, entry, find),
                        Ok(truth(requirement, entry)),
                        "{round} {requirement} {entry}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_answer_is_found_once() {
        let memo = Memo::empty();
        assert_eq!([memo.answer(0, 0, || Ok(true)), memo.answer(0, 0, || unreachable!())], [Ok(true); 2]);
        assert_eq!([memo.answer(4095, 9, || Ok(false)), memo.answer(4095, 9, || unreachable!())], [Ok(false); 2]);
        // What could not be answered is asked again.
        assert_eq!(memo.answer(7, 7, || Err(Lack::Broken)), Err(Lack::Broken));
        assert_eq!(memo.answer(7, 7, || Ok(true)), Ok(true));
    }

    /// A number beyond every table would otherwise pass for that of the next requirement.
    #[test]
    fn an_entry_that_no_tree_holds_is_looked_up_and_not_kept() {
        let memo = Memo::empty();
        let broken = || Err(Lack::Broken);
        assert_eq!(memo.answer(1, 5, || Ok(true)), Ok(true));
        assert_eq!(memo.answer(0, 1 << ENTRY_BITS | 5, broken), Err(Lack::Broken));
        assert_eq!(memo.answer(0, u32::MAX, broken), Err(Lack::Broken));
        assert_eq!(memo.answer(0, 1 << ENTRY_BITS | 6, || Ok(true)), Ok(true));
        assert_eq!(memo.answer(1, 6, || Ok(false)), Ok(false));
    }
}
