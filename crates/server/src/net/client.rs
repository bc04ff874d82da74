//! Who counts as one client where something is limited for each.

use edgelatch_core::ip::Ip;

/// An IPv4 address, or an IPv6 network of 64 bits, since one client usually has all of that. Those whose address is not known share
/// what one may have.
pub(crate) fn client(ip: Option<Ip>) -> Option<Ip> {
    match ip {
        Some(Ip::V6(bits)) => Some(Ip::V6(bits >> 64 << 64)),
        other => other,
    }
}
