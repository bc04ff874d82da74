//! One call: admitted first, then read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Version};
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    Audit, Caller, Committed, Error, Events, Fleet, Idempotency, Key, Keys, Kind, Pattern, Registry, Slug, Tenants, Usage,
    Warning, management,
};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Answer, CHANGE, WARNING};
use super::auth::authenticator::Block;
use super::auth::gate::{count_failure, resting};
use super::auth::principal::{Principal, Reach, acting_service};
use super::auth::throttle::Turn;
use super::blocking::blocking;
use super::headers;
use super::incoming::Incoming;
use super::path::{InPath, part};
use super::query::Query;
use super::state::Api;
use crate::net::accept::Peer;
use crate::net::seats::Seat;
use crate::problem::Problem;

/// What was found out about who calls, for the log and the metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Sight>>);

/// What was found out so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The verdict, if a key was judged.
    pub(crate) code: Option<Code>,
    /// The key, if one was found.
    pub(crate) key_id: Option<KeyId>,
    /// The client's address, if it is known.
    pub(crate) ip: Option<Ip>,
    /// The realm that the caller was admitted to.
    pub(crate) realm: Option<Slug>,
}

impl Seen {
    pub(crate) fn get(&self) -> Sight {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Sight)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The registry's code for a text that is no key's secret.
const SECRET_UNKNOWN: &str = "secret_unknown";

/// A call of which nothing is believed yet.
pub(crate) struct Call {
    api: Arc<Api>,
    block: Block,
    path: Vec<(String, String)>,
    parts: Parts,
    body: Body,
}

impl FromRequest<Arc<Api>> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Call, Problem> {
        let (mut parts, body) = request.into_parts();
        // RFC 9112 section 3.2: HTTP/1.1 takes a Host. One that is malformed is refused by the core, like the rest.
        if parts.version == Version::HTTP_11 && !parts.headers.contains_key(HOST) {
            return Err(Problem::verdict(Code::InvalidRequest.reply(), true));
        }
        let path = RawPathParams::from_request_parts(&mut parts, api).await;
        // A path that is not UTF-8 has no parts, and so names nothing.
        let path = path.map_or(Vec::new(), |all| all.iter().map(|(name, value)| (name.into(), value.into())).collect());
        let block = api.gate.block(&parts);
        Ok(Call { api: Arc::clone(api), block, path, parts, body })
    }
}

/// A call that was admitted.
pub(crate) struct Pass {
    api: Arc<Api>,
    block: Block,
    parts: Parts,
    address: Option<Ip>,
    /// Who calls.
    pub(crate) principal: Principal,
    /// The realm of the path; that of management where the path has none.
    pub(crate) realm: Slug,
    /// Where in it the principal may act.
    pub(crate) reach: Reach,
    /// Which change the call's acts are.
    committed: Committed,
}

impl Call {
    /// Admits a call on the path's realm, if its key has the permission for `act` somewhere in it. Path and query are read
    /// afterwards: of the query, every parameter must be known and given once.
    pub(crate) async fn admit<P: InPath, Q: Query>(self, act: &str) -> Result<(Pass, P, Q, Incoming), Problem> {
        let realm = part::<Slug>(&self.path, "realm").ok();
        let permission = realm.as_ref().map_or_else(|| format!("api.{act}"), |realm| management::permission(realm, act));
        let within = realm.clone();
        let choose = move |services: &[String]| acting_service(within.as_ref()?, services);
        let (call, principal, address) = self.judge(Some(permission), choose).await?;
        let realm = realm.ok_or_else(Problem::not_found)?;
        seen_of(&call.parts).note(|sight| sight.realm = Some(realm.clone()));
        let query = Q::read(call.parts.uri.query().unwrap_or_default())?;
        let reach = principal.reach(&realm);
        let path = P::of(&call.path, &reach)?;
        let (pass, incoming) = call.pass(principal, address, realm, reach);
        Ok((pass, path, query, incoming))
    }

    /// Admits a call that is about all realms: its key's scope must be everything.
    pub(crate) async fn admit_everywhere(self, act: &str) -> Result<(Pass, Incoming), Problem> {
        let (call, principal, address) = self.judge(Some(format!("api.{act}")), |_| None).await?;
        <()>::read(call.parts.uri.query().unwrap_or_default())?;
        Ok(call.pass(principal, address, management::REALM.parse()?, Reach::Realm))
    }

