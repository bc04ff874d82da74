//! What a route demands of a key beyond being valid.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use edgelatch_core::edge::{Edge, RequirementId};
use edgelatch_core::limits::MAX_DEMANDED;

use crate::error::Error;

/// What joins permissions in the core's text, and so can be part of none: else one text could pass for several.
const JOINS: [char; 2] = ['|', '&'];
/// A text that is no permission, so that the core answers `bad_requirement` to it.
const ILL_FORMED: &str = "";

/// A service that the key must be for, and permissions that its roles must grant. The default demands nothing beyond a valid key.
///
/// ```
/// # use edgelatch_http::Requirement;
/// let purge = Requirement::permission("cache.purge").service("cdn");
/// let any = Requirement::any(["zone.view", "zone.edit"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requirement {
    service: Option<Cow<'static, str>>,
    demand: Option<Cow<'static, str>>,
}

impl Requirement {
    /// Nothing beyond a valid key, of the service that the verifier is for, if it is for one.
    pub const fn none() -> Self {
        Requirement { service: None, demand: None }
    }

    /// A permission that one of the key's roles must grant, such as `cache.purge`. No pattern: a key has those.
    pub fn permission(permission: impl Into<Cow<'static, str>>) -> Self {
        let permission = permission.into();
        let demand = if permission.contains(JOINS) { ILL_FORMED.into() } else { permission };
        Requirement { service: None, demand: Some(demand) }
    }

    /// Permissions of which any will do, 1 to 8.
    pub fn any<'a>(permissions: impl IntoIterator<Item = &'a str>) -> Self {
        Requirement::several(permissions, "|")
    }

    /// Permissions all of which are needed, 1 to 8, be it by different roles.
    pub fn all<'a>(permissions: impl IntoIterator<Item = &'a str>) -> Self {
        Requirement::several(permissions, "&")
    }

    /// The same of a service, which the key's scope must hold, such as `cdn`.
    #[must_use]
    pub fn service(self, service: impl Into<Cow<'static, str>>) -> Self {
        Requirement { service: Some(service.into()), ..self }
    }

    /// Makes it known to an edge. What is none has the number [`RequirementId::BAD`].
    pub fn compile(&self, edge: &mut Edge) -> RequirementId {
        edge.compile(self.service.as_deref(), self.demand.as_deref())
    }

    fn several<'a>(permissions: impl IntoIterator<Item = &'a str>, join: &str) -> Self {
        // One more than there may be shows that there are too many.
        let all: Vec<&str> = permissions.into_iter().take(MAX_DEMANDED + 1).collect();
        let sound = !all.is_empty() && all.iter().all(|one| !one.contains(JOINS));
        Requirement { service: None, demand: Some(if sound { all.join(join).into() } else { ILL_FORMED.into() }) }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.service, &self.demand) {
            (None, None) => f.write_str("nothing"),
            (Some(service), None) => write!(f, "service {service:?}"),
            (None, Some(demand)) => write!(f, "permission {demand:?}"),
            (Some(service), Some(demand)) => write!(f, "service {service:?}, permission {demand:?}"),
        }
    }
}

/// What a function that chooses a requirement may decide by.
#[derive(Clone, Copy, Debug)]
pub struct RequestInfo<'a> {
    /// The method of the request line. One in a header (`X-HTTP-Method-Override`) is not seen.
    pub method: &'a str,
    /// The path in normal form: one spelling for each, and none that common routers read as another path. Letter case stays.
    pub path: &'a str,
}

/// What an entry of a route table requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// This of every key.
    Needs(Requirement),
    /// No key is accepted: `permission_denied`.
    Deny,
}

impl From<Requirement> for Rule {
    fn from(requirement: Requirement) -> Self {
        Rule::Needs(requirement)
    }
}

/// Requirements by method and path, chosen by the core in the same call that judges the request. An entry is `"GET,POST /zones/:id"`, `"/public/*"`:
/// the most specific one counts, wherever it stands; HEAD goes by GET where no entry names it. A path that routers read in several ways, by letter case, a
/// final `/`, an escape, or as the path before a `/*`, is `invalid_request` where these ways lead to different rules: `/public` needs an entry beside
/// `/public/*` (SPEC section 9). So is a method with a lower-case letter.
///
/// ```
/// # use edgelatch_http::{Requirement, Routes, Rule};
/// let routes = Routes::new(Rule::Deny)
///     .on("GET /zones", Requirement::permission("zone.view"))
///     .on("GET /zones/*", Requirement::permission("zone.view"))
///     .on("/zones/*", Requirement::permission("zone.edit"))
///     .on("/public/*", Requirement::none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    text: String,
    router: &'static str,
}

