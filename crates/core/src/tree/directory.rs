//! What all shards share: settings, services, roles.
//!
//! ```text
//! directory   := "ELDR" u16 format, u8 credentials, u8 flags, u32 pepper_id,
//!                list(text) patterns, list(text) services, list(role) roles, list(role_set) role_sets, list(scope) scopes
//! credentials := bit 0 `Authorization: Bearer`, bit 1 `X-API-Key`; at least one
//! flags       := bit 0 the realm holds imported keys
//! role        := text8 name, u32 pattern*          references ascend strictly
//! role_set    := u32 role*                         references ascend strictly; entry 0 is the empty set
//! scope       := u8 0 (all services) | u8 1, u32 service*   references ascend strictly; entry 0 is "all"
//! ```
//! Tenants shape it: their roles, services and scopes are its entries. So it is large where a realm has many of them, nothing
//! here goes through all of it in one call, and what one entry may refer to is limited.

use crate::error::Error;
use crate::http::CredentialHeaders;
use crate::limits::{
    MAX_DIRECTORY_BYTES, MAX_DIRECTORY_ENTRIES, MAX_NAME_BYTES, MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES,
};
use crate::permission::{self, Wanted};
use crate::tree::ObjectId;
use crate::wire::{List, Reader, size};
use crate::work;
use sha2::{Digest, Sha256};

pub(crate) const MAGIC: &[u8; 4] = b"ELDR";
pub(crate) const FLAG_IMPORTS: u8 = 1;
pub(crate) const SCOPE_ALL: u8 = 0;
pub(crate) const SCOPE_LIST: u8 = 1;
const OBJECT: &str = "directory";

/// A view of a directory.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// Headers in which the realm accepts a key.
    pub credentials: CredentialHeaders,
    /// Whether the realm holds imported keys, whose text has no check characters.
    pub imports: bool,
    /// The pepper that the realm's digests are made with; 0 for none.
    pub pepper_id: u32,
    patterns: List<'a>,
    services: List<'a>,
    roles: List<'a>,
    role_sets: List<'a>,
    scopes: List<'a>,
}

/// References into another table: packed u32.
#[derive(Clone, Copy)]
pub struct Refs<'a>(&'a [u8]);

impl<'a> Refs<'a> {
    /// The references, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.0.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b))
    }

    /// Whether `wanted` is among the references.
    pub fn contains(&self, wanted: u32) -> bool {
        let compare = |b: &[u8; 4]| {
            work::done(1);
            u32::from_le_bytes(*b).cmp(&wanted)
        };
        self.0.as_chunks::<4>().0.binary_search_by(compare).is_ok()
    }

    fn check(bytes: &'a [u8], below: usize, limit: usize, field: &'static str) -> Result<(), Error> {
        let (refs, count) = (Refs(bytes), bytes.len() / 4);
        if count > limit {
            return Err(Error::TooLong { what: field, bytes: count, limit });
        }
        if !bytes.len().is_multiple_of(4) || refs.iter().any(|r| size(r) >= below) {
            return Err(Error::BadReference { object: OBJECT, field });
        }
        if refs.iter().zip(refs.iter().skip(1)).any(|(a, b)| a >= b) {
            return Err(Error::Unsorted { object: OBJECT });
        }
        Ok(())
    }
}

/// A role: its name and the patterns that it grants.
#[derive(Clone, Copy)]
pub struct RoleView<'a> {
    /// Its name.
    pub name: &'a str,
    patterns: Refs<'a>,
}

/// What services a key may be used for.
#[derive(Clone, Copy)]
pub enum ScopeView<'a> {
    /// All, present and future.
    All,
    /// These (references into the services).
    List(Refs<'a>),
}