    /// Admits a call that is about whoever makes it: any key that is accepted.
    pub(crate) async fn admit_anybody(self) -> Result<Pass, Problem> {
        let (call, principal, address) = self.judge(None, any).await?;
        <()>::read(call.parts.uri.query().unwrap_or_default())?;
        Ok(call.pass(principal, address, management::REALM.parse()?, Reach::Realm).0)
    }

    /// Admits a call that is about no realm in particular, and tells whether its key has the permission `other` as well.
    pub(crate) async fn admit_anywhere(self, act: &str, other: String) -> Result<(Pass, bool), Problem> {
        let (call, principal, address) = self.judge(Some(format!("api.{act}")), any).await?;
        let (call, also) = blocking(move || {
            let verdict = call.api.gate.look(&call.block, Some(&other), &any);
            (call, verdict)
        })
        .await?;
        let also = also?.principal.is_some();
        <()>::read(call.parts.uri.query().unwrap_or_default())?;
        let (pass, _) = call.pass(principal, address, management::REALM.parse()?, Reach::Realm);
        Ok((pass, also))
    }

    fn pass(self, principal: Principal, address: Option<Ip>, realm: Slug, reach: Reach) -> (Pass, Incoming) {
        let Call { api, block, parts, body, .. } = self;
        let incoming = Incoming::new(&parts, body);
        (Pass { api, block, parts, address, principal, realm, reach, committed: Committed::default() }, incoming)
    }

    /// Who calls, and from where, if they have the permission.
    async fn judge(
        self,
        permission: Option<String>,
        choose: impl Fn(&[String]) -> Option<String> + Send + 'static,
    ) -> Result<(Call, Principal, Option<Ip>), Problem> {
        let Call { api, block, path, parts, body } = self;
        let judged = api.gate.judge(block, &parts.extensions, permission, choose).await?;
        seen_of(&parts).note(|sight| {
            (sight.code, sight.key_id, sight.ip) = (Some(judged.verdict.outcome.code), judged.verdict.key_id, judged.address);
        });
        let principal = judged.verdict.admitted()?;
        Ok((Call { api, block: judged.block, path, parts, body }, principal, judged.address))
    }
}

fn seen_of(parts: &Parts) -> Seen {
    parts.extensions.get::<Seen>().cloned().unwrap_or_default()
}

/// A key acts in the name of whichever of its services comes first, where it does not matter which.
fn any(services: &[String]) -> Option<String> {
    services.first().cloned()
}

impl Pass {
    /// The caller's own key, and the permissions that its roles grant.
    pub(crate) fn own(&self) -> Result<(Key, Vec<Pattern>), Error> {
        self.keys().holding(self.principal.key_id)
    }

    /// Who acts, for the registry: confined to `org` unless the key may manage the whole realm.
    pub(crate) fn caller(&self, org: Option<&Slug>) -> Result<Caller, Error> {
        Ok(self.principal.caller(self.address, &self.reach, org)?.telling(self.committed.clone()))
    }

    /// Who acts on a key: confined to its org.
    pub(crate) fn caller_on(&self, key_id: KeyId) -> Result<Caller, Error> {
        match self.reach {
            Reach::Realm => self.caller(None),
            Reach::Orgs(_) => self.caller(Some(&self.visible(key_id)?.org)),
        }
    }

    /// Refuses whoever may not act in every realm.
    pub(crate) fn every_realm(&self) -> Result<(), Problem> {
        if self.principal.services.is_none() { Ok(()) } else { Err(Problem::scope()) }
    }

    /// Asks for the permission for another act as well, where a body says that it takes one.
    pub(crate) fn demand(&self, act: &str) -> Result<(), Problem> {
        let permission = management::permission(&self.realm, act);
        let choose = |services: &[String]| acting_service(&self.realm, services);
        let verdict = self.api.gate.look(&self.block, Some(&permission), &choose)?;
        verdict.admitted().map(drop)
    }

    /// Where the call came from, where the rule for that does not leave it open.
    pub(crate) fn address(&self) -> Option<Ip> {
        self.address
    }

    /// The registry.
    pub(crate) fn registry(&self) -> &Registry {
        &self.api.registry
    }

    /// The registry's time.
    pub(crate) fn now(&self) -> Result<u64, Error> {
        self.registry().env().now()
    }

