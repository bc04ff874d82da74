//! Networks in CIDR notation (RFC 4632, RFC 4291 section 2.3): `10.0.0.0/8`, `2001:db8::/32`, or a bare address.
//!
//! The prefix is decimal without sign or leading zero, and no host bit may be set: widening `10.0.0.1/24` silently would
//! admit 255 addresses nobody asked for. A network inside `::ffff:0:0/96` is the IPv4 network.
//!
//! The crate `ipnet` has such a type, over addresses that are arrays of bytes: sorting and comparing those made the wasm file 9 kB
//! larger. And its reader takes host bits, `010.0.0.0/08`, and a mapped network as an IPv6 one that no IPv4 client is in.

use alloc::{collections::BinaryHeap, string::String, vec::Vec};

use crate::ip::{Ip, IpError};
use crate::say;
use crate::text::{Say, shown};

/// A network: an address without host bits, and a prefix of 0 to 32 or 128; a single address is `/32` or `/128`. IPv4 sorts
/// before IPv6, then by address, wider ones first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cidr {
    net: Ip,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CidrError {
    /// The part before `/` is not an address.
    Address(IpError),
    /// The part after `/` is not a plain decimal number.
    Prefix,
    /// The prefix is longer than an address of the family.
    PrefixRange {
        /// 32 or 128.
        longest: u8,
    },
    /// The address is not the first one of the network.
    HostBits {
        /// The address as written, canonical.
        address: Ip,
        /// The prefix as written, counted in the address's family.
        prefix: u8,
    },
    /// An IPv4-mapped network wider than all of IPv4.
    Mapped,
}

impl Cidr {
    /// Reads a network or an address; the whole text must be one.
    pub fn parse(text: &[u8]) -> Result<Cidr, CidrError> {
        let Some(slash) = text.iter().position(|&b| b == b'/') else {
            return Ip::parse(text).map(Cidr::host).map_err(CidrError::Address);
        };
        let (address, rest) = text.split_at_checked(slash).ok_or(CidrError::Prefix)?;
        let net = Ip::parse(address).map_err(CidrError::Address)?;
        let prefix = decimal(rest.split_first().map_or(rest, |(_, digits)| digits)).ok_or(CidrError::Prefix)?;
        let longest = if address.contains(&b':') { 128 } else { 32 };
        let prefix = u8::try_from(prefix).ok().filter(|prefix| *prefix <= longest).ok_or(CidrError::PrefixRange { longest })?;
        let prefix = match net {
            Ip::V4(_) if longest == 128 => prefix.checked_sub(96).ok_or(CidrError::Mapped)?,
            _ => prefix,
        };
        Cidr::new(net, prefix).ok_or(CidrError::HostBits { address: net, prefix })
    }

    /// The network of `net` and `prefix`; `None` when a host bit is set, the prefix is too long or the address is mapped.
    pub fn new(net: Ip, prefix: u8) -> Option<Cidr> {
        let (host_bits, longest) = match net {
            Ip::V4(bits) => (u128::from(bits & host_mask4(prefix)), 32),
            Ip::V6(bits) if Ip::from_v6(bits) != net => return None,
            Ip::V6(bits) => (bits & host_mask6(prefix), 128),
        };
        (prefix <= longest && host_bits == 0).then_some(Cidr { net, prefix })
    }

    /// The network that holds one address.
    pub const fn host(ip: Ip) -> Cidr {
        Cidr {
            net: ip,
            prefix: match ip {
                Ip::V4(_) => 32,
                Ip::V6(_) => 128,
            },
        }
    }

    /// The first address.
    pub const fn net(&self) -> Ip {
        self.net
    }

    /// How many leading bits are fixed: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether `ip` lies inside; an address of the other family never does.
    pub fn contains(&self, ip: Ip) -> bool {
        match (self.net, ip) {
            (Ip::V4(net), Ip::V4(ip)) => covers4(net, self.prefix, ip),
            (Ip::V6(net), Ip::V6(ip)) => covers6(net, self.prefix, ip),
            _ => false,
        }
    }
}

/// A shift by the full width is an overflow in Rust and a no-op on most processors; here it clears everything.
#[inline]
fn host_mask4(prefix: u8) -> u32 {
    u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)
}

#[inline]
fn host_mask6(prefix: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)
}

#[inline]
pub(crate) fn covers4(net: u32, prefix: u8, ip: u32) -> bool {
    (net ^ ip) & !host_mask4(prefix) == 0
}

#[inline]
pub(crate) fn covers6(net: u128, prefix: u8, ip: u128) -> bool {
    (net ^ ip) & !host_mask6(prefix) == 0
}

/// Sorted, IPv4 first, without what a wider entry covers.
pub(crate) fn minimal(list: Vec<Cidr>) -> Vec<Cidr> {
    // A heap, because its code is a tenth of what `sort` brings into the edge, where lists of networks are all there is to sort.
    let mut list = BinaryHeap::from(list).into_sorted_vec();
    // Networks nest or are disjoint, and a wider one sorts first: only the last one kept can cover the next.
    list.dedup_by(|entry, kept| kept.contains(entry.net));
    list
}

/// Whether a list that [`minimal`] made holds `ip`: only the last network at or below the address can.
pub(crate) fn any_contains(list: &[Cidr], ip: Ip) -> bool {
    let after = list.partition_point(|entry| entry.net <= ip);
    after.checked_sub(1).and_then(|at| list.get(at)).is_some_and(|entry| entry.contains(ip))
}

