//! One verification. The order is fixed and the first failure wins:
//! credential, syntax, snapshot, lookup, status, owner, time, IP policy, scope, permission. SPEC.md section 8.

use super::requirement::Requirement;
use super::staged::Settings;
use super::{Active, Edge, Location, RequirementId, is_before_issue};
use crate::http::{self, Block, CredentialHeaders, ExtractError};
use crate::ip::Ip;
use crate::key::{KeyId, KeyText};
use crate::limits::MAX_CREDENTIAL_BYTES;
use crate::policy::IpVerdict;
use crate::tree::directory::{Directory, ScopeView};
use crate::tree::shard::{Labels, Shard, Validity};
use crate::verdict::{Code, Reply};
use alloc::{format, string::String, vec::Vec};

/// The outcome of one verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was decided.
    pub code: Code,
    /// [`Outcome::MASKED`], [`Outcome::STALE`], [`Outcome::PREFLIGHT`], [`Outcome::BARE`].
    pub flags: u8,
    /// The record, once one was found; also for refusals, so that a log can name the key.
    pub at: Option<Location>,
}

impl Outcome {
    /// Answer as for a key that is not valid, whatever the code.
    pub const MASKED: u8 = 1;
    /// The head has expired, but the host granted grace.
    pub const STALE: u8 = 2;
    /// Not accepted, but a CORS preflight that the host lets through to its handler, without an identity.
    pub const PREFLIGHT: u8 = 4;
    /// Answer without a challenge: the request is not one to which a credential could be added.
    pub const BARE: u8 = 8;

    const fn of(code: Code) -> Self {
        Outcome { code, flags: 0, at: None }
    }

    /// What an HTTP host answers.
    pub fn reply(&self) -> &'static Reply {
        if self.flags & Self::MASKED != 0 { &Reply::INVALID_TOKEN } else { self.code.reply() }
    }

    /// `code + 64 * flags + 1024 * place`, where place is 0 without a record and `1 + index + 2^22 * shard` for one: below 2^53,
    /// so exact as a JavaScript number.
    pub fn pack(&self) -> u64 {
        let place = self.at.map_or(0, |at| (u64::from(at.index) | u64::from(at.shard) << 22) + 1);
        u64::from(self.code.number()) | u64::from(self.flags) << 6 | place << 10
    }
}

impl Location {
    /// The place inside a packed outcome; `None` when there was no record.
    pub fn unpack(packed: u64) -> Option<Location> {
        let place = (packed >> 10).checked_sub(1)?;
        Some(Location { shard: u32::try_from(place >> 22).ok()?, index: u32::try_from(place & 0x3f_ffff).ok()? })
    }
}

/// One step of a verification, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it let the key pass.
    pub passed: bool,
    /// What was found. Never the key's text.
    pub note: String,
}

/// Listens to the steps; the verification path uses one that hears nothing and costs nothing.
trait Trace {
    fn step(&mut self, name: &'static str, passed: bool, note: impl FnOnce() -> String);
}

struct Silent;

impl Trace for Silent {
    #[inline]
    fn step(&mut self, _: &'static str, _: bool, _: impl FnOnce() -> String) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, name: &'static str, passed: bool, note: impl FnOnce() -> String) {
        self.push(Step { name, passed, note: note() });
    }
}

/// What a verification is asked, besides the key.
struct Question<F> {
    /// The client address, worked out only if a policy wants it.
    ip: F,
    requirement: RequirementId,
    now: u64,
}

impl Edge {
    /// Verifies a key's bare text. `ip` is the client address as text; absent, empty or malformed means unknown.
    #[inline]
    pub fn verify_key(&self, text: &[u8], ip: Option<&[u8]>, requirement: RequirementId, now: u64) -> Outcome {
        self.decide(text, Question { ip: || ip.and_then(parse_ip), requirement, now }, &mut Silent)
    }

    /// Verifies a request: takes the credential and the client address out of a request block (SPEC.md section 9).
    pub fn verify_block(&self, block: &[u8], requirement: RequirementId, now: u64) -> Outcome {
        self.decide_block(block, requirement, now, &mut Silent)
    }

