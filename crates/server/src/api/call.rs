//! One call: admitted first, then read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Version};
use edgelatch_core::edge::Outcome;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Caller, Error, Key, Keys, Kind, Name, Registry, Service, Slug, Tenants, management};
use tokio::sync::OwnedSemaphorePermit;

use super::Api;
use super::auth::authenticator::{Bearer, Block};
use super::body::{Incoming, Query};
use super::problem::Refusal;
use crate::net::accept::Peer;

/// What was found out about who calls, for the log and the metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Option<Sight>>>);

/// The verdict, the key if one was found, the client's address if it is known.
type Sight = (Code, Option<KeyId>, Option<Ip>);

impl Seen {
    pub(crate) fn get(&self) -> Option<Sight> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, code: Code, key_id: Option<KeyId>, ip: Option<Ip>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((code, key_id, ip));
    }
}

/// A call of which nothing is believed yet.
pub(crate) struct Call {
    api: Arc<Api>,
    block: Block,
    path: Vec<(String, String)>,
    parts: Parts,
    body: Body,
}

impl FromRequest<Arc<Api>> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Call, Refusal> {
        let (mut parts, body) = request.into_parts();
        // RFC 9112 section 3.2. A malformed one is the core's to refuse, like the rest.
        if parts.version == Version::HTTP_11 && !parts.headers.contains_key(HOST) {
            return Err(Refusal::Verdict(Code::InvalidRequest.reply(), true));
        }
        let path = RawPathParams::from_request_parts(&mut parts, api).await;
        // What is not UTF-8 names nothing.
        let path = path.map_or(Vec::new(), |all| all.iter().map(|(name, value)| (name.into(), value.into())).collect());
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
        let block = api.gate.block(&peer, &parts);
        Ok(Call { api: Arc::clone(api), block, path, parts, body })
    }
}

/// Where a key may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In the whole realm.
    Realm,
    /// In these orgs of it.
    Orgs(Vec<Slug>),
}

/// A call that was admitted.
pub(crate) struct Pass {
    api: Arc<Api>,
    block: Block,
    bearer: Bearer,
    address: Option<Ip>,
    /// The realm of the path; that of management where the path has none.
    pub(crate) realm: Slug,
    /// Where in it.
    pub(crate) reach: Reach,
    path: Vec<(String, String)>,
    parts: Parts,
}

impl Call {
    /// Admits a call on the path's realm, if its key has the permission for `act` somewhere in it. It must have no query.
    pub(crate) async fn admit(self, act: &str) -> Result<(Pass, Incoming), Refusal> {
        let (pass, (), incoming) = self.admit_with(act).await?;
        Ok((pass, incoming))
    }

    /// The same with a query, of which every parameter must be known and given once.
    pub(crate) async fn admit_with<Q: Query>(self, act: &str) -> Result<(Pass, Q, Incoming), Refusal> {
        let named = self.path.iter().find(|(name, _)| name == "realm").map(|(_, realm)| realm.parse::<Slug>());
        let realm = match named {
            Some(Ok(realm)) => Some(realm),
            _ => None,
        };
        let permission = realm.as_ref().map_or_else(|| format!("api.{act}"), |realm| management::permission(realm, act));
        let within = realm.clone();
        let choose = move |services: &[String]| choose(within.as_ref(), services);
        let (call, bearer, address) = self.judge(permission, choose).await?;
        let realm = realm.ok_or_else(Refusal::not_found)?;
        let reach = reach(&realm, bearer.services.as_deref());
        let query = Q::read(call.parts.uri.query().unwrap_or_default())?;
        let (pass, incoming) = call.pass(bearer, address, realm, reach);
        Ok((pass, query, incoming))
    }

    /// Admits a call that is about all realms: its key's scope must be everything.
    pub(crate) async fn admit_everywhere(self, act: &str) -> Result<Pass, Refusal> {
        let (call, bearer, address) = self.judge(format!("api.{act}"), |_| None).await?;
        <()>::read(call.parts.uri.query().unwrap_or_default())?;
        Ok(call.pass(bearer, address, management::REALM.parse()?, Reach::Realm).0)
    }

    /// Admits a call that is about no realm in particular, and tells whether its key has another permission as well.
    pub(crate) async fn admit_anywhere(self, act: &str, other: String) -> Result<(Pass, bool), Refusal> {
        let (call, bearer, address) = self.judge(format!("api.{act}"), |services| services.first().cloned()).await?;
        let (call, also) = blocking(move || {
            let verdict = call.api.gate.judge(&call.api.registry, &call.block, &other, &|services| services.first().cloned());
            (call, verdict)
        })
        .await?;
        let also = also?.bearer.is_some();
        <()>::read(call.parts.uri.query().unwrap_or_default())?;
        let (pass, _) = call.pass(bearer, address, management::REALM.parse()?, Reach::Realm);
        Ok((pass, also))
    }