impl Routes {
    /// A table without entries, and what every request requires that none is for.
    pub fn new(default: impl Into<Rule>) -> Self {
        let mut routes = Routes { text: String::new(), router: "any" };
        routes.add("default", &default.into());
        routes
    }

    /// Adds an entry. What is not well formed is told when the check is made.
    #[must_use]
    pub fn on(mut self, entry: &str, rule: impl Into<Rule>) -> Self {
        self.add(entry, &rule.into());
        self
    }

    /// The router behind it takes `/Admin` and `/admin/` for `/admin`: so does the table, instead of refusing them.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.router = "lenient";
        self
    }

    /// The router behind it takes `/Admin`, `/admin/` and `/admin` for three paths, as axum does: so does the table. It may have entries that differ by letter
    /// case alone then.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.router = "strict";
        self
    }

    fn add(&mut self, entry: &str, rule: &Rule) {
        // A line end or tab inside would begin something else: as NUL it is no part of any entry.
        let one = |text: &str| text.replace(['\n', '\r', '\t'], "\0");
        let _ = write!(self.text, "\n{}", one(entry));
        match rule {
            Rule::Deny => self.text.push_str("\tdeny"),
            Rule::Needs(needed) => {
                for (name, value) in [("service", &needed.service), ("permission", &needed.demand)] {
                    if let Some(value) = value {
                        let _ = write!(self.text, "\t{name}={}", one(value));
                    }
                }
            }
        }
    }

    /// As the core reads it.
    fn text(&self) -> String {
        format!("router={}{}", self.router, self.text)
    }
}

/// A function that chooses a requirement for a request of a host's own type.
pub type Choose<R> = Arc<dyn Fn(RequestInfo<'_>, &R) -> Requirement + Send + Sync>;

/// What a check requires of requests, which are `R` in the words of the host: the same of all, by method and path, or chosen by a function.
#[non_exhaustive]
pub enum Need<R> {
    /// The same of every request.
    Always(Requirement),
    /// By method and path.
    ByRoute(Routes),
    /// By a function; see [`Need::choose`].
    ByRequest(Choose<R>),
}

/// What is required of a request: known, or chosen for each.
pub enum Required<R> {
    /// The number that the core knows it by.
    Known(RequirementId),
    /// By a function.
    Chosen(Choose<R>),
}

impl<R> Need<R> {
    /// A function chooses. Do not compare paths in it: routers may take `/ADMIN` for `/admin`. Use [`Routes`], or a check of its own for each route.
    pub fn choose(choose: impl Fn(RequestInfo<'_>, &R) -> Requirement + Send + Sync + 'static) -> Self {
        Need::ByRequest(Arc::new(choose))
    }

    /// What is required, made known to an edge. Refuses what is not well formed, and a table where keys are optional.
    pub fn compile(self, edge: &mut Edge, optional: bool) -> Result<Required<R>, Error> {
        Ok(match self {
            Need::Always(needed) => match needed.compile(edge) {
                RequirementId::BAD => return Err(Error::Option(format!("requirement: {needed} is not well formed"))),
                id => Required::Known(id),
            },
            Need::ByRoute(_) if optional => {
                let why = "optional: a route table may deny paths to all, which a request without a key would pass; give each route a check of its own";
                return Err(Error::Option(why.into()));
            }
            Need::ByRoute(routes) => {
                let known = edge.compile_routes(&routes.text());
                Required::Known(known.map_err(|error| Error::Option(format!("requirement: {error}")))?)
            }
            Need::ByRequest(choose) => Required::Chosen(choose),
        })
    }
}

impl<R> Clone for Need<R> {
    fn clone(&self) -> Self {
        match self {
            Need::Always(requirement) => Need::Always(requirement.clone()),
            Need::ByRoute(routes) => Need::ByRoute(routes.clone()),
            Need::ByRequest(choose) => Need::ByRequest(Arc::clone(choose)),
        }
    }
}

impl<R> From<Requirement> for Need<R> {
    fn from(requirement: Requirement) -> Self {
        Need::Always(requirement)
    }
}

impl<R> From<Routes> for Need<R> {
    fn from(routes: Routes) -> Self {
        Need::ByRoute(routes)
    }
}

impl<R> fmt::Debug for Need<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Always(requirement) => f.debug_tuple("Always").field(requirement).finish(),
            Need::ByRoute(routes) => f.debug_tuple("ByRoute").field(routes).finish(),
            Need::ByRequest(_) => f.write_str("ByRequest"),
        }
    }
}
