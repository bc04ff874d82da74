//! One verification. The order is fixed and the first failure wins:
//! credential, syntax, snapshot, lookup, status, owner, time, IP policy, scope, permission. SPEC.md section 8.

use super::judge::{Client, Question, Record, Silent, Stop, Trace};
use super::staged::Settings;
use super::{Active, Edge, Location, Outcome, RequirementId, Step, is_before_issue};
use crate::http::{self, Block, BlockError, CredentialHeaders, ExtractError, Places};
use crate::ip::Ip;
use crate::key::{KeyId, KeyText, leading_words};
use crate::limits::MAX_CREDENTIAL_BYTES;
use crate::time::{Distance, Moment};
use crate::verdict::Code;
use alloc::{format, vec::Vec};

/// What a report of a request says beside its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The key that was found, whether it was accepted or not.
    pub key_id: Option<KeyId>,
    /// The client's address, as the client-address rule derives it; `None` if it is not known.
    pub client: Option<Ip>,
    /// The connection's address as the host gave it.
    pub peer: Option<&'a [u8]>,
}

impl Edge {
    /// Verifies a key's bare text by SPEC.md section 8, at `now` in Unix seconds. `ip` is the client address as text; absent, empty
    /// or malformed means unknown.
    #[inline]
    pub fn verify_key(&self, text: &[u8], ip: Option<&[u8]>, requirement: RequirementId, now: u64) -> Outcome {
        self.decide(text, Question { client: Client::Text(ip), requirement, now }, &mut Silent)
    }

    /// Verifies a request: takes the credential and the client address out of a request block (SPEC.md section 9). `requirement` is
    /// that of [`Edge::compile`](super::Edge::compile) or [`Edge::compile_routes`](super::Edge::compile_routes), or one of the constants.
    #[inline]
    pub fn verify_block(&self, block: &[u8], requirement: RequirementId, now: u64) -> Outcome {
        self.decide_block(Block::parse(block), requirement, now, &mut Silent)
    }