    /// The same decision as [`Edge::verify_block`], with every step explained.
    pub fn explain_block(&self, block: &[u8], requirement: RequirementId, now: u64) -> (Outcome, Vec<Step>) {
        let mut steps = Vec::new();
        let outcome = self.decide_block(block, requirement, now, &mut steps);
        (outcome, steps)
    }

    #[inline]
    fn decide_block<T: Trace>(&self, block: &[u8], requirement: RequirementId, now: u64, trace: &mut T) -> Outcome {
        let mut refuse = |code, reason: &str| {
            trace.step("credential", false, || reason.into());
            Outcome::of(code)
        };
        let Ok(block) = Block::parse(block) else { return refuse(Code::InvalidRequest, "the request is not well formed") };
        if !http::host_ok(&block) {
            let outcome = refuse(Code::InvalidRequest, "the Host is missing, repeated or malformed");
            return Outcome { flags: Outcome::BARE, ..outcome };
        }
        if self.config.allow_preflight && http::is_preflight(&block) {
            let outcome = refuse(Code::Missing, "none; a CORS preflight, which may pass");
            return Outcome { flags: Outcome::PREFLIGHT, ..outcome };
        }
        let Some(requirement) = self.required(&block, requirement) else {
            return refuse(Code::InvalidRequest, "the path is one that some routers read as another");
        };
        let credentials = match &self.active {
            Some(active) => active.settings.credentials,
            None => self.config.credentials.unwrap_or(CredentialHeaders::all()),
        };
        let text = match http::extract(&block, credentials, self.config.query.as_deref()) {
            Ok(text) => text,
            Err(ExtractError::Missing) => return refuse(Code::Missing, "none in the headers that are accepted"),
            Err(ExtractError::InvalidRequest) => {
                return refuse(Code::InvalidRequest, "two credentials, a repeated header, an empty value or bad syntax");
            }
        };
        self.decide(text, Question { ip: || self.config.client_of(&block), requirement, now }, trace)
    }

    /// The same decision as [`Edge::verify_key`], with every step explained.
    pub fn explain_key(&self, text: &[u8], ip: Option<&[u8]>, requirement: RequirementId, now: u64) -> (Outcome, Vec<Step>) {
        let mut steps = Vec::new();
        let outcome = self.decide(text, Question { ip: || ip.and_then(parse_ip), requirement, now }, &mut steps);
        (outcome, steps)
    }

    #[inline]
    fn decide<F: FnOnce() -> Option<Ip>, T: Trace>(&self, text: &[u8], question: Question<F>, trace: &mut T) -> Outcome {
        let given = !text.is_empty();
        trace.step("credential", given, || if given { format!("{} bytes", text.len()) } else { "none".into() });
        if !given {
            return Outcome::of(Code::Missing);
        }
        let settings = self.active.as_ref().map(|active| active.settings);
        let key = match syntax(text, settings) {
            Ok(key) => key,
            Err(code) => {
                trace.step("syntax", false, || format!("{}: {}", code.name(), crate::key::Malformed));
                return Outcome::of(code);
            }
        };
        trace.step("syntax", true, || "well formed".into());
        let active = match self.fresh(question.now, trace) {
            Ok(active) => active,
            Err(code) => return Outcome::of(code),
        };
        let flags = if question.now >= active.head.not_after { Outcome::STALE } else { 0 };
        let digest = self.lookup_digest(&key, active);
        let found = match active.snapshot.find(digest.0, digest.1) {
            Ok(found) => found,
            Err(error) => {
                trace.step("lookup", false, || format!("{error}"));
                return Outcome { flags, ..Outcome::of(Code::Internal) };
            }
        };
        let Some((at, shard)) = found else {
            trace.step("lookup", false, || "no such key in this snapshot".into());
            return Outcome { flags, ..Outcome::of(Code::Unknown) };
        };
        trace.step("lookup", true, || format!("{}", KeyId(shard.key_id(row(at)).unwrap_or(0))));
        match self.judge_record(active, &shard, at, question, trace) {
            Ok(()) => Outcome { code: Code::Valid, flags, at: Some(at) },
            Err(code) => {
                let masked = if self.config.mask_ip && code.maskable() { Outcome::MASKED } else { 0 };
                Outcome { code, flags: flags | masked, at: Some(at) }
            }
        }
    }