impl<'a> Directory<'a> {
    /// Reads a directory whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let directory = Self::read(bytes)?;
        Form::default().check(&directory, usize::MAX)?;
        Ok(directory)
    }

    /// Where everything is, without a look at the entries: for a directory that is proven, or being proven.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
        let (credentials, flags) = (reader.u8()?, reader.u8()?);
        let directory = Directory {
            credentials: CredentialHeaders::from_bits(credentials)
                .ok_or(Error::BadField { object: OBJECT, field: "credentials" })?,
            imports: flags & FLAG_IMPORTS != 0,
            pepper_id: reader.u32()?,
            patterns: table(&mut reader, "patterns")?,
            services: table(&mut reader, "services")?,
            roles: table(&mut reader, "roles")?,
            role_sets: table(&mut reader, "role sets")?,
            scopes: table(&mut reader, "scopes")?,
        };
        reader.finish()?;
        let field = |field| Err(Error::BadField { object: OBJECT, field });
        match &directory {
            _ if flags & !FLAG_IMPORTS != 0 => field("flags"),
            d if d.credentials.is_empty() => field("credentials"),
            d if d.role_sets.len() == 0 => field("role_sets"),
            d if d.scopes.len() == 0 => field("scopes"),
            _ => Ok(directory),
        }
    }

    fn check_pattern(&self, _: usize, entry: &[u8]) -> Result<(), Error> {
        if permission::is_pattern(entry) { Ok(()) } else { Err(Error::BadField { object: OBJECT, field: "patterns" }) }
    }

    fn check_service(&self, _: usize, entry: &[u8]) -> Result<(), Error> {
        if permission::is_permission(entry) { Ok(()) } else { Err(Error::BadField { object: OBJECT, field: "services" }) }
    }

    fn check_role(&self, _: usize, entry: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::inside(entry, OBJECT);
        let name = reader.text8()?;
        // As with claims: the identity crosses to JavaScript as one text with control characters between its parts.
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(Error::BadField { object: OBJECT, field: "role name" });
        }
        Refs::check(reader.rest(), self.patterns.len(), MAX_ROLE_PATTERNS, "patterns of a role")
    }

    fn check_role_set(&self, at: usize, entry: &[u8]) -> Result<(), Error> {
        if at == 0 && !entry.is_empty() {
            return Err(Error::BadField { object: OBJECT, field: "role_sets" });
        }
        Refs::check(entry, self.roles.len(), MAX_SET_ROLES, "roles of a role set")
    }

    fn check_scope(&self, at: usize, entry: &[u8]) -> Result<(), Error> {
        match entry.split_first() {
            Some((&SCOPE_ALL, [])) if at == 0 => Ok(()),
            Some((&SCOPE_LIST, refs)) if at > 0 => {
                Refs::check(refs, self.services.len(), MAX_SCOPE_SERVICES, "services of a scope")
            }
            _ => Err(Error::BadField { object: OBJECT, field: "scopes" }),
        }
    }

    /// Whether the scope at `index` holds `service`.
    pub(crate) fn scope_holds(&self, index: u32, service: &str) -> bool {
        match self.scope(index) {
            Some(ScopeView::All) => true,
            Some(ScopeView::List(services)) => self.services.find(service.as_bytes()).is_some_and(|s| services.contains(s)),
            None => false,
        }
    }

    /// Whether a role of the set at `index` grants `permission`, which is well formed. The most that this can take is the patterns
    /// of 32 roles, 256 each.
    pub(crate) fn roles_grant(&self, index: u32, permission: &str) -> bool {
        let wanted = Wanted::new(permission.as_bytes());
        let grants = |pattern| self.patterns.get(size(pattern)).is_some_and(|pattern| wanted.is_granted_by(pattern));
        let roles = self.role_set(index).into_iter().flat_map(|set| set.iter()).filter_map(|role| self.role(role));
        roles.flat_map(|role| role.patterns.iter()).any(grants)
    }

    /// All patterns, ascending.
    pub fn patterns(&self) -> impl Iterator<Item = &'a str> {
        self.patterns.iter().map(text)
    }

    /// All services, ascending.
    pub fn services(&self) -> impl Iterator<Item = &'a str> {
        self.services.iter().map(text)
    }

    /// The name of service `index`.
    pub fn service(&self, index: u32) -> Option<&'a str> {
        self.services.get(size(index)).map(text)
    }

    /// The role at `index`.
    pub fn role(&self, index: u32) -> Option<RoleView<'a>> {
        let mut reader = Reader::inside(self.roles.get(size(index))?, OBJECT);
        let name = reader.text8().ok()?;
        Some(RoleView { name, patterns: Refs(reader.rest()) })
    }

    /// All roles.
    pub fn roles(&self) -> impl Iterator<Item = RoleView<'a>> + '_ {
        (0..self.role_count()).map_while(|i| self.role(i))
    }

    /// Number of roles.
    pub fn role_count(&self) -> u32 {
        u32::try_from(self.roles.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn role_set_count(&self) -> usize {
        self.role_sets.len()
    }

    pub(crate) fn scope_count(&self) -> usize {
        self.scopes.len()
    }

    /// The roles of set `index`.
    #[inline]
    pub fn role_set(&self, index: u32) -> Option<Refs<'a>> {
        self.role_sets.get(size(index)).map(Refs)
    }

    /// The scope at `index`.
    #[inline]
    pub fn scope(&self, index: u32) -> Option<ScopeView<'a>> {
        match self.scopes.get(size(index))?.split_first()? {
            (&SCOPE_ALL, []) => Some(ScopeView::All),
            (&SCOPE_LIST, refs) => Some(ScopeView::List(Refs(refs))),
            _ => None,
        }
    }
}

