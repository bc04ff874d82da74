//! The root that a check is deployed with.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A root's bytes out of themselves, or out of their base64 or base64url text, as `edgelatch init` prints it. The bytes of a root are no such text: they hold zeros.
pub fn root_bytes(root: Vec<u8>) -> Vec<u8> {
    const EITHER: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, EITHER));
    engines.iter().find_map(|engine| engine.decode(root.trim_ascii()).ok()).unwrap_or(root)
}