    /// The digest by which the snapshot knows a key, as two numbers.
    #[inline]
    fn lookup_digest(&self, key: &KeyText<'_>, active: &Active) -> (u64, u64) {
        let mut digest = key.digest();
        if let Some(pepper) = self.config.pepper.as_ref().filter(|_| active.settings.peppered) {
            digest = pepper.apply(&digest);
        }
        let ([high, low, ..], _) = digest.as_chunks::<8>() else { return (0, 0) };
        (u64::from_be_bytes(*high), u64::from_be_bytes(*low))
    }

    #[inline]
    fn fresh<T: Trace>(&self, now: u64, trace: &mut T) -> Result<&Active, Code> {
        let (code, active) = match &self.active {
            None => (Code::SnapshotMissing, None),
            Some(active) if is_before_issue(&active.head, now) => (Code::ClockInvalid, Some(active)),
            Some(active) if now >= active.head.not_after.saturating_add(self.config.grace) => {
                (Code::SnapshotStale, Some(active))
            }
            Some(active) => (Code::Valid, Some(active)),
        };
        trace.step("snapshot", code == Code::Valid, || match active {
            None => "none is loaded".into(),
            Some(a) => format!(
                "realm {}, epoch {}, issued at {}, expires at {}, now {now}{}",
                a.head.realm,
                a.head.epoch,
                a.head.issued_at,
                a.head.not_after,
                if code == Code::Valid && now >= a.head.not_after { ": expired, inside the grace" } else { "" }
            ),
        });
        active.filter(|_| code == Code::Valid).ok_or(code)
    }

    #[inline]
    fn judge_record<F: FnOnce() -> Option<Ip>, T: Trace>(
        &self,
        active: &Active,
        shard: &Shard<'_>,
        at: Location,
        question: Question<F>,
        trace: &mut T,
    ) -> Result<(), Code> {
        let row = row(at);
        let validity = shard.validity(row).ok_or(Code::Internal)?;
        for (name, code, note) in standing(&validity, question.now) {
            trace.step(name, code == Code::Valid, || note(&validity, question.now));
            if code != Code::Valid {
                return Err(code);
            }
        }
        if let Some(policy) = shard.policy(row).ok_or(Code::Internal)? {
            let ip = (question.ip)();
            let verdict = policy.decide(ip);
            trace.step("IP policy", verdict == IpVerdict::Allowed, || match ip {
                Some(ip) => format!("client address {ip}: {verdict:?}"),
                None => "client address unknown".into(),
            });
            match verdict {
                IpVerdict::Allowed => {}
                IpVerdict::Denied => return Err(Code::IpDenied),
                IpVerdict::Unknown => return Err(Code::IpUnknown),
            }
        } else {
            trace.step("IP policy", true, || "none: any address".into());
        }
        if question.requirement == RequirementId::DENY {
            trace.step("permission", false, || "this route is open to no key".into());
            return Err(Code::PermissionDenied);
        }
        let Some(required) = self.requirements.get(question.requirement) else {
            trace.step("scope", false, || "the requirement is not well formed".into());
            return Err(Code::BadRequirement);
        };
        self.judge_grants(active, shard, row, required, trace)
    }

    #[inline]
    fn judge_grants<T: Trace>(
        &self,
        active: &Active,
        shard: &Shard<'_>,
        row: usize,
        required: &Requirement,
        trace: &mut T,
    ) -> Result<(), Code> {
        let (scope, role_set) = (shard.scope(row), shard.role_set(row));
        let directory = || active.snapshot.directory();
        let holds =
            active.answers.scope_holds(required, scope, |service| directory().is_ok_and(|d| d.scope_holds(scope, service)));
        trace.step("scope", holds, || match (&required.service, directory()) {
            (Some(service), Ok(directory)) => {
                format!("requires {service}; the key has {}", scope_text(&directory, scope))
            }
            _ => "no service required".into(),
        });
        if !holds {
            return Err(Code::ScopeDenied);
        }
        let granted =
            active.answers.roles_grant(required, role_set, |wanted| directory().is_ok_and(|d| d.roles_grant(role_set, wanted)));
        trace.step("permission", granted, || match (&required.permission, directory()) {
            (Some(permission), Ok(directory)) => {
                let roles: Vec<_> = role_names(&directory, role_set).collect();
                let roles = if roles.is_empty() { "none".into() } else { roles.join(", ") };
                format!("requires {permission}; roles of the key: {roles}")
            }
            _ => "none required".into(),
        });
        if granted { Ok(()) } else { Err(Code::PermissionDenied) }
    }

