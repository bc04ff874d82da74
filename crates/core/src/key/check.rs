//! The check characters of a key's text: a CRC-32, written in base62.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The digits, in the order of their values.
pub(super) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that check what stands before them.
pub(super) const CHECK: usize = 6;

/// The check characters of everything before them.
#[inline]
pub(super) fn check_of(body: &[u8]) -> [u8; CHECK] {
    let mut out = [0; CHECK];
    // Not `base62`: dividing 32 bits by a constant takes no division, and this is on the path of every verification.
    let mut value = crc32(body);
    for place in out.iter_mut().rev() {
        *place = usize::try_from(value % 62).ok().and_then(|d| BASE62.get(d)).copied().unwrap_or(b'0');
        value /= 62;
    }
    out
}

/// Writes `value` as base62, most significant digit first, filling `out`.
pub(super) fn base62(mut value: u64, out: &mut [u8]) {
    for place in out.iter_mut().rev() {
        *place = usize::try_from(value % 62).ok().and_then(|d| BASE62.get(d)).copied().unwrap_or(b'0');
        value /= 62;
    }
}

/// CRC-32 as in IEEE 802.3 (reflected, polynomial 0xEDB88320), four bytes a step: the look-ups of one step do not wait for
/// each other.
#[inline]
fn crc32(bytes: &[u8]) -> u32 {
    let row = |table: &Table, byte: u8| table.get(usize::from(byte)).map_or(0, |entry| entry.load(Ordering::Relaxed));
    let [last, third, second, first] = tables();
    let (words, rest) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(!0, |crc, word| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*word)).to_le_bytes();
        row(first, a) ^ row(second, b) ^ row(third, c) ^ row(last, d)
    });
    !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ row(last, crc.to_le_bytes()[0] ^ byte))
}

type Table = [AtomicU32; 256];

/// Table `n`: what a byte does to the CRC when `n` more bytes follow it in the same step.
#[inline]
fn tables() -> &'static [Table; 4] {
    /// Filled at first use: worked out by the compiler, they would be a twelfth of the compressed wasm file.
    static TABLES: [Table; 4] = [const { [const { AtomicU32::new(0) }; 256] }; 4];
    static FILLED: AtomicBool = AtomicBool::new(false);
    if !FILLED.load(Ordering::Acquire) {
        fill(&TABLES);
        // Whoever fills them at the same moment writes the same.
        FILLED.store(true, Ordering::Release);
    }
    &TABLES
}

#[cold]
#[inline(never)]
fn fill(tables: &[Table; 4]) {
    let step = |value: u32| if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
    for byte in 0..=u8::MAX {
        let mut value = u32::from(byte);
        for table in tables {
            value = (0..8).fold(value, |value, _| step(value));
            if let Some(entry) = table.get(usize::from(byte)) {
                entry.store(value, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_and_base62_have_their_published_values() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let mut out = [0; 6];
        base62(u64::from(u32::MAX), &mut out);
        assert_eq!(&out, b"4gfFC3");
    }
}
