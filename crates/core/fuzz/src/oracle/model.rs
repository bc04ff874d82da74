//! SPEC.md section 8: one verification, step by step, over what a tree says.

use super::tree::{Content, Record};
use crate::permissions::{demand, meets, permission};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// When a snapshot may be used.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Of the head.
    pub issued_at: u64,
    /// Of the head.
    pub not_after: u64,
    /// Of the host.
    pub grace: u64,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The text that was presented.
    pub text: &'a [u8],
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The service that the route names.
    pub service: Option<&'a str>,
    /// The demand of the route.
    pub demand: Option<&'a str>,
    /// Unix seconds.
    pub now: u64,
}

/// Steps 1 to 10; the name of the code. No pepper.
pub fn verdict(content: Option<(&Content, Span)>, question: Question<'_>) -> &'static str {
    let Question { text, now, .. } = question;
    if text.is_empty() {
        return "missing";
    }
    let imports = content.is_none_or(|(content, _)| content.imports);
    let formed = if imports { crate::keys::is_imported(text) } else { crate::keys::is_issued(text) };
    if !formed || text.len() > 512 {
        return "malformed";
    }
    let Some((content, span)) = content else { return "snapshot_missing" };
    if now + 300 < span.issued_at {
        return "clock_invalid";
    }
    if now >= span.not_after + span.grace {
        return "snapshot_stale";
    }
    let digest: [u8; 32] = Sha256::digest(text).into();
    let Some(record) = digest.first_chunk().and_then(|key| content.records.get(key)) else { return "unknown" };
    judge(content, record, question)
}

fn judge(content: &Content, record: &Record, question: Question<'_>) -> &'static str {
    let Question { ip, service, demand: wanted, now, .. } = question;
    if record.revoked {
        return "revoked";
    }
    if record.disabled {
        return "owner_disabled";
    }
    if now < record.not_before {
        return "not_yet_valid";
    }
    if record.expires_at > 0 && now >= record.expires_at {
        return "expired";
    }
    if record.policy > 0 {
        // The policy before the address.
        let Some(rules) = content.policies.get(&record.policy) else { return "internal" };
        match ip {
            None => return "ip_unknown",
            Some(ip) if !rules.allow(ip) => return "ip_denied",
            Some(_) => {}
        }
    }
    let is_sound = service.is_none_or(|text| permission(text.as_bytes()).is_some())
        && wanted.is_none_or(|text| demand(text.as_bytes()).is_some());
    if !is_sound {
        return "bad_requirement";
    }
    if record.scope > 0 {
        let Some(service) = service else { return "scope_denied" };
        match content.scopes.get(&record.scope) {
            None => return "internal",
            Some(services) if !services.iter().any(|one| one == service) => return "scope_denied",
            Some(_) => {}
        }
    }
    let Some(wanted) = wanted.and_then(|text| demand(text.as_bytes())) else { return "valid" };
    let roles = match record.role_set {
        0 => &Vec::new(),
        number => match content.role_sets.get(&number) {
            None => return "internal",
            Some(set) => set,
        },
    };
    let Some(roles) = roles.iter().map(|role| content.roles.get(role)).collect::<Option<Vec<_>>>() else { return "internal" };
    let patterns: Vec<&[u8]> = roles.iter().flat_map(|(_, patterns)| patterns.iter().map(String::as_bytes)).collect();
    if meets(&patterns, &wanted) { "valid" } else { "permission_denied" }
}
