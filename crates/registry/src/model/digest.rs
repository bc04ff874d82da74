//! The SHA-256 of a key's text: an imported one's, as text brings it, and that of a text which somebody found.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::Error;

/// Base64 with or without padding.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// SHA-256 of a key's whole text: what an import brings, or a text that somebody found. It has no `Display`: digests stay in the registry.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
#[debug("Digest")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits, or base64 of 32 bytes in either alphabet.
    pub fn parse(field: &str, text: &str) -> Result<Digest, Error> {
        let bytes = hex(text).or_else(|| base64(text)).ok_or_else(|| {
            let reason = "must be a SHA-256: 64 hexadecimal digits, or base64 of 32 bytes; \
                          from a key's text: printf %s \"$KEY\" | sha256sum";
            Error::invalid(field, reason)
        })?;
        // The digest of nothing, and a field left at zero, are slips of an export, not keys.
        if bytes == [0; 32] || bytes == edgelatch_core::key::digest(b"") {
            return Err(Error::invalid(
                field,
                "is the digest of an empty text or all zeros; export the digests of the keys again",
            ));
        }
        Ok(Digest(bytes))
    }

    /// That of a text which may be a key's, wherever somebody found it. The text is not kept.
    pub fn of(text: &str) -> Digest {
        Digest(edgelatch_core::key::digest(text.as_bytes()))
    }

    /// Its leftmost half: as much as a snapshot holds, and by which one is found.
    pub(crate) fn beginning(&self) -> &[u8] {
        self.0.split_at(16).0
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

fn base64(text: &str) -> Option<[u8; 32]> {
    [&STANDARD, &URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(text).ok()?.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hex_and_base64() {
        let bytes: [u8; 32] = edgelatch_core::key::digest(b"legacy-key-000000");
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let std = base64::engine::general_purpose::STANDARD.encode(bytes);
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        for text in [&hex, &hex.to_uppercase(), &std, &url, std.trim_end_matches('=')] {
            assert_eq!(Digest::parse("sha256", text).unwrap().bytes(), &bytes, "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let bad = [
            "",
            "abc",
            &"0".repeat(64),
            &"g".repeat(64),
            &"a".repeat(63),
            &"A".repeat(44),
            empty,
            &format!(" {}", "a".repeat(63)),
        ];
        for text in bad {
            let error = Digest::parse("sha256", text).unwrap_err().to_string();
            assert!(error.starts_with("`sha256`: "), "{error}");
        }
    }
}