/// A decimal number of one to three digits without sign and leading zero.
pub(crate) fn decimal(text: &[u8]) -> Option<u16> {
    let canonical = matches!(text, [b'0'] | [b'1'..=b'9'] | [b'1'..=b'9', _] | [b'1'..=b'9', _, _]);
    let digits = text.iter().all(u8::is_ascii_digit);
    (canonical && digits).then(|| text.iter().fold(0, |n, &b| n * 10 + u16::from(b - b'0')))
}

impl Say for Cidr {
    fn say(&self, out: &mut String) {
        say!(out, self.net, "/", self.prefix);
    }
}

impl Say for CidrError {
    fn say(&self, out: &mut String) {
        match *self {
            // `IpError::Prefix`, which asks for an address without a network, cannot be among these: nothing here has a `/`.
            CidrError::Address(error) => error.say(out),
            CidrError::Prefix => {
                "after `/` stands one decimal number without sign or leading zero, as in `10.0.0.0/8`; netmasks and ranges are not accepted".say(out)
            }
            CidrError::PrefixRange { longest: 32 } => "the prefix of an IPv4 network is at most 32".say(out),
            CidrError::PrefixRange { longest } => say!(out, "the prefix of an IPv6 network is at most ", longest),
            CidrError::HostBits { address, prefix } => {
                let net = match address {
                    Ip::V4(bits) => Ip::V4(bits & !host_mask4(prefix)),
                    Ip::V6(bits) => Ip::V6(bits & !host_mask6(prefix)),
                };
                say!(out, "`", address, "/", prefix, "` has host bits set; the network is ", net, "/", prefix)
            }
            CidrError::Mapped => {
                "an IPv4-mapped network has a prefix of 96 or more (`::ffff:0:0/96` is all of IPv4); write it as IPv4".say(out)
            }
        }
    }
}

shown!(Cidr, CidrError);

impl core::error::Error for CidrError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn canonical(text: &str) -> Result<alloc::string::String, alloc::string::String> {
        Cidr::parse(text.as_bytes()).map(|c| c.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn accepts() {
        for (text, want) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("1.2.3.4", "1.2.3.4/32"),
            ("::1", "::1/128"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:1.2.3.4/128", "1.2.3.4/32"),
            // Wider than the mapped range, yet IPv6 throughout: it holds no IPv4 client.
            ("::fffe:0:0/95", "::fffe:0:0/95"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/-8",
            "10.0.0.0/8 ",
            " 10.0.0.0/8",
            "10.0.0.0 /8",
            "10.0.0.0//8",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/0x8",
            "10.0.0.0/8.0",
            "10.0.0.0/256",
            "10.0.0.0/264",
            "10.0.0.0/65544",
            "10.0.0.0/99999999999999999999",
            "10.0.0.0\\8",
            "10.0.0.0-10.0.0.9",
            "*",
            "10.*",
            "::/00",
            "::ffff:0:0/95",
            "::ffff:0:0/0",
            "::ffff:10.0.0.0/129",
            "[::]/0",
            "fe80::%1/64",
            "010.0.0.0/8",
            "1.2.3.4/0",
            "128.0.0.0/0",
            "::1/127",
            "8000::/0",
            "::ffff:10.0.0.1/104",
        ] {
            assert!(canonical(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn suggests_the_network() {
        for (text, want) in [
            ("10.0.0.1/24", "`10.0.0.1/24` has host bits set; the network is 10.0.0.0/24"),
            ("2001:DB8::1/32", "`2001:db8::1/32` has host bits set; the network is 2001:db8::/32"),
            ("::ffff:10.0.0.1/104", "`10.0.0.1/8` has host bits set; the network is 10.0.0.0/8"),
            ("255.255.255.255/0", "`255.255.255.255/0` has host bits set; the network is 0.0.0.0/0"),
        ] {
            assert_eq!(canonical(text).unwrap_err(), want);
        }
    }

    #[test]
    fn boundaries() {
        for (ip, net, inside) in [
            ("10.0.0.0", "10.0.0.0/8", true),
            ("10.255.255.255", "10.0.0.0/8", true),
            ("9.255.255.255", "10.0.0.0/8", false),
            ("0.0.0.0", "0.0.0.0/0", true),
            ("::", "::/0", true),
            ("::1.2.3.4", "0.0.0.0/0", false),
            ("::ffff:1.2.3.4", "::/0", false),
            ("::ffff:1.2.3.4", "::fffe:0:0/95", false),
            ("2001:db8::7fff:0:0:0", "2001:db8::/65", true),
            ("2001:db8::8000:0:0:0", "2001:db8::/65", false),
            ("2001:db8:0:1::", "2001:db8::/64", false),
        ] {
            let (ip, net) = (Ip::parse(ip.as_bytes()).unwrap(), Cidr::parse(net.as_bytes()).unwrap());
            assert_eq!(net.contains(ip), inside, "{ip} {net}");
        }
        assert_eq!(Cidr::new(Ip::V4(0), 33), None);
        assert_eq!(Cidr::new(Ip::V6(0), 129), None);
        assert_eq!(Cidr::new(Ip::V6(0xffff_0102_0304), 128), None, "a mapped address is not an IPv6 network");
    }
}
