//! What a route demands of a key beyond being valid.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use edgelatch_core::limits::MAX_DEMANDED;
use http::request::Parts;

/// What joins permissions in the core's text, and so can be part of none: else one text could pass for several.
const JOINS: [char; 2] = ['|', '&'];
/// A text that is no permission, so that the core answers `bad_requirement` to it.
const ILL_FORMED: &str = "";

/// A service that the key must be for, and permissions that its roles must grant. The default demands nothing beyond a valid key.
///
/// ```
/// # use edgelatch_tower::Requirement;
/// let purge = Requirement::permission("cache.purge").service("cdn");
/// let any = Requirement::any(["zone.view", "zone.edit"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requirement {
    pub(crate) service: Option<Cow<'static, str>>,
    pub(crate) demand: Option<Cow<'static, str>>,
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
/// the most specific one counts, wherever it stands; letter case of paths and a final `/` do not, and HEAD goes by GET where no entry names it.
///
/// ```
/// # use edgelatch_tower::{Requirement, Routes, Rule};
/// let routes = Routes::new(Rule::Deny)
///     .on("GET /zones/*", Requirement::permission("zone.view"))
///     .on("/zones/*", Requirement::permission("zone.edit"))
///     .on("/public/*", Requirement::none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    text: String,
    exact: bool,
}

impl Routes {
    /// A table without entries, and what every request requires that none is for.
    pub fn new(default: impl Into<Rule>) -> Self {
        let mut routes = Routes { text: String::new(), exact: false };
        routes.add("default", &default.into());
        routes
    }

    /// Adds an entry. What is not well formed is told when the layer is built.
    #[must_use]
    pub fn on(mut self, entry: &str, rule: impl Into<Rule>) -> Self {
        self.add(entry, &rule.into());
        self
    }

    /// `/Admin` is another path than `/admin` then.
    #[must_use]
    pub fn case_sensitive(mut self) -> Self {
        self.exact = true;
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
    pub(crate) fn text(&self) -> String {
        format!("case={}{}", if self.exact { "exact" } else { "ignored" }, self.text)
    }
}

pub(crate) type Choose = Arc<dyn Fn(RequestInfo<'_>, &Parts) -> Requirement + Send + Sync>;

/// What a layer requires: the same of all requests, by method and path, or chosen by a function that gets the request.
#[derive(Clone)]
#[non_exhaustive]
pub enum Need {
    /// The same of every request.
    Always(Requirement),
    /// By method and path.
    ByRoute(Routes),
    /// By a function; see [`Need::choose`].
    ByRequest(Choose),
}

impl Need {
    /// A function chooses. Do not compare paths in it: routers may take `/ADMIN` for `/admin`. Use [`Routes`], or a layer of its own for each route.
    pub fn choose(choose: impl Fn(RequestInfo<'_>, &Parts) -> Requirement + Send + Sync + 'static) -> Self {
        Need::ByRequest(Arc::new(choose))
    }
}

impl From<Requirement> for Need {
    fn from(requirement: Requirement) -> Self {
        Need::Always(requirement)
    }
}

impl From<Routes> for Need {
    fn from(routes: Routes) -> Self {
        Need::ByRoute(routes)
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Always(requirement) => f.debug_tuple("Always").field(requirement).finish(),
            Need::ByRoute(routes) => f.debug_tuple("ByRoute").field(routes).finish(),
            Need::ByRequest(_) => f.write_str("ByRequest"),
        }
    }
}
