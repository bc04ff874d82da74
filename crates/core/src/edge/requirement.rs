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

/// A requirement in terms of one directory.
#[derive(Default)]
pub(crate) struct Resolved {
    /// The required service; `Some(None)` when no key of this directory names it, so that only scope "all" holds it.
    service: Option<Option<u32>>,
    /// For each role, whether it grants the required permission; `None` when none is required.
    roles: Option<Vec<bool>>,
}

impl Resolved {
    #[inline]
    pub(crate) fn scope_holds(&self, directory: &Directory<'_>, scope: u32) -> bool {
        match (self.service, directory.scope(scope)) {
            (None, _) | (Some(_), Some(ScopeView::All)) => true,
            (Some(Some(service)), Some(ScopeView::List(services))) => services.contains(service),
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn roles_grant(&self, directory: &Directory<'_>, role_set: u32) -> bool {
        let Some(granting) = &self.roles else { return true };
        let holds = |role: u32| granting.get(size(role)).copied().unwrap_or(false);
        directory.role_set(role_set).is_some_and(|set| set.iter().any(holds))
    }

    /// Whether anything of the directory needs to be read at all.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.service.is_none() && self.roles.is_none()
    }
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
                resolved: Resolved::default(),
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
        let service = requirement
            .service
            .as_deref()
            .map(|wanted| directory.services().position(|s| s == wanted).and_then(|i| u32::try_from(i).ok()));
        let roles = requirement.permission.as_deref().map(|wanted| {
            let granted: Vec<bool> =
                directory.patterns().map(|p| permission::matches(p.as_bytes(), wanted.as_bytes())).collect();
            directory.roles().map(|role| role.grants(&granted)).collect()
        });
        requirement.resolved = Resolved { service, roles };
    }

    /// `None` for a requirement that is not well formed.
    #[inline]
    pub(crate) fn get(&self, id: RequirementId) -> Option<&Resolved> {
        const NOTHING: &Resolved = &Resolved { service: None, roles: None };
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
