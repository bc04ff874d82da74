//! SPEC.md section 1: numbers, texts, and bytes in their order.

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next `n`.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned little-endian number of so many bytes, at most eight.
    pub fn number(&mut self, width: usize) -> Option<u64> {
        Some(self.take(width)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// A length and as many bytes of UTF-8.
    pub fn text8(&mut self) -> Option<&'a str> {
        let length = self.number(1)?;
        std::str::from_utf8(self.take(usize::try_from(length).ok()?)?).ok()
    }

    /// Whether these come next.
    pub fn is(&mut self, expected: &[u8]) -> Option<()> {
        (self.take(expected.len())? == expected).then_some(())
    }

    /// Nothing may follow.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// `magic[4] u16 format=2`.
    pub fn object(bytes: &'a [u8], magic: &[u8; 4]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        bytes.is(magic)?;
        bytes.is(&[2, 0])?;
        Some(bytes)
    }
}

/// Whether each is less than the next.
pub fn ascends<T: PartialOrd>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1])
}
