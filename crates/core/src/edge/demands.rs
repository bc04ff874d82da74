//! What an edge demands of a request: requirements, and tables of them by route.

use super::routes::{RouteError, Routes};
use super::{Edge, RequirementId};
use crate::http::{Block, normalize_path};
use crate::limits::MAX_ROUTE_TABLES;

impl Edge {
    /// The handle of a requirement: a service, and a permission or a demand of several, `a.b|c.d` for any and `a.b&c.d` for all of them
    /// (SPEC.md section 3). `None` stands for the service that the host's
    /// configuration names, if it names one, and for no permission. The same pair has the same handle for the life of the edge. Never
    /// fails: one that is not well formed, or is more than [`MAX_REQUIREMENTS`](crate::limits::MAX_REQUIREMENTS) allow, is
    /// [`RequirementId::BAD`].
    pub fn compile(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        self.requirements.compile(service.or(self.config.service.as_deref()), permission)
    }

    /// The handle of a route table, which a verification of a request takes like that of a requirement. SPEC.md section 9 has its
    /// text. One that is refused leaves no trace.
    pub fn compile_routes(&mut self, table: &str) -> Result<RequirementId, RouteError> {
        let full = self.routes.len() >= MAX_ROUTE_TABLES;
        let id = RequirementId::of_table(self.routes.len()).filter(|_| !full).ok_or(RouteError::TooManyTables)?;
        let room = self.requirements.room();
        let routes = Routes::read(table, room, |service, permission| self.compile(service, permission))?;
        self.routes.push(routes);
        Ok(id)
    }

    /// What is required of a request: `requirement` itself, or what a route table has for it; `None` if that depends on the path
    /// and the path has no normal form, or on how a router reads the path or the method.
    pub fn required(&self, block: &Block<'_>, requirement: RequirementId) -> Option<RequirementId> {
        if requirement == RequirementId::NO_PATH {
            return None;
        }
        match requirement.table().and_then(|place| self.routes.get(place)) {
            Some(routes) => {
                let sent = block.path();
                routes.choose(block.method(), normalize_path(sent)?.as_bytes(), sent)
            }
            None => Some(requirement),
        }
    }
}
