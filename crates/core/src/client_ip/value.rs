//! What more than one kind of rule reads: a header of one address, and port numbers.

use crate::http::Lines;
use crate::ip::Ip;

/// The address in the only line called `name`.
pub(super) fn single(name: &str, lines: Lines<'_>) -> Option<Ip> {
    Ip::parse(lines.only(name).ok()??).ok()
}

/// 0 to 65535 without leading zero.
pub(super) fn is_port_number(text: &[u8]) -> bool {
    is_port(text) && (text == b"0" || !text.starts_with(b"0"))
}

/// One to five digits, 65535 at most.
pub(super) fn is_port(text: &[u8]) -> bool {
    !text.is_empty() && crate::http::is_port(text)
}
