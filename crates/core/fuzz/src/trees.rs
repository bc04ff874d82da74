//! Input: what an administrator does to a realm, change by change.
//!
//! Each tree is built anew and by steps, which must give the same bytes; the reader of section 5 must find in them what the administrator did; an
//! edge that gets it whole, as a patch or object by object must answer as section 8 says.

use crate::oracle::model::{Question, Span, verdict};
use crate::oracle::policy::Rules;
use crate::oracle::tree::{Announced, Content, Record as Seen, read};
use crate::policies;
use arbitrary::{Result, Unstructured};
use edgelatch_core::build::*;
use edgelatch_core::edge::Edge;
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::tree::Place;
use edgelatch_testkit::realm::{self, T0};
use std::collections::{BTreeMap, BTreeSet};

/// How many keys there may be, those of a crowd aside.
const KEYS: u8 = 12;
/// A crowd makes a tree of several shards.
const CROWD: u64 = 300;
/// Words that patterns, services and demands are made of.
const WORDS: [&str; 6] = ["a", "b", "view", "*", "dns.*", "*.view"];
const DEMANDS: [Option<&str>; 8] =
    [None, Some("a"), Some("a.view"), Some("a|b"), Some("a&b.view"), Some("dns.a.view&b"), Some("*"), Some("")];
const SERVICES: [Option<&str>; 4] = [None, Some("a"), Some("b.view"), Some("not a service")];

/// A realm as an administrator knows it.
#[derive(Clone)]
pub struct World {
    state: State,
    policies: BTreeMap<u32, Rules>,
    crowd: bool,
}

impl Default for World {
    fn default() -> Self {
        let settings = Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None };
        let state = State { settings, entries: BTreeMap::new(), records: Vec::new() };
        World { state, policies: BTreeMap::new(), crowd: false }
    }
}

/// The text of key `n`; every third one is an imported one.
pub fn text(n: u64) -> String {
    if n % 3 == 2 { format!("an-imported-key-{n}") } else { realm::text(n) }
}

fn words(input: &mut Unstructured<'_>, stars: bool) -> Result<Vec<String>> {
    let mut all = BTreeSet::new();
    for _ in 0..input.int_in_range(0..=3)? {
        all.insert(WORDS[input.choose_index(if stars { 6 } else { 3 })?].to_owned());
    }
    Ok(all.into_iter().collect())
}

fn number(input: &mut Unstructured<'_>) -> Result<u32> {
    // Of two chunks, and of one far away.
    Ok([1, 2, 3, 63, 64, 65, (1 << 24) + 5][input.choose_index(7)?])
}

fn reference(input: &mut Unstructured<'_>) -> Result<u32> {
    Ok(if crate::seldom(input, 3)? { 0 } else { number(input)? })
}

fn time(input: &mut Unstructured<'_>) -> Result<Option<u64>> {
    Ok([None, Some(T0), Some(T0 + 5), Some(T0 - 1), Some(1), Some((1 << 53) - 1)][input.choose_index(6)?])
}

impl World {
    /// One act. Returns what it changed.
    pub fn act(&mut self, input: &mut Unstructured<'_>) -> Result<Change> {
        let mut change =
            Change { settings: self.state.settings.clone(), entries: Vec::new(), removed: Vec::new(), put: Vec::new() };
        match input.int_in_range(0..=9)? {
            0..=3 => change.put.push(record(u64::from(input.int_in_range(1..=KEYS)?), input)?),
            4 => change.removed.push(key::digest(text(u64::from(input.int_in_range(1..=KEYS)?)).as_bytes())),
            5 => {
                let entry =
                    Entry::Role(RoleRecord { name: format!("r{}", input.arbitrary::<u8>()?), patterns: words(input, true)? });
                change.entries.push((Table::Roles, number(input)?, Some(entry)));
            }
            6 => {
                let mut roles = BTreeSet::from([number(input)?]);
                roles.insert(number(input)?);
                change.entries.push((Table::RoleSets, number(input)?, Some(Entry::RoleSet(roles.into_iter().collect()))));
            }
            7 => change.entries.push((Table::Scopes, number(input)?, Some(Entry::Scope(words(input, false)?)))),
            8 => {
                let ((policy, rules), at) = (policies::policy(input)?, number(input)?);
                if !rules.restricts_nobody() {
                    change.entries.push((Table::Policies, at, Some(Entry::Policy(policy))));
                    self.policies.insert(at, rules);
                }
            }
            _ => self.other(input, &mut change)?,
        }
        self.state.settings = change.settings.clone();
        for (table, at, entry) in &change.entries {
            match entry {
                Some(entry) => drop(self.state.entries.insert((*table, *at), entry.clone())),
                None => drop(self.state.entries.remove(&(*table, *at))),
            }
        }
        let gone = |digest: &[u8; 32]| change.removed.contains(digest) || change.put.iter().any(|put| put.digest == *digest);
        self.state.records.retain(|record| !gone(&record.digest));
        self.state.records.extend(change.put.iter().cloned());
        Ok(change)
    }

