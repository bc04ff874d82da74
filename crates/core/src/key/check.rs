//! The check characters of a key's text: a CRC-32, written in base62.

/// The digits, in the order of their values.
pub(super) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that check what stands before them.
pub(super) const CHECK: usize = 6;

/// The check characters of everything before them.
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
fn crc32(bytes: &[u8]) -> u32 {
    let row = |table: &[u32; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let [last, third, second, first] = &CRC_TABLES;
    let (words, rest) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(!0, |crc, word| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*word)).to_le_bytes();
        row(first, a) ^ row(second, b) ^ row(third, c) ^ row(last, d)
    });
    !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ row(last, crc.to_le_bytes()[0] ^ byte))
}

/// Table `n`: what a byte does to the CRC when `n` more bytes follow it in the same step.
// Evaluated at compile time, where a bad index is a build error.
#[allow(clippy::as_conversions, clippy::indexing_slicing)]
static CRC_TABLES: [[u32; 256]; 4] = {
    let mut tables = [[0u32; 256]; 4];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        tables[0][i] = value;
        i += 1;
    }
    let mut n = 1;
    while n < 4 {
        let mut i = 0;
        while i < 256 {
            let before = tables[n - 1][i];
            tables[n][i] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            i += 1;
        }
        n += 1;
    }
    tables
};

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
