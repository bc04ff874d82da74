//! What all shards share: settings, services, roles.
//!
//! ```text
//! directory := "ELDR" u16 format, u8 sources, u8 flags, u32 pepper_id,
//!              list(text) patterns, list(text) services, list(role) roles, list(role_set) role_sets, list(scope) scopes
//! sources   := bit 0 `Authorization: Bearer`, bit 1 `X-API-Key`; at least one
//! flags     := bit 0 the realm holds imported keys
//! role      := text8 name, u32 pattern*          references ascend strictly
//! role_set  := u32 role*                         references ascend strictly; entry 0 is the empty set
//! scope     := u8 0 (all services) | u8 1, u32 service*   references ascend strictly; entry 0 is "all"
//! ```

use crate::error::Error;
use crate::http::Sources;
use crate::limits::MAX_NAME_BYTES;
use crate::permission;
use crate::wire::{List, Reader, size, u32_at};

pub(crate) const MAGIC: &[u8; 4] = b"ELDR";
pub(crate) const FLAG_IMPORTS: u8 = 1;
pub(crate) const SCOPE_ALL: u8 = 0;
pub(crate) const SCOPE_LIST: u8 = 1;
const OBJECT: &str = "directory";

/// A view of a directory.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// Headers in which the realm accepts a key.
    pub sources: Sources,
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

    fn checked(bytes: &'a [u8], below: usize, field: &'static str) -> Result<(), Error> {
        let refs = Refs(bytes);
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
        let directory = Self::read(bytes, true)?;
        directory.check()?;
        Ok(directory)
    }

    /// A directory that has been parsed before, without the checks.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::read(bytes, false)
    }

    fn read(bytes: &'a [u8], check: bool) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
        let (sources, flags) = (reader.u8()?, reader.u8()?);
        let directory = Directory {
            sources: Sources::from_bits(sources).ok_or(Error::BadField { object: OBJECT, field: "sources" })?,
            imports: flags & FLAG_IMPORTS != 0,
            pepper_id: reader.u32()?,
            patterns: List::read(&mut reader, check)?,
            services: List::read(&mut reader, check)?,
            roles: List::read(&mut reader, check)?,
            role_sets: List::read(&mut reader, check)?,
            scopes: List::read(&mut reader, check)?,
        };
        reader.finish()?;
        if flags & !FLAG_IMPORTS != 0 {
            return Err(Error::BadField { object: OBJECT, field: "flags" });
        }
        Ok(directory)
    }

    fn check(&self) -> Result<(), Error> {
        let field = |field| Error::BadField { object: OBJECT, field };
        if self.sources.is_empty() {
            return Err(field("sources"));
        }
        if !self.patterns.iter().all(permission::is_pattern) {
            return Err(field("patterns"));
        }
        if !self.services.iter().all(permission::is_permission) {
            return Err(field("services"));
        }
        for role in self.roles.iter() {
            let mut reader = Reader::inside(role, OBJECT);
            let name = reader.text8()?;
            // As with claims: the identity crosses to JavaScript as one text with control characters between its parts.
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) || name.chars().any(char::is_control) {
                return Err(field("role name"));
            }
            Refs::checked(reader.rest(), self.patterns.len(), "role pattern")?;
        }
        if self.role_sets.get(0) != Some(&[]) {
            return Err(field("role_sets"));
        }
        for set in self.role_sets.iter() {
            Refs::checked(set, self.roles.len(), "role set")?;
        }
        if self.scopes.get(0) != Some(&[SCOPE_ALL]) {
            return Err(field("scopes"));
        }
        for scope in self.scopes.iter().skip(1) {
            match scope.split_first() {
                Some((&SCOPE_LIST, refs)) => Refs::checked(refs, self.services.len(), "scope service")?,
                _ => return Err(field("scopes")),
            }
        }
        Ok(())
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

    /// All role sets.
    pub(crate) fn role_sets(&self) -> impl Iterator<Item = Refs<'a>> {
        self.role_sets.iter().map(Refs)
    }

    /// All scopes.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = ScopeView<'a>> + '_ {
        (0..).map_while(|i| self.scope(i))
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

    pub(crate) fn grants(&self, granted: &[bool]) -> bool {
        self.patterns.iter().any(|i| granted.get(size(i)).copied().unwrap_or(false))
    }
}

fn text(bytes: &[u8]) -> &str {
    // Patterns and services are ASCII once checked; anything else never got this far.
    core::str::from_utf8(bytes).unwrap_or("")
}

// Kept beside `Refs` because only these tables use it.
impl Refs<'_> {
    /// Whether `wanted` is among the references.
    #[inline]
    pub fn contains(&self, wanted: u32) -> bool {
        (0..self.0.len() / 4).any(|i| u32_at(self.0, i) == Some(wanted))
    }
}