    fn other(&mut self, input: &mut Unstructured<'_>, change: &mut Change) -> Result<()> {
        match input.int_in_range(0..=3)? {
            0 => {
                let (table, at) = (*input.choose(&Table::ALL)?, number(input)?);
                change.entries.push((table, at, None));
                if table == Table::Policies {
                    self.policies.remove(&at);
                }
            }
            1 => change.settings.imports = input.arbitrary()?,
            2 => {
                change.settings.credentials =
                    *input.choose(&[CredentialHeaders::BEARER, CredentialHeaders::API_KEY, CredentialHeaders::all()])?
            }
            _ => {
                let crowd = 1000..1000 + CROWD;
                if self.crowd {
                    change.removed.extend(crowd.map(|n| key::digest(text(n).as_bytes())));
                } else {
                    let empty = &mut Unstructured::new(&[]);
                    change.put.extend(crowd.map(|n| record(n, empty)).collect::<Result<Vec<_>>>()?);
                }
                self.crowd = !self.crowd;
            }
        }
        Ok(())
    }

    /// The tree, built anew.
    pub fn tree(&self) -> Tree {
        Tree::build(&self.state).expect("a sound state")
    }

    /// What the reader of section 5 must find.
    fn content(&self) -> Content {
        let mut content = Content {
            credentials: self.state.settings.credentials.bits(),
            imports: self.state.settings.imports,
            ..Content::default()
        };
        for ((_, at), entry) in &self.state.entries {
            match entry.clone() {
                Entry::Role(role) => drop(content.roles.insert(*at, (role.name, role.patterns))),
                Entry::RoleSet(set) => drop(content.role_sets.insert(*at, set)),
                Entry::Scope(scope) => drop(content.scopes.insert(*at, scope)),
                // In minimal form, which the attack on policies looks at.
                Entry::Policy(_) => {}
            }
        }
        for record in &self.state.records {
            let seen = Seen {
                key_id: record.key_id.0,
                role_set: record.role_set,
                disabled: record.owner_disabled,
                revoked: record.revoked,
                scope: record.scope,
                policy: record.policy,
                not_before: record.not_before.unwrap_or(0),
                expires_at: record.expires_at.unwrap_or(0),
                subject: (record.org.clone(), record.owner.clone()),
                claims: (record.name.clone(), record.metadata.clone()),
            };
            content.records.insert(*record.digest.first_chunk().expect("32 bytes"), seen);
        }
        content
    }
}

fn record(n: u64, input: &mut Unstructured<'_>) -> Result<Record> {
    let names = ["", "x", "a name", "ein Schlüssel"];
    Ok(Record {
        digest: key::digest(text(n).as_bytes()),
        key_id: KeyId(n),
        org: format!("org-{}", input.arbitrary::<u8>()? & 3),
        owner: format!("owner-{}", input.arbitrary::<u8>()? & 3),
        owner_disabled: crate::seldom(input, 8)?,
        name: names[input.choose_index(4)?].into(),
        metadata: ["", "{}"][input.choose_index(2)?].into(),
        revoked: crate::seldom(input, 8)?,
        not_before: time(input)?,
        expires_at: time(input)?,
        role_set: reference(input)?,
        scope: reference(input)?,
        policy: reference(input)?,
    })
}

/// What a head says of a tree.
pub fn announced(tree: &Tree) -> Announced {
    Announced { tree: tree.id().0, bytes: tree.bytes(), records: tree.records }
}

