//! What must hold of an edge after every step.

use edgelatch_core::edge::{Outcome, RequirementId};
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;

use crate::network::Network;
use crate::node::{Mode, Node};
use crate::origin::{ASKED, CLIENT, Origin, text};
use crate::world::Counts;

/// A question: a key, what is required of it, and whether the address is known.
#[derive(Clone, Copy)]
pub struct Question {
    pub n: u64,
    pub asked: usize,
    pub known: bool,
}

impl Node {
    pub fn check(&mut self, origin: &Origin, network: Network, random: &mut Random, now: u64, counts: &mut Counts) {
        let now = self.now(now);
        let published = self.edge.head().map(|head| {
            let found = origin.history.iter().find(|published| published.epoch == head.epoch && published.tree == head.tree);
            found.expect("an epoch that was published")
        });
        if let Some(published) = published {
            assert!(published.epoch >= self.highest, "epoch {} after {}", published.epoch, self.highest);
            self.highest = published.epoch;
        }
        for _ in 0..6 {
            let n = 1 + random.below(origin.newest().truth.keys.len() + 3) as u64;
            let question = Question { n, asked: random.below(ASKED.len()), known: random.below(3) > 0 };
            let Question { asked, known, .. } = question;
            let expected = match published {
                None => Code::SnapshotMissing,
                Some(published) => published.unfit(now).unwrap_or_else(|| published.truth.verdict(n, known, ASKED[asked], now)),
            };
            let mut outcome = self.ask(question, now);
            if self.mode == Mode::Lazy {
                outcome = self.fetch_for(question, outcome, origin, network, random, now, counts);
            }
            if let Some(needs) = outcome.needs {
                assert_eq!(outcome.code, Code::ShardNeeded);
                assert!(self.edge.objects().all(|(here, _)| here != needs), "{needs:?} is not missing");
                assert!(self.mode == Mode::Lazy || self.edge.need(needs).is_some_and(|need| need.place == needs));
                counts.needed += 1;
                continue;
            }
            assert_eq!(outcome.code, expected, "key {n} under epoch {:?}", published.map(|published| published.epoch));
            counts.verdicts += 1;
            if outcome.code == Code::Valid {
                let identity = self.edge.identity(self.edge.generation(), outcome.at.unwrap()).expect("an identity");
                assert_eq!(identity.key_id.0, n);
            }
        }
        if self.mode == Mode::Lazy {
            assert_eq!(self.edge.need(Place::Top), None);
            self.check_held(counts);
        }
    }

    pub fn ask(&self, Question { n, asked, known }: Question, now: u64) -> Outcome {
        let requirement = RequirementId(RequirementId::NONE.0 + asked as u32);
        self.edge.verify_key(text(n).as_bytes(), known.then_some(CLIENT.as_bytes()), requirement, now)
    }
}
