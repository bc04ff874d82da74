//! Lower-case hexadecimal.

/// `bytes` as text.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digest that `text` spells as [`hex`] does.
pub(crate) fn digest(text: &str) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.0.iter().map(|&[high, low]| Some(value(high)? << 4 | value(low)?)).collect();
    if pairs.1.is_empty() { bytes?.try_into().ok() } else { None }
}
