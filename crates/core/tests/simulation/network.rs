//! What lies between the publisher and an edge. It may bring anything that was ever published, or a part of it, or nothing.

use edgelatch_core::tree::ObjectId;
use edgelatch_testkit::random::Random;

use crate::origin::{Origin, Published};

/// How bad it is: of ten answers so many are not what was asked for.
#[derive(Clone, Copy)]
pub struct Network {
    pub faults: usize,
}

impl Network {
    pub fn head(self, origin: &Origin, random: &mut Random) -> Option<Vec<u8>> {
        if self.fails(random) && random.below(3) == 0 {
            return Some(origin.forged(random));
        }
        let published = self.some_epoch(origin, random);
        // Some sources have no heads of their own, and some caches mix them up.
        let bytes = if self.fails(random) { published.bundle.as_ref() } else { &published.head };
        self.carry(bytes, random)
    }

    pub fn bundle(self, origin: &Origin, random: &mut Random) -> Option<Vec<u8>> {
        let published = self.some_epoch(origin, random);
        self.carry(&published.bundle, random)
    }

    pub fn root(self, origin: &Origin, version: u32, random: &mut Random) -> Option<Vec<u8>> {
        let at = if self.fails(random) { random.below(origin.roots.len()) } else { (version as usize).checked_sub(1)? };
        self.carry(origin.roots.get(at)?, random)
    }

    pub fn object(self, origin: &Origin, id: ObjectId, random: &mut Random) -> Option<Vec<u8>> {
        if self.fails(random) {
            let ids: Vec<&ObjectId> = origin.objects.keys().collect();
            // The order of a map is chance that no seed repeats.
            let other = ids.into_iter().min_by_key(|other| other.0.map(|byte| byte ^ random.0 as u8))?;
            return self.carry(&origin.objects[other], random);
        }
        self.carry(origin.objects.get(&id)?, random)
    }

    pub fn patch(self, origin: &Origin, from: ObjectId, to: ObjectId, random: &mut Random) -> Option<Vec<u8>> {
        if self.fails(random) {
            let other = origin.patches.iter().min_by_key(|(names, _)| names.1.0.map(|byte| byte ^ random.0 as u8))?;
            return self.carry(other.1, random);
        }
        self.carry(origin.patches.get(&(from, to))?, random)
    }

    fn some_epoch<'a>(self, origin: &'a Origin, random: &mut Random) -> &'a Published {
        if self.fails(random) { &origin.history[random.below(origin.history.len())] } else { origin.newest() }
    }

    fn carry(self, bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
        if !self.fails(random) {
            return Some(bytes.to_vec());
        }
        let mut bytes = bytes.to_vec();
        match random.below(4) {
            0 => return None,
            1 => bytes.truncate(random.below(bytes.len() + 1)),
            2 if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            _ => bytes.push(0),
        }
        Some(bytes)
    }

    fn fails(self, random: &mut Random) -> bool {
        random.below(10) < self.faults
    }
}