    fn pass(self, bearer: Bearer, address: Option<Ip>, realm: Slug, reach: Reach) -> (Pass, Incoming) {
        let Call { api, block, path, parts, body } = self;
        let incoming = Incoming::new(&parts, body);
        (Pass { api, block, bearer, address, realm, reach, path, parts }, incoming)
    }

    async fn judge(
        self,
        permission: String,
        choose: impl Fn(&[String]) -> Option<String> + Send + 'static,
    ) -> Result<(Call, Bearer, Option<Ip>), Refusal> {
        let api = Arc::clone(&self.api);
        let seen = self.parts.extensions.get::<Seen>().cloned().unwrap_or_default();
        let address = api.gate.address(&self.block);
        // Where the rule leaves the address open, the connection's own: or any sort of header would open a new bucket.
        let client = address.or_else(|| self.parts.extensions.get::<Peer>().map(Peer::ip));
        if let Some(wait) = api.throttle.wait(client, Instant::now()) {
            return Err(Refusal::throttled(wait.as_secs() + 1));
        }
        let (call, verdict) = blocking(move || {
            let verdict = self.api.gate.judge(&self.api.registry, &self.block, &permission, &choose);
            (self, verdict)
        })
        .await?;
        let verdict = verdict?;
        seen.set(verdict.outcome.code, verdict.key_id, address);
        if counts_as_failure(verdict.outcome.code) {
            api.throttle.failed(client, Instant::now());
        }
        let refusal = || Refusal::Verdict(verdict.outcome.reply(), verdict.outcome.flags & Outcome::BARE != 0);
        Ok((call, verdict.bearer.ok_or_else(refusal)?, address))
    }
}

/// Whether somebody tried a key that is not theirs, or none.
fn counts_as_failure(code: Code) -> bool {
    let status = code.reply().status;
    code == Code::InvalidRequest || code == Code::IpDenied || (status == 401 && code != Code::Missing)
}

fn org_of(realm: Option<&Slug>, service: &str) -> Option<Slug> {
    management::org_of(realm?, &Service::parse("scope", service).ok()?)
}

/// The service by which a key acts in a realm: that of the realm, or else of one of its orgs.
fn choose(realm: Option<&Slug>, services: &[String]) -> Option<String> {
    let whole = realm.and_then(|realm| management::realm_service(realm).ok());
    let found = services.iter().find(|service| whole.as_ref().is_some_and(|whole| whole.as_str() == **service));
    found.or_else(|| services.iter().find(|service| org_of(realm, service).is_some())).cloned()
}

fn reach(realm: &Slug, services: Option<&[String]>) -> Reach {
    let whole = management::realm_service(realm).ok();
    match services {
        None => Reach::Realm,
        Some(list) if list.iter().any(|s| whole.as_ref().is_some_and(|whole| whole.as_str() == s)) => Reach::Realm,
        Some(list) => Reach::Orgs(list.iter().filter_map(|service| org_of(Some(realm), service)).collect()),
    }
}

/// Runs what may block, such as anything of the registry.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::failure("a request panicked"))
}

impl Pass {
    /// The org that a call is about: the one named, or the only one that the key may manage; none for the whole realm.
    pub(crate) fn org(&self, named: Option<&Slug>) -> Result<Option<Slug>, Refusal> {
        match (&self.reach, named) {
            (Reach::Realm, named) => Ok(named.cloned()),
            (Reach::Orgs(own), Some(named)) if own.contains(named) => Ok(Some(named.clone())),
            (Reach::Orgs(_), Some(_)) => Err(Refusal::scope()),
            (Reach::Orgs(own), None) => match &own[..] {
                [only] => Ok(Some(only.clone())),
                _ => Err(self.placed(Refusal::at("/org", "the key may manage several orgs: name one of them"))),
            },
        }
    }

    /// Who acts, for the log: confined to `org` unless the key may manage the whole realm.
    pub(crate) fn caller(&self, org: Option<&Slug>) -> Result<Caller, Error> {
        let caller = Caller::new(Name::parse("actor", &self.bearer.key_id.to_string())?);
        let caller = self.address.map_or(caller.clone(), |address| caller.from_address(address));
        Ok(match (&self.reach, org) {
            (Reach::Realm, _) => caller,
            (Reach::Orgs(_), Some(org)) => caller.within(org.clone()),
            (Reach::Orgs(own), None) => own.first().map_or(caller.clone(), |org| caller.within(org.clone())),
        })
    }