    /// The identity behind a record found under `generation`; `None` once that snapshot is gone.
    pub fn identity(&self, generation: u32, at: Location) -> Option<Identity<'_>> {
        let active = self.active.as_ref().filter(|active| active.generation == generation)?;
        let shard = active.snapshot.shard(at.shard).ok()?;
        let (row, directory) = (row(at), active.snapshot.directory().ok()?);
        Some(Identity {
            key_id: KeyId(shard.key_id(row)?),
            labels: shard.labels(row)?,
            validity: shard.validity(row)?,
            role_set: shard.role_set(row),
            scope: shard.scope(row),
            directory,
        })
    }
}

/// Who a key belongs to and what it may do.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The key's public id.
    pub key_id: KeyId,
    /// Org, owner, name, metadata.
    pub labels: Labels<'a>,
    /// Status and bounds in time.
    pub validity: Validity,
    role_set: u32,
    scope: u32,
    directory: Directory<'a>,
}

impl<'a> Identity<'a> {
    /// Names of its roles.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> + '_ {
        role_names(&self.directory, self.role_set)
    }

    /// The services it may be used for; `None` for all, present and future.
    pub fn services(&self) -> Option<Vec<&'a str>> {
        match self.directory.scope(self.scope)? {
            ScopeView::All => None,
            ScopeView::List(list) => Some(list.iter().filter_map(|s| self.directory.service(s)).collect()),
        }
    }
}

fn role_names<'a, 'd>(directory: &'d Directory<'a>, set: u32) -> impl Iterator<Item = &'a str> + use<'a, 'd> {
    let roles = directory.role_set(set).into_iter().flat_map(|set| set.iter());
    roles.filter_map(|role| directory.role(role).map(|r| r.name))
}

fn scope_text(directory: &Directory<'_>, scope: u32) -> String {
    match directory.scope(scope) {
        Some(ScopeView::List(list)) => list.iter().filter_map(|s| directory.service(s)).collect::<Vec<_>>().join(", "),
        _ => "all services".into(),
    }
}

fn parse_ip(text: &[u8]) -> Option<Ip> {
    Ip::parse(text).ok()
}

#[inline]
fn row(at: Location) -> usize {
    crate::wire::size(at.index)
}

/// Syntax and check. Without a snapshot it is not known whether the realm holds imports, so what could be an imported key is
/// neither accepted nor refused.
#[inline]
fn syntax(text: &[u8], settings: Option<Settings>) -> Result<KeyText<'_>, Code> {
    if text.len() > MAX_CREDENTIAL_BYTES {
        return Err(Code::Malformed);
    }
    let issued = KeyText::parse(text);
    match settings {
        _ if issued.is_ok() => issued,
        Some(Settings { imports: false, .. }) => issued,
        _ => KeyText::parse_imported(text),
    }
    .map_err(|_| Code::Malformed)
    .and_then(|key| if settings.is_none() && issued.is_err() { Err(Code::SnapshotMissing) } else { Ok(key) })
}

type Standing = (&'static str, Code, fn(&Validity, u64) -> String);

/// Status, owner and time, in their order.
#[inline]
fn standing(validity: &Validity, now: u64) -> [Standing; 3] {
    let code = |refused: bool, code: Code| if refused { code } else { Code::Valid };
    let time = if now < validity.not_before {
        Code::NotYetValid
    } else {
        code(validity.expires_at != 0 && now >= validity.expires_at, Code::Expired)
    };
    [
        ("status", code(validity.revoked, Code::Revoked), |v, _| if v.revoked { "revoked".into() } else { "active".into() }),
        ("owner", code(validity.owner_disabled, Code::OwnerDisabled), |v, _| {
            if v.owner_disabled { "disabled".into() } else { "enabled".into() }
        }),
        ("time", time, |v, now| match (v.not_before, v.expires_at) {
            (0, 0) => "no bounds".into(),
            (0, end) => format!("expires at {end}, now {now}"),
            (start, 0) => format!("valid from {start}, now {now}"),
            (start, end) => format!("valid from {start} until {end}, now {now}"),
        }),
    ]
}
