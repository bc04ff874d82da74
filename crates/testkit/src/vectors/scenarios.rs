//! Updates in their order: what an edge accepts, what it refuses and by which name, and where it stands afterwards.

use super::lies::{self, Parts};
use super::raw::{Head, Tree};
use super::{T0, edits, eras, heads, sequences, trust};
use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// What a step hands to the edge.
#[derive(Clone)]
pub enum Act {
    /// A bundle: staged, checked to its end, committed.
    Update(Vec<u8>),
    /// A head alone, or the beginning of a bundle.
    Offer(Vec<u8>),
}

/// One step and what must come of it.
#[derive(Clone)]
pub struct Step {
    pub act: Act,
    pub roots: Vec<Vec<u8>>,
    pub now: u64,
    /// `accepted`, an offer's answer, or the code of a refusal.
    pub expect: &'static str,
    /// Of an offer that needs its tree, the most that the bundle can have.
    pub bundle_bytes: Option<u64>,
    /// Epoch served and root version in force afterwards.
    pub epoch: Option<u64>,
    pub root_version: u32,
}

/// One edge and what happens to it.
pub struct Scenario {
    pub name: String,
    pub root: Vec<u8>,
    pub config: &'static str,
    pub steps: Vec<Step>,
}

/// A bundle at `T0`, after no root, that changes nothing unless a method says otherwise.
pub fn update(bundle: Vec<u8>, expect: &'static str) -> Step {
    Step { act: Act::Update(bundle), roots: vec![], now: T0, expect, bundle_bytes: None, epoch: None, root_version: 1 }
}

pub fn offer(offered: Vec<u8>, expect: &'static str) -> Step {
    Step { act: Act::Offer(offered), ..update(vec![], expect) }
}

/// An offer that asks for its tree, which has so many bytes.
pub fn asks(offered: Vec<u8>, tree_bytes: u64) -> Step {
    let bundle_bytes = (tree_bytes + tree_bytes / 8 + (1 << 20)).min(3 << 30);
    Step { bundle_bytes: Some(bundle_bytes), ..offer(offered, "tree_needed") }
}

impl Step {
    pub fn at(self, now: u64) -> Step {
        Step { now, ..self }
    }

    pub fn serving(self, epoch: u64) -> Step {
        Step { epoch: Some(epoch), ..self }
    }

    pub fn roots(self, roots: &[&Vec<u8>]) -> Step {
        Step { roots: roots.iter().map(|r| (*r).clone()).collect(), ..self }
    }

    pub fn root_version(self, root_version: u32) -> Step {
        Step { root_version, ..self }
    }
}

/// The bundle of a small honest tree with a head of these fields, signed by publisher 101.
pub fn small(tree: &Tree, epoch: u64) -> Vec<u8> {
    tree.bundle(&Head { epoch, ..Head::of(tree) }.sign(&[101]))
}

/// The root version 1, signed.
pub fn root() -> Vec<u8> {
    trust::first().sign(&[1, 2])
}

/// A row of the tables `deployed` and `refused`.
fn row(name: &str, base: &[u8], bytes: &[u8], code: Option<&str>) -> Value {
    json!({ "name": name, "edits": edits::between(base, bytes), "code": code })
}

pub fn file() -> Result<Value> {
    let honest = Parts::honest()?.tree();
    let (root, bundle) = (root(), small(&honest, 5));
    let deployed: Vec<_> = trust::deployments().iter().map(|d| row(&d.name, &root, &d.root, Some(d.code))).collect();
    let mut refused = Vec::new();
    for head in heads::all(&honest) {
        let mut row = row(head.name, &bundle, &head.bundle, Some(head.code));
        if head.now != T0 {
            row["now"] = head.now.into();
        }
        refused.push(row);
    }
    refused.extend(lies::all()?.iter().map(|(name, bytes, code)| row(name, &bundle, bytes, *code)));
    let mut objects = Objects::default();
    let scenarios = sequences::all(&honest).into_iter().chain(eras::all(&honest));
    let scenarios: Vec<_> = scenarios.map(|scenario| scenario.json(&mut objects)).collect();
    Ok(json!({
        "now": T0,
        "root": BASE64_STANDARD.encode(root),
        "bundle": BASE64_STANDARD.encode(bundle),
        "served": BASE64_STANDARD.encode(small(&honest, 4)),
        "deployed": deployed,
        "refused": refused,
        "objects": objects.members,
        "scenarios": scenarios,
    }))
}

/// Every distinct object once, under a number.
#[derive(Default)]
struct Objects {
    known: Vec<Vec<u8>>,
    members: Map<String, Value>,
}

impl Objects {
    fn name(&mut self, bytes: &[u8]) -> String {
        let place = self.known.iter().position(|known| known == bytes).unwrap_or_else(|| {
            self.known.push(bytes.to_vec());
            self.known.len() - 1
        });
        let name = format!("{place:03}");
        self.members.entry(name.clone()).or_insert_with(|| BASE64_STANDARD.encode(bytes).into());
        name
    }
}

impl Scenario {
    fn json(&self, objects: &mut Objects) -> Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| {
                let (member, bytes) = match &step.act {
                    Act::Update(bundle) => ("bundle", bundle),
                    Act::Offer(offered) => ("offer", offered),
                };
                let mut row = json!({
                    member: objects.name(bytes), "expect": step.expect, "epoch": step.epoch, "root_version": step.root_version,
                });
                if !step.roots.is_empty() {
                    row["roots"] = step.roots.iter().map(|root| objects.name(root)).collect();
                }
                if let Some(bytes) = step.bundle_bytes {
                    row["bundle_bytes"] = bytes.into();
                }
                if step.now != T0 {
                    row["now"] = step.now.into();
                }
                row
            })
            .collect();
        json!({ "name": self.name, "root": objects.name(&self.root), "config": self.config, "steps": steps })
    }
}
