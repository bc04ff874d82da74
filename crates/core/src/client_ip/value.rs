//! What more than one kind of rule reads: the address of the connection, a header of one address, and port numbers.

use crate::http::Lines;
use crate::ip::{Ip, parse_v6};

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

/// The address of a connection as its runtime writes it: here, and nowhere else, a link-local one may carry the zone that tells this
/// host which of its interfaces it belongs to (`fe80::1%eth0`, RFC 4007 section 11). It says nothing of the client.
pub(super) fn connected(text: &[u8]) -> Option<Ip> {
    let Some(end) = text.iter().position(|&b| b == b'%') else { return Ip::parse(text).ok() };
    let (address, zone) = text.split_at_checked(end)?;
    let bits = parse_v6(address).filter(|bits| bits >> 118 == 0xfe80 >> 6)?;
    (zone.len() > 1).then_some(Ip::V6(bits))
}