impl<'a> RoleView<'a> {
    /// The patterns that the role grants.
    pub fn patterns(&self, directory: &Directory<'a>) -> impl Iterator<Item = &'a str> {
        let patterns = directory.patterns;
        self.patterns.iter().filter_map(move |i| patterns.get(size(i)).map(text))
    }
}

fn text(bytes: &[u8]) -> &str {
    // Patterns and services are ASCII once checked; anything else never got this far.
    core::str::from_utf8(bytes).unwrap_or("")
}

/// Takes one table. Its length is looked at before anything else.
fn table<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<List<'a>, Error> {
    let mut ahead = *reader;
    let count = size(ahead.u32()?);
    if count > MAX_DIRECTORY_ENTRIES {
        return Err(Error::TooLong { what, bytes: count, limit: MAX_DIRECTORY_ENTRIES });
    }
    List::read(reader, false)
}

/// How far the check of a directory's entries has got.
#[derive(Default)]
struct Form {
    table: usize,
    entry: usize,
}

/// What an entry costs beside its bytes, in bytes: about so long does it take to find it.
const ENTRY: usize = 16;

type Check<'a> = fn(&Directory<'a>, usize, &[u8]) -> Result<(), Error>;

impl Form {
    /// Goes on for about `budget` bytes. Returns what is left of it once all is checked, `None` before.
    fn check<'a>(&mut self, directory: &Directory<'a>, mut budget: usize) -> Result<Option<usize>, Error> {
        let tables: [(List<'_>, Check<'a>); 5] = [
            (directory.patterns, Directory::check_pattern),
            (directory.services, Directory::check_service),
            (directory.roles, Directory::check_role),
            (directory.role_sets, Directory::check_role_set),
            (directory.scopes, Directory::check_scope),
        ];
        while let Some((list, check)) = tables.get(self.table) {
            if self.entry == list.len() {
                *self = Form { table: self.table + 1, entry: 0 };
                continue;
            }
            if budget == 0 {
                return Ok(None);
            }
            let entry = list.get(self.entry).ok_or(Error::BadTable { object: OBJECT })?;
            check(directory, self.entry, entry)?;
            // Only now: what is compared is as short as its kind allows.
            if self.entry.checked_sub(1).and_then(|before| list.get(before)).is_some_and(|before| before >= entry) {
                return Err(Error::Unsorted { object: OBJECT });
            }
            self.entry += 1;
            work::done(entry.len() + ENTRY);
            budget = budget.saturating_sub(entry.len() + ENTRY);
        }
        Ok(Some(budget))
    }
}

/// The proof of a directory, a slice at a time: first its digest, then its form.
pub(crate) struct Proof {
    id: ObjectId,
    /// Until the digest is found right.
    hasher: Option<Sha256>,
    hashed: usize,
    form: Form,
}

impl Proof {
    pub(crate) fn new(id: ObjectId) -> Self {
        Proof { id, hasher: Some(Sha256::new()), hashed: 0, form: Form::default() }
    }

    /// Goes on for about `budget` bytes. Returns what is left of it once all is proven, `None` before. After an error every
    /// further call returns that error.
    pub(crate) fn go_on(&mut self, bytes: &[u8], mut budget: usize) -> Result<Option<usize>, Error> {
        if let Some(hasher) = &mut self.hasher {
            let rest = bytes.get(self.hashed..).unwrap_or(&[]);
            let (slice, later) = rest.split_at(rest.len().min(budget));
            work::done(slice.len());
            hasher.update(slice);
            self.hashed += slice.len();
            budget -= slice.len();
            if !later.is_empty() {
                return Ok(None);
            }
            if ObjectId(hasher.clone().finalize().into()) != self.id {
                return Err(Error::WrongDigest { object: OBJECT, index: 0 });
            }
            self.hasher = None;
        }
        self.form.check(&Directory::read(bytes)?, budget)
    }
}

/// Refuses a directory by its announced length alone.
pub(crate) fn check_length(bytes: u32) -> Result<(), Error> {
    if bytes <= MAX_DIRECTORY_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge { object: OBJECT, bytes: bytes.into(), limit: MAX_DIRECTORY_BYTES.into() })
}
