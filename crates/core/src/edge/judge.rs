//! What is asked of a record once it is found: status, owner, time, IP policy, scope, permission. SPEC.md section 8, steps 5
//! to 10. The verification and [`explain_record`](super::explain_record) go through the same lines.

use super::requirement::{Answers, Requirement, Requirements};
use super::{HostConfig, RequirementId, Step};
use crate::http::Block;
use crate::ip::Ip;
use crate::policy::IpVerdict;
use crate::snapshot::{Lack, Snapshot};
use crate::time::{Distance, Moment};
use crate::tree::Place;
use crate::tree::shard::{Terms, Validity};
use crate::verdict::Code;
use alloc::{format, string::String, vec::Vec};

/// Listens to the steps; the verification path uses one that hears nothing and costs nothing.
pub(super) trait Trace {
    fn step(&mut self, name: &'static str, passed: bool, note: impl FnOnce() -> String);
}

pub(super) struct Silent;

impl Trace for Silent {
    #[inline]
    fn step(&mut self, _: &'static str, _: bool, _: impl FnOnce() -> String) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, name: &'static str, passed: bool, note: impl FnOnce() -> String) {
        self.push(Step { name, passed, note: note() });
    }
}

/// Where the client's address comes from: it is worked out only if a policy wants it.
#[derive(Clone, Copy)]
pub(super) enum Client<'a> {
    /// It is known, or known to be unknown.
    #[cfg(feature = "builder")]
    Known(Option<Ip>),
    /// Its text; absent, empty or malformed means unknown.
    Text(Option<&'a [u8]>),
    /// A request, by the host's rule.
    Request(&'a Block<'a>, &'a HostConfig),
}

impl Client<'_> {
    #[inline]
    fn ip(self) -> Option<Ip> {
        match self {
            #[cfg(feature = "builder")]
            Client::Known(ip) => ip,
            Client::Text(text) => Ip::parse(text?).ok(),
            Client::Request(block, config) => config.client_of(block),
        }
    }
}

/// What a verification is asked, besides the key.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) client: Client<'a>,
    pub(super) requirement: RequirementId,
    /// Unix seconds.
    pub(super) now: u64,
}

/// Why a verification ends without acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The verdict.
    Refused(Code),
    /// The object at this place is needed first.
    Needs(Place),
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Stop::Refused(code)
    }
}

impl From<Lack> for Stop {
    fn from(lack: Lack) -> Self {
        match lack {
            Lack::Missing(place) => Stop::Needs(place),
            Lack::Broken => Stop::Refused(Code::Internal),
        }
    }
}

/// A record, and what its references lead to.
pub(super) struct Record<'a> {
    pub(super) terms: Terms,
    pub(super) snapshot: &'a Snapshot,
    pub(super) answers: &'a Answers,
}

impl Record<'_> {
    #[inline]
    pub(super) fn judge<T: Trace>(
        &self,
        requirements: &Requirements,
        question: Question<'_>,
        trace: &mut T,
    ) -> Result<(), Stop> {
        let validity = self.terms.validity;
        for (name, code, note) in standing(&validity, question.now) {
            trace.step(name, code == Code::Valid, || note(&validity, question.now));
            if code != Code::Valid {
                return Err(code.into());
            }
        }
        self.judge_address(question.client, trace)?;
        if question.requirement == RequirementId::DENY {
            trace.step("permission", false, || "this route is open to no key".into());
            return Err(Code::PermissionDenied.into());
        }
        let Some(required) = requirements.get(question.requirement) else {
            trace.step("scope", false, || "the requirement is not well formed".into());
            return Err(Code::BadRequirement.into());
        };
        self.judge_grants(required, trace)
    }

    #[inline]
    fn judge_grants<T: Trace>(&self, required: &Requirement, trace: &mut T) -> Result<(), Stop> {
        let (Terms { role_set, scope, .. }, snapshot) = (self.terms, self.snapshot);
        let holds = self.answers.scope_holds(required, scope, |service| snapshot.scope_holds(scope, service))?;
        trace.step("scope", holds, || match &required.service {
            Some(service) => format!("requires {service}; the key has {}", scope_text(snapshot, scope)),
            None if holds => "no service named; the key has all services".into(),
            None => format!("the route names no service; the key has {}", scope_text(snapshot, scope)),
        });
        if !holds {
            return Err(Code::ScopeDenied.into());
        }
        let granted = self.answers.roles_grant(required, role_set, |wanted| snapshot.roles_grant(role_set, wanted))?;
        trace.step("permission", granted, || match &required.permission {
            Some(permission) => format!("requires {permission}; roles of the key: {}", roles_text(snapshot, role_set)),
            None => "none required".into(),
        });
        if granted { Ok(()) } else { Err(Code::PermissionDenied.into()) }
    }

    #[inline]
    fn judge_address<T: Trace>(&self, client: Client<'_>, trace: &mut T) -> Result<(), Stop> {
        if self.terms.policy == 0 {
            trace.step("IP policy", true, || "none: any address".into());
            return Ok(());
        }
        let policy = self.snapshot.policy(self.terms.policy)?;
        let ip = client.ip();
        let verdict = policy.decide(ip);
        trace.step("IP policy", verdict == IpVerdict::Allowed, || match ip {
            Some(ip) => format!("client address {ip}: {verdict:?}"),
            None => "client address unknown".into(),
        });
        match verdict {
            IpVerdict::Allowed => Ok(()),
            IpVerdict::Denied => Err(Code::IpDenied.into()),
            IpVerdict::Unknown => Err(Code::IpUnknown.into()),
        }
    }
}

fn roles_text(snapshot: &Snapshot, set: u32) -> String {
    let names: Vec<&str> = snapshot.roles(set).into_iter().flatten().flatten().map(|role| role.name).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn scope_text(snapshot: &Snapshot, scope: u32) -> String {
    match snapshot.scope(scope) {
        Ok(Some(scope)) => scope.services().collect::<Vec<_>>().join(", "),
        _ => "all services".into(),
    }
}

type Standing = (&'static str, Code, fn(&Validity, u64) -> String);

/// What is said of a bound before and after it is reached.
type Tense = [&'static str; 2];
const START: Tense = ["is valid from", "has been valid since"];
const END: Tense = ["expires at", "expired at"];

fn bound([ahead, reached]: Tense, at: u64, now: u64) -> String {
    format!("{} {} ({})", if now < at { ahead } else { reached }, Moment(at), Distance { now, to: at })
}

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
            (0, end) => format!("{}, it is {}", bound(END, end, now), Moment(now)),
            (start, 0) => format!("{}, it is {}", bound(START, start, now), Moment(now)),
            (start, end) => format!("{}, {}, it is {}", bound(START, start, now), bound(END, end, now), Moment(now)),
        }),
    ]
}
