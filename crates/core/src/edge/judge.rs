//! What is asked of a record once it is found: status, owner, time, IP policy, scope, permission. SPEC.md section 8, steps 5
//! to 10. The verification and [`explain_record`](super::explain_record) go through the same lines.

use super::requirement::{Answers, Requirement, Requirements};
use super::{RequirementId, Step};
use crate::error::Error;
use crate::ip::Ip;
use crate::policy::IpVerdict;
use crate::snapshot::Snapshot;
use crate::tree::directory::{Directory, ScopeView};
use crate::tree::shard::{Shard, Validity};
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

/// What a verification is asked, besides the key.
pub(super) struct Question<F> {
    /// The client address, worked out only if a policy wants it.
    pub(super) ip: F,
    pub(super) requirement: RequirementId,
    /// Unix seconds.
    pub(super) now: u64,
}

/// A record, and what its references lead to.
pub(super) struct Record<'a> {
    pub(super) shard: Shard<'a>,
    pub(super) row: usize,
    pub(super) home: Home<'a>,
    pub(super) answers: &'a Answers,
}

/// Where a record stands, and with it the directory. That is read only for what the answers do not know yet.
#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    Snapshot(&'a Snapshot),
    /// In none: its directory was made for it.
    #[cfg(feature = "builder")]
    Nowhere(&'a Directory<'a>),
}

impl<'a> Home<'a> {
    fn directory(self) -> Result<Directory<'a>, Error> {
        match self {
            Home::Snapshot(snapshot) => snapshot.directory(),
            #[cfg(feature = "builder")]
            Home::Nowhere(directory) => Ok(*directory),
        }
    }
}

impl Record<'_> {
    #[inline]
    pub(super) fn judge<F: FnOnce() -> Option<Ip>, T: Trace>(
        &self,
        requirements: &Requirements,
        question: Question<F>,
        trace: &mut T,
    ) -> Result<(), Code> {
        let validity = self.shard.validity(self.row).ok_or(Code::Internal)?;
        for (name, code, note) in standing(&validity, question.now) {
            trace.step(name, code == Code::Valid, || note(&validity, question.now));
            if code != Code::Valid {
                return Err(code);
            }
        }
        self.judge_address(question.ip, trace)?;
        if question.requirement == RequirementId::DENY {
            trace.step("permission", false, || "this route is open to no key".into());
            return Err(Code::PermissionDenied);
        }
        let Some(required) = requirements.get(question.requirement) else {
            trace.step("scope", false, || "the requirement is not well formed".into());
            return Err(Code::BadRequirement);
        };
        self.judge_grants(required, trace)
    }

    #[inline]
    fn judge_grants<T: Trace>(&self, required: &Requirement, trace: &mut T) -> Result<(), Code> {
        let (scope, role_set) = (self.shard.scope(self.row), self.shard.role_set(self.row));
        let directory = || self.home.directory();
        let holds =
            self.answers.scope_holds(required, scope, |service| directory().is_ok_and(|d| d.scope_holds(scope, service)));
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
            self.answers.roles_grant(required, role_set, |wanted| directory().is_ok_and(|d| d.roles_grant(role_set, wanted)));
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

    #[inline]
    fn judge_address<T: Trace>(&self, ip: impl FnOnce() -> Option<Ip>, trace: &mut T) -> Result<(), Code> {
        let Some(policy) = self.shard.policy(self.row).ok_or(Code::Internal)? else {
            trace.step("IP policy", true, || "none: any address".into());
            return Ok(());
        };
        let ip = ip();
        let verdict = policy.decide(ip);
        trace.step("IP policy", verdict == IpVerdict::Allowed, || match ip {
            Some(ip) => format!("client address {ip}: {verdict:?}"),
            None => "client address unknown".into(),
        });
        match verdict {
            IpVerdict::Allowed => Ok(()),
            IpVerdict::Denied => Err(Code::IpDenied),
            IpVerdict::Unknown => Err(Code::IpUnknown),
        }
    }
}

pub(super) fn role_names<'a, 'd>(directory: &'d Directory<'a>, set: u32) -> impl Iterator<Item = &'a str> + use<'a, 'd> {
    let roles = directory.role_set(set).into_iter().flat_map(|set| set.iter());
    roles.filter_map(|role| directory.role(role).map(|r| r.name))
}

fn scope_text(directory: &Directory<'_>, scope: u32) -> String {
    match directory.scope(scope) {
        Some(ScopeView::List(list)) => list.iter().filter_map(|s| directory.service(s)).collect::<Vec<_>>().join(", "),
        _ => "all services".into(),
    }
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
