//! What a record would get that stands in no snapshot yet: for whoever looks after keys.

use super::Step;
use super::judge::{Client, Question, Record, Stop};
use super::requirement::{Answers, Requirements};
use crate::build::{KeyRecord, RealmRecord, RoleRecord, build_tree};
use crate::error::Error;
use crate::http::CredentialHeaders;
use crate::ip::Ip;
use crate::verdict::Code;
use alloc::{vec, vec::Vec};

/// The facts of a request that decide about a key that was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    /// The client's address; `None` if it is not known.
    pub ip: Option<Ip>,
    /// The service that the route belongs to, as in [`Edge::compile`](super::Edge::compile).
    pub service: Option<&'a str>,
    /// The permission that the route requires.
    pub permission: Option<&'a str>,
    /// Unix seconds.
    pub now: u64,
}

/// What an edge would answer to the holder of `record` once it is published, and the steps that lead there: SPEC.md section 8 from
/// step 5 on, by the same code. The first step that did not pass is the last. `record.roles` points into `roles`; its digest does
/// not matter, and neither does a host's choice to mask refused addresses.
///
/// An error says that the record can stand in no snapshot, since it breaks a limit or a rule of the format.
pub fn explain_record(roles: Vec<RoleRecord>, record: KeyRecord, facts: &RequestFacts<'_>) -> Result<(Code, Vec<Step>), Error> {
    let realm = RealmRecord { credentials: CredentialHeaders::all(), imports: false, pepper: None, roles };
    // Encoded as it would be published: so the explanation rests on what an edge would read, and on no second reading of a role.
    let snapshot = build_tree(&realm, vec![record])?.snapshot()?;
    let terms = snapshot.shard(0).ok().and_then(|shard| shard.terms(0)).ok_or(Error::Truncated { object: "shard" })?;
    let mut requirements = Requirements::default();
    let requirement = requirements.compile(facts.service, facts.permission);
    let question = Question { client: Client::Known(facts.ip), requirement, now: facts.now };
    let mut steps = Vec::new();
    let record = Record { terms, snapshot: &snapshot, answers: &Answers::none() };
    let code = match record.judge(&requirements, question, &mut steps) {
        Ok(()) => Code::Valid,
        Err(Stop::Refused(code)) => code,
        // Nothing is missing in a tree that was just built.
        Err(Stop::Needs(_)) => Code::Internal,
    };
    Ok((code, steps))
}