    /// Keys of the realm.
    pub(crate) fn keys(&self) -> Keys<'_> {
        self.registry().keys(&self.realm)
    }

    /// Orgs, owners and roles of the realm.
    pub(crate) fn tenants(&self) -> Tenants<'_> {
        self.registry().tenants(&self.realm)
    }

    /// The realm's audit log.
    pub(crate) fn audit(&self) -> Audit<'_> {
        self.registry().audit(&self.realm)
    }

    /// What the realm's edges report.
    pub(crate) fn usage(&self) -> Usage<'_> {
        self.registry().usage(&self.realm)
    }

    /// What was told of the realm.
    pub(crate) fn events(&self) -> Events<'_> {
        self.registry().events(&self.realm)
    }

    /// The realm's edges.
    pub(crate) fn fleet(&self) -> Fleet<'_> {
        self.registry().fleet(&self.realm)
    }

    /// That nobody publishes the realm, where that is so: what is changed in it reaches no edge.
    pub(crate) fn unpublished(&self) -> Option<Warning> {
        self.api.unpublished.has(&self.realm).then(|| Warning::Unpublished { realm: self.realm.to_string() })
    }

    /// A key of the realm that is the caller's to see. Others do not exist for them.
    pub(crate) fn visible(&self, key_id: KeyId) -> Result<Key, Error> {
        let key = self.keys().get(key_id)?;
        let unknown = || Error::NotFound { kind: Kind::Key, id: key_id.to_string() };
        if self.reach.sees(&key.org) { Ok(key) } else { Err(unknown()) }
    }

    /// The same, for what goes on when the call is over.
    pub(crate) fn shared_api(&self) -> Arc<Api> {
        Arc::clone(&self.api)
    }

    /// What the call was made to.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// A place among the imports.
    pub(crate) fn import_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.api.imports).try_acquire_owned();
        place.map_err(|_| Problem::busy("other imports are under way: try again when they are done"))
    }

    /// A place among the calls that wait for something.
    pub(crate) fn waiting_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.api.waits).try_acquire_owned();
        place.map_err(|_| Problem::busy("others wait already, as many as may: ask again, or without waiting"))
    }

    /// The revision that the call is about; none for any.
    pub(crate) fn if_match(&self) -> Result<Option<u64>, Problem> {
        headers::if_match(&self.parts.headers)
    }

    /// What the request, with this body, is known by if it may come twice.
    pub(crate) fn idempotency(&self, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
        let line = format!("{} {}\n", self.parts.method, self.parts.uri);
        headers::idempotency(&self.parts.headers, &line, body)
    }

    /// Runs an operation of the registry. The answer to an act says which change it is.
    pub(crate) async fn run(self, work: impl FnOnce(&Pass) -> Answer + Send + 'static) -> Answer {
        let act = |pass: &Pass| {
            let mut answer = work(pass)?;
            if let Some(change) = pass.committed.change() {
                answer.headers_mut().insert(CHANGE, change.into());
                if let Some(warning) = pass.unpublished() {
                    answer.headers_mut().insert(WARNING, HeaderValue::from_static(warning.code()));
                }
            }
            Ok(answer)
        };
        Arc::new(self).ask(act).await
    }

    /// Runs an operation that tells whether a text is a secret. Misses are counted by address as failed authentications are, apart from those:
    /// whoever tries texts is slowed down, and neither hits nor anybody's calls are.
    pub(crate) async fn guess(self, work: impl FnOnce(&Pass) -> Answer + Send + 'static) -> Answer {
        let api = Arc::clone(&self.api);
        let client = self.address.or_else(|| self.parts.extensions.get::<Peer>().map(Peer::ip));
        let seat = self.parts.extensions.get::<Seat>().cloned();
        let turn = match api.lookups.line(client, Instant::now()) {
            Some(line) => Some(resting(seat.as_ref(), line.turn()).await),
            None => None,
        };
        let missed = |answer: &Answer| answer.as_ref().is_err_and(|problem| problem.is(SECRET_UNKNOWN));
        let answer = self
            .run(move |pass| {
                let answer = work(pass);
                if !missed(&answer) {
                    turn.into_iter().for_each(Turn::passed);
                }
                answer
            })
            .await;
        if missed(&answer) {
            count_failure(&api.lookups, client, seat.as_ref(), "texts that are no key's secret").await?;
        }
        answer
    }

    /// A refusal of this call, which points to what the call takes.
    pub(crate) fn placed(&self, problem: Problem) -> Problem {
        self.api.takes.placed(&self.parts, problem)
    }

    /// Asks the registry something, of a call that may ask again.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Pass) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let pass = Arc::clone(self);
        let _permit = pass.api.concurrency.acquire(pass.principal.key_id).await;
        blocking(move || work(&pass).map_err(|problem| pass.placed(problem))).await?
    }
}
