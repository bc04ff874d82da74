//! What a route requires, compiled once and resolved anew for each directory.

use crate::limits::MAX_REQUIREMENTS;
use crate::permission;
use crate::tree::directory::{Directory, ScopeView};
use crate::wire::size;
use alloc::{string::String, vec::Vec};

/// Handle of a compiled requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequirementId(pub u32);

impl RequirementId {
    /// A requirement that is not well formed: every verification under it answers `bad_requirement`.
    pub const BAD: RequirementId = RequirementId(0);
    /// Nothing beyond a valid key.
    pub const NONE: RequirementId = RequirementId(1);
}

struct Requirement {
    service: Option<String>,
    permission: Option<String>,
    resolved: Resolved,
}

/// A requirement in terms of one directory: for each of its scopes and role sets, whether it is enough. `None` asks nothing.
pub(crate) struct Resolved {
    scopes: Option<Vec<bool>>,
    role_sets: Option<Vec<bool>>,
}

impl Resolved {
    /// Whether the scope at this index holds the required service.
    #[inline]
    pub(crate) fn scope_holds(&self, scope: u32) -> bool {
        enough(&self.scopes, scope)
    }

    /// Whether a role of the set at this index grants the required permission.
    #[inline]
    pub(crate) fn roles_grant(&self, role_set: u32) -> bool {
        enough(&self.role_sets, role_set)
    }
}

#[inline]
fn enough(table: &Option<Vec<bool>>, index: u32) -> bool {
    table.as_ref().is_none_or(|table| table.get(size(index)).copied().unwrap_or(false))
}

/// All requirements of an edge.
#[derive(Default)]
pub(crate) struct Requirements(Vec<Requirement>);

impl Requirements {
    /// The handle for a requirement, new or known.
    pub(crate) fn compile(
        &mut self,
        service: Option<&str>,
        permission: Option<&str>,
        directory: Option<&Directory<'_>>,
    ) -> RequirementId {
        if [service, permission].into_iter().flatten().any(|text| !permission::is_permission(text.as_bytes())) {
            return RequirementId::BAD;
        }
        if service.is_none() && permission.is_none() {
            return RequirementId::NONE;
        }
        let known = self.0.iter().position(|r| r.service.as_deref() == service && r.permission.as_deref() == permission);
        let place = known.unwrap_or_else(|| {
            self.0.push(Requirement {
                service: service.map(Into::into),
                permission: permission.map(Into::into),
                // Until a directory resolves it, nothing is enough.
                resolved: Resolved { scopes: Some(Vec::new()), role_sets: Some(Vec::new()) },
            });
            self.0.len() - 1
        });
        if place >= MAX_REQUIREMENTS {
            self.0.truncate(MAX_REQUIREMENTS);
            return RequirementId::BAD;
        }
        if known.is_none() {
            self.resolve(place, directory);
        }
        u32::try_from(place + 2).map_or(RequirementId::BAD, RequirementId)
    }

    /// Resolves every requirement for a new directory.
    pub(crate) fn resolve_all(&mut self, directory: &Directory<'_>) {
        (0..self.0.len()).for_each(|place| self.resolve(place, Some(directory)));
    }

    fn resolve(&mut self, place: usize, directory: Option<&Directory<'_>>) {
        let (Some(requirement), Some(directory)) = (self.0.get_mut(place), directory) else { return };
        let scopes = requirement.service.as_deref().map(|wanted| {
            let service = directory.services().position(|s| s == wanted).and_then(|i| u32::try_from(i).ok());
            let holds = |scope| match scope {
                ScopeView::All => true,
                ScopeView::List(services) => service.is_some_and(|service| services.contains(service)),
            };
            directory.scopes().map(holds).collect()
        });
        let role_sets = requirement.permission.as_deref().map(|wanted| {
            let matches = |pattern: &str| permission::matches(pattern.as_bytes(), wanted.as_bytes());
            let granted: Vec<bool> = directory.patterns().map(matches).collect();
            let granting: Vec<bool> = directory.roles().map(|role| role.grants(&granted)).collect();
            let holds = |role: u32| granting.get(size(role)).copied().unwrap_or(false);
            directory.role_sets().map(|set| set.iter().any(holds)).collect()
        });
        requirement.resolved = Resolved { scopes, role_sets };
    }

    /// `None` for a requirement that is not well formed.
    #[inline]
    pub(crate) fn get(&self, id: RequirementId) -> Option<&Resolved> {
        const NOTHING: &Resolved = &Resolved { scopes: None, role_sets: None };
        match id {
            RequirementId::NONE => Some(NOTHING),
            RequirementId(n) => self.0.get(size(n).checked_sub(2)?).map(|r| &r.resolved),
        }
    }

    /// The texts of a requirement: service, permission.
    pub(crate) fn texts(&self, id: RequirementId) -> (Option<&str>, Option<&str>) {
        let found = size(id.0).checked_sub(2).and_then(|place| self.0.get(place));
        found.map_or((None, None), |r| (r.service.as_deref(), r.permission.as_deref()))
    }
}