    /// The same decision as [`Edge::verify_block`], with what a report of the request says besides.
    #[inline]
    pub fn verify_noting<'a>(&self, block: &'a [u8], requirement: RequirementId, now: u64) -> (Outcome, Note<'a>) {
        let block = Block::parse(block);
        let outcome = self.decide_block(block, requirement, now, &mut Silent);
        let shard = |at: Location| self.active.as_ref()?.snapshot.shard(at.shard).ok();
        let key_id = outcome.at.and_then(|at| shard(at)?.key_id(row(at))).map(KeyId);
        let Ok(block) = block else { return (outcome, Note { key_id, client: None, peer: None }) };
        (outcome, Note { key_id, client: self.config.client_of(&block), peer: block.peer() })
    }

    /// The same decision as [`Edge::verify_block`], with every step explained.
    pub fn explain_block(&self, block: &[u8], requirement: RequirementId, now: u64) -> (Outcome, Vec<Step>) {
        let mut steps = Vec::new();
        let outcome = self.decide_block(Block::parse(block), requirement, now, &mut steps);
        (outcome, steps)
    }

    /// Here once for every way to ask it; so is [`Edge::decide`].
    #[inline(never)]
    fn decide_block<T: Trace>(
        &self,
        block: Result<Block<'_>, BlockError>,
        requirement: RequirementId,
        now: u64,
        trace: &mut T,
    ) -> Outcome {
        let mut refuse = |code, reason: &str| {
            trace.step("credential", false, || reason.into());
            Outcome::of(code)
        };
        let Ok(block) = block else { return refuse(Code::InvalidRequest, "the request is not well formed") };
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
        let places = Places { credentials, query: self.config.query.as_deref(), location: self.config.location.as_ref() };
        let text = match http::extract(&block, places) {
            Ok(text) => text,
            Err(ExtractError::Missing) => return refuse(Code::Missing, "none in the places that are accepted"),
            Err(ExtractError::InvalidRequest) => {
                return refuse(Code::InvalidRequest, "two credentials, a repeated header, an empty value or bad syntax");
            }
        };
        self.decide(&text, Question { client: Client::Request(&block, &self.config), requirement, now }, trace)
    }

    /// The same decision as [`Edge::verify_key`], with every step explained.
    pub fn explain_key(&self, text: &[u8], ip: Option<&[u8]>, requirement: RequirementId, now: u64) -> (Outcome, Vec<Step>) {
        let mut steps = Vec::new();
        let outcome = self.decide(text, Question { client: Client::Text(ip), requirement, now }, &mut steps);
        (outcome, steps)
    }

    #[inline(never)]
    fn decide<T: Trace>(&self, text: &[u8], question: Question<'_>, trace: &mut T) -> Outcome {
        let given = !text.is_empty();
        trace.step("credential", given, || if given { format!("{} bytes", text.len()) } else { "none".into() });
        if !given {
            return Outcome::of(Code::Missing);
        }
        let settings = self.active.as_ref().map(|active| &active.settings);
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
        let needing = |place, at: Option<Location>| {
            let known = self.lazy.as_ref().is_some_and(|lazy| at.is_some() || lazy.seen.holds(digest));
            Outcome { flags: if known { Outcome::RETURNING } else { 0 }, ..Outcome::needing(place) }
        };
        let stopped = |stop, at| match stop {
            Stop::Refused(code) => {
                let masked = if self.config.mask_ip && code.maskable() { Outcome::MASKED } else { 0 };
                Outcome { flags: flags | masked, at, ..Outcome::of(code) }
            }
            Stop::Needs(place) => needing(place, at),
        };
        let found = match active.snapshot.find(digest.0, digest.1) {
            Ok(found) => found,
            Err(lack) => {
                trace.step("lookup", false, || "the part of the snapshot that answers is not here".into());
                return stopped(lack.into(), None);
            }
        };
        let found = found.and_then(|(at, shard)| Some((at, shard, shard.terms(row(at))?)));
        let Some((at, shard, terms)) = found else {
            trace.step("lookup", false, || "no such key in this snapshot".into());
            return Outcome { flags, ..Outcome::of(Code::Unknown) };
        };
        trace.step("lookup", true, || format!("{}", KeyId(shard.key_id(row(at)).unwrap_or(0))));
        if let Some(lazy) = &self.lazy {
            lazy.found(digest, at, &terms, &active.snapshot);
        }
        let record = Record { terms, snapshot: &active.snapshot, answers: &active.answers };
        let judged = record.judge(&self.requirements, question, trace);
        match judged {
            Err(stop) => stopped(stop, Some(at)),
            Ok(()) => match active.snapshot.lacks_identity(terms.role_set, terms.scope) {
                Some(place) => needing(place, Some(at)),
                None => Outcome { flags, at: Some(at), ..Outcome::of(Code::Valid) },
            },
        }
    }

    /// The digest by which the snapshot knows a key, as two numbers.
    #[inline]
    fn lookup_digest(&self, key: &KeyText<'_>, active: &Active) -> (u64, u64) {
        let digest = key.digest();
        let pepper = active.settings.pepper.as_ref();
        leading_words(&pepper.map_or(digest, |pepper| pepper.apply(&digest)))
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
                "realm {}, epoch {}, issued at {} ({}), good until {} ({}){}",
                a.head.realm,
                a.head.epoch,
                Moment(a.head.issued_at),
                Distance { now, to: a.head.issued_at },
                Moment(a.head.not_after),
                Distance { now, to: a.head.not_after },
                if code == Code::Valid && now >= a.head.not_after { ": expired, inside the grace" } else { "" }
            ),
        });
        active.filter(|_| code == Code::Valid).ok_or(code)
    }
}

#[inline]
pub(super) fn row(at: Location) -> usize {
    crate::wire::size(at.index)
}

/// Syntax and check. Without a snapshot it is not known whether the realm holds imports, so what could be an imported key is
/// neither accepted nor refused.
#[inline]
fn syntax<'t>(text: &'t [u8], settings: Option<&Settings>) -> Result<KeyText<'t>, Code> {
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