    /// Asks for the permission for another act as well, where a body says that it takes one.
    pub(crate) fn demand(&self, registry: &Registry, act: &str) -> Result<(), Refusal> {
        let permission = management::permission(&self.realm, act);
        let chosen = |services: &[String]| choose(Some(&self.realm), services);
        let verdict = self.api.gate.judge(registry, &self.block, &permission, &chosen)?;
        verdict.bearer.map(drop).ok_or_else(|| Refusal::Verdict(verdict.outcome.reply(), false))
    }

    /// Whether what belongs to `org` is the caller's to see.
    pub(crate) fn sees(&self, org: &Slug) -> bool {
        match &self.reach {
            Reach::Realm => true,
            Reach::Orgs(own) => own.contains(org),
        }
    }

    /// Refuses a key that may not manage the whole realm.
    pub(crate) fn whole_realm(&self) -> Result<(), Refusal> {
        if self.reach == Reach::Realm { Ok(()) } else { Err(Refusal::scope()) }
    }

    /// Keys of the realm.
    pub(crate) fn keys<'r>(&'r self, registry: &'r Registry) -> Keys<'r> {
        registry.keys(&self.realm)
    }

    /// Orgs, owners and roles of the realm.
    pub(crate) fn tenants<'r>(&'r self, registry: &'r Registry) -> Tenants<'r> {
        registry.tenants(&self.realm)
    }

    /// A key of the realm that is the caller's to see. Others do not exist for them.
    pub(crate) fn visible(&self, registry: &Registry, key_id: KeyId) -> Result<Key, Error> {
        let key = self.keys(registry).get(key_id)?;
        let unknown = || Error::NotFound { kind: Kind::Key, id: key_id.to_string() };
        if self.sees(&key.org) { Ok(key) } else { Err(unknown()) }
    }

    /// Whoever acts on a key: confined to its org.
    pub(crate) fn caller_on(&self, registry: &Registry, key_id: KeyId) -> Result<Caller, Error> {
        match self.reach {
            Reach::Realm => self.caller(None),
            Reach::Orgs(_) => self.caller(Some(&self.visible(registry, key_id)?.org)),
        }
    }

    /// What the call was made to.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// A place among the imports.
    pub(crate) fn import_place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.api.imports).try_acquire_owned();
        place.map_err(|_| Refusal::busy("other imports are under way: try again when they are done"))
    }

    /// Whether the key's scope names a realm, or an org of it.
    pub(crate) fn reaches(&self, realm: &Slug) -> bool {
        reach(realm, self.bearer.services.as_deref()) != Reach::Orgs(Vec::new())
    }

    /// The org of the path, if it is within the caller's reach.
    pub(crate) fn path_org(&self) -> Result<Slug, Refusal> {
        let org = self.slug("org")?;
        self.org(Some(&org)).map(|_| org)
    }

    /// A part of the path that is a name of ours.
    pub(crate) fn slug(&self, name: &str) -> Result<Slug, Refusal> {
        self.text(name)?.parse().map_err(|_| Refusal::not_found())
    }

    /// The key of the path.
    pub(crate) fn key_id(&self) -> Result<KeyId, Refusal> {
        self.text("key_id")?.parse().map_err(|_| Refusal::not_found())
    }

    fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.path.iter().find(|(n, _)| n == name).map(|(_, value)| &**value).ok_or_else(Refusal::not_found)
    }

    /// The request's headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Method and path, for telling requests apart.
    pub(crate) fn line(&self) -> String {
        format!("{} {}\n", self.parts.method, self.parts.uri)
    }

    /// Runs an operation of the registry. What is refused in a request without a body stood in its path or query.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Pass, &Registry) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _turn = self.api.turns.take(self.bearer.key_id).await;
        blocking(move || work(&self, &self.api.registry).map_err(|refusal| self.placed(refusal))).await?
    }

    fn placed(&self, refusal: Refusal) -> Refusal {
        match self.parts.method.as_str() {
            "GET" | "HEAD" | "DELETE" => refusal.without_body(),
            _ => refusal,
        }
    }
}

/// The single value of a header; an error when it is repeated or not text.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| Refusal::parameter(name, "must be visible ASCII characters"));
            text.map(|text| Some(text.trim()))
        }
        _ => Err(Refusal::parameter(name, "is given twice")),
    }
}

/// The revision that `If-Match` asks for.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(text) = header(headers, "if-match")? else { return Ok(None) };
    if text == "*" {
        return Ok(None);
    }
    let strong = text.strip_prefix("W/").unwrap_or(text);
    let inside = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
    let tag = inside.ok_or_else(|| Refusal::parameter("if-match", "must be one entity tag, such as \"3\", or *"))?;
    match tag.parse::<u64>() {
        Ok(revision) if strong.len() == text.len() && tag == revision.to_string() => Ok(Some(revision)),
        _ => Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has changed meanwhile",
            "`if-match`: is no entity tag of this resource: read it again and decide on what it is now",
        )),
    }
}
