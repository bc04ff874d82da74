//! Numbers that look like chance and are the same on every run and machine, so that failures repeat.

/// A small generator (xorshift64*). Its seed must not be 0.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below another one.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    /// Fills with bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        out.iter_mut().for_each(|byte| *byte = self.number().to_le_bytes()[3]);
    }

    /// One of several things.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// One of the texts with some bytes replaced, removed, doubled, or taken from another one.
    pub fn mutate(&mut self, texts: &[&str]) -> Vec<u8> {
        let mut bytes = self.pick(texts).as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.insert(at, self.number().to_le_bytes()[3]),
                1 => bytes.insert(at, b":.,\"/% \n=[0\\"[self.below(12)]),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => {
                    let piece = bytes[at..].to_vec();
                    bytes.extend(piece);
                }
                4 => bytes.truncate(at),
                _ => {
                    let other = self.pick(texts).as_bytes();
                    let from = self.below(other.len() + 1);
                    bytes.splice(at.., other[from..].iter().copied());
                }
            }
        }
        bytes
    }
}