/// Asks an edge whatever there is to ask of the keys of `World`, and compares.
pub fn interrogate(edge: &mut Edge, content: &Content, input: &mut Unstructured<'_>) -> Result<()> {
    let span = edge.head().map(|head| Span { issued_at: head.issued_at, not_after: head.not_after, grace: 0 });
    let seed = input.arbitrary::<u64>().unwrap_or(1);
    let mut random = edgelatch_testkit::random::Random(seed | 1);
    let first = content.policies.values().flat_map(|rules| rules.allow.iter().chain(&rules.deny)).map(|net| net.network());
    let ips: Vec<_> = first.take(16).collect();
    for n in (1..=u64::from(KEYS)).chain([1000, 1001, 1299]) {
        for _ in 0..3 {
            let (service, demand) = (SERVICES[random.below(4)], DEMANDS[random.below(8)]);
            let now = [T0, T0 + 4, T0 + 5, T0 - 300, T0 - 301, T0 + realm::DAY - 1, T0 + realm::DAY][random.below(7)];
            let ip = if random.below(4) == 0 || ips.is_empty() { None } else { Some(ips[random.below(ips.len())]) };
            let text = text(n);
            let question = Question { text: text.as_bytes(), ip, service, demand, now };
            let wanted = verdict(span.map(|span| (content, span)), question);
            let requirement = edge.compile(service, demand);
            let shown = ip.map(|ip| ip.to_string());
            let outcome = edge.verify_key(text.as_bytes(), shown.as_ref().map(|ip| ip.as_bytes()), requirement, now);
            assert_eq!(outcome.code.name(), wanted, "{question:?}");
            if wanted != "valid" {
                continue;
            }
            let identity = edge.identity(edge.generation(), outcome.at.expect("a record")).expect("an identity");
            let seen = &content.records[key::digest(text.as_bytes()).first_chunk().expect("32 bytes")];
            assert_eq!((identity.labels.org, identity.labels.owner), (&*seen.subject.0, &*seen.subject.1));
            assert_eq!((identity.labels.name, identity.labels.metadata), (&*seen.claims.0, &*seen.claims.1));
        }
    }
    Ok(())
}

fn update(edge: &mut Edge, before: Option<&Tree>, tree: &Tree, epoch: u64, way: u8) {
    let fields = HeadFields { issued_at: T0, not_after: T0 + realm::DAY, ..realm::head_fields(epoch, tree) };
    let head = sign_head(&fields, &realm::signers(&[101])).expect("a head");
    if way == 0 || before.is_none() {
        return realm::update(edge, &[], encode_bundle(&head, tree).expect("a bundle"), T0).expect("an honest bundle");
    }
    let served = edge.head().map(|head| head.tree) == Some(tree.id());
    edge.offer(&[], &head, T0).expect("an honest head");
    if served {
        return;
    }
    let mut staged = edge.begin(&[], T0).expect("the head that was offered");
    if let (1, Some(before)) = (way, before) {
        staged.patch(realm::patch_between(before, tree)).expect("a patch from the tree being served");
        while staged.check(512).expect("an honest patch") > 0 && staged.is_working() {}
    }
    while let Some(need) = staged.need(Place::Top) {
        staged.supply(need.place, tree.object(need.place).expect("a place").to_vec()).expect("an honest object");
    }
    edge.commit(staged, T0).expect("a whole tree");
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let mut world = World::default();
    let mut edge = realm::edge("");
    let mut tree = world.tree();
    let mut served: Option<Tree> = None;
    for epoch in 1..=8 {
        if epoch > 1 && input.is_empty() {
            break;
        }
        for _ in 0..input.int_in_range(1..=4)? {
            let change = world.act(input)?;
            tree.change(&change).expect("a sound change");
        }
        assert!(tree == world.tree(), "by steps and anew");
        let bytes: Vec<u8> = tree.objects().collect::<Vec<_>>().concat();
        let mut content = read(&bytes, tree.top.len(), announced(&tree)).expect("section 5");
        let policies = std::mem::take(&mut content.policies);
        assert_eq!(content, world.content());
        assert_eq!(policies.keys().collect::<Vec<_>>(), world.policies.keys().collect::<Vec<_>>());
        // By the lists as the administrator gave them.
        content.policies = world.policies.clone();
        update(&mut edge, served.as_ref(), &tree, epoch, input.int_in_range(0..=2)?);
        served = Some(tree.clone());
        interrogate(&mut edge, &content, input)?;
    }
    Ok(())
}
