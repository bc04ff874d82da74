//! IP addresses as text: strict on the way in, RFC 5952 on the way out.
//!
//! Accepted are the four decimal octets of IPv4 (no leading zero, no short, octal or hexadecimal form) and the text forms
//! of RFC 4291 section 2.2. Zones, brackets, ports, prefixes and any blank are refused: whoever has such a text strips it
//! knowingly. IPv4-mapped IPv6 (`::ffff:0:0/96`) is the IPv4 address; no other transition format folds.

use crate::hex::{self, digit};
use crate::say;
use crate::text::{Say, shown};
use alloc::string::String;
use core::net::IpAddr;

/// An address; an IPv4-mapped IPv6 address is `V4`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ip {
    /// The four octets, first one highest.
    V4(u32),
    /// The eight groups, first one highest. [`Ip::from_v6`] never leaves a mapped address here.
    V6(u128),
}

/// Why a text is not an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IpError {
    /// Nothing there.
    Empty,
    /// A blank or control character in or around the text.
    Blank,
    /// `%eth0`.
    Zone,
    /// `[::1]`.
    Brackets,
    /// `10.0.0.0/8`.
    Prefix,
    /// `010.0.0.1`, which other readers take as octal.
    LeadingZero,
    /// An IPv4 octet above 255.
    OctetRange,
    /// Anything else.
    Shape,
}

/// Longest text of an address, as in `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const LONGEST: usize = 45;

impl Ip {
    /// Reads an address; the whole text must be one.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Ip, IpError> {
        let parsed = parse_v4(text).map(Ip::V4).or_else(|| parse_v6(text).map(Ip::from_v6));
        parsed.ok_or_else(|| diagnose(text))
    }

    /// The address of 128 bits, folded to IPv4 when mapped.
    #[inline]
    pub const fn from_v6(bits: u128) -> Ip {
        match bits.to_be_bytes() {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Ip::V4(u32::from_be_bytes([a, b, c, d])),
            _ => Ip::V6(bits),
        }
    }
}

/// IPv4 by hand: this runs on every request that has an IP policy.
#[inline]
fn parse_v4(text: &[u8]) -> Option<u32> {
    let (mut address, mut octet, mut digits, mut dots) = (0u32, 0u32, 0u32, 0u32);
    for &byte in text {
        match byte {
            b'0'..=b'9' => {
                octet = octet * 10 + u32::from(byte - b'0');
                // A second digit after a zero would be octal to others; 255 bounds the digits to three.
                if octet > 255 || (digits > 0 && octet < 10) {
                    return None;
                }
                digits += 1;
            }
            b'.' if digits > 0 && dots < 3 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0).then_some(address << 8 | octet)
}

/// The text forms of RFC 4291 section 2.2, dotted decimal at the end included.
pub(crate) fn parse_v6(text: &[u8]) -> Option<u128> {
    if text.len() > LONGEST {
        return None;
    }
    let (mut bits, mut groups) = (0u128, 0u32);
    // Groups before `::`.
    let mut gap: Option<u32> = None;
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(b"::") {
        gap = Some(0);
        rest = after;
    }
    while !(rest.is_empty() && gap == Some(groups)) {
        let (mut group, mut digits) = (0u32, 0usize);
        let mut after = rest;
        while let Some((digit, more)) = after.split_first().and_then(|(&b, more)| Some((digit(b)?, more))) {
            group = group << 4 | u32::from(digit);
            digits += 1;
            if digits > 4 {
                return None;
            }
            after = more;
        }
        if digits == 0 {
            return None;
        }
        match after.split_first() {
            Some((b'.', _)) => {
                bits = bits << 32 | u128::from(parse_v4(rest)?);
                groups += 2;
                break;
            }
            Some((b':', more)) => {
                bits = bits << 16 | u128::from(group);
                groups += 1;
                rest = more;
                if let Some(more) = rest.strip_prefix(b":") {
                    if gap.is_some() {
                        return None;
                    }
                    gap = Some(groups);
                    rest = more;
                }
            }
            Some(_) => return None,
            None => {
                bits = bits << 16 | u128::from(group);
                groups += 1;
                break;
            }
        }
        if groups > 7 {
            return None;
        }
    }
    let Some(gap) = gap else { return (groups == 8).then_some(bits) };
    // `::` stands for one group at least.
    if groups > 7 {
        return None;
    }
    let tail = 16 * (groups - gap);
    let head = bits >> tail;
    Some(head.checked_shl(16 * (8 - gap)).unwrap_or(0) | (bits ^ head << tail))
}

/// Names the most likely mistake of a refused text.
#[cold]
fn diagnose(text: &[u8]) -> IpError {
    let has = |byte: u8| text.contains(&byte);
    let octets = || text.split(|&b| b == b'.' || b == b':');
    let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if text.is_empty() {
        IpError::Empty
    } else if text.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control()) {
        IpError::Blank
    } else if has(b'[') || has(b']') {
        IpError::Brackets
    } else if has(b'/') {
        IpError::Prefix
    } else if has(b'%') {
        IpError::Zone
    } else if has(b'.') && octets().any(|part| number(part) && part.len() > 1 && part.starts_with(b"0")) {
        IpError::LeadingZero
    } else if has(b'.') && !has(b':') && octets().count() == 4 && octets().all(number) {
        IpError::OctetRange
    } else {
        IpError::Shape
    }
}

impl From<IpAddr> for Ip {
    /// An IPv4-mapped address becomes the IPv4 address.
    fn from(ip: IpAddr) -> Ip {
        match ip {
            IpAddr::V4(ip) => Ip::V4(ip.to_bits()),
            IpAddr::V6(ip) => Ip::from_v6(ip.to_bits()),
        }
    }
}

impl Say for Ip {
    fn say(&self, out: &mut String) {
        match *self {
            Ip::V4(bits) => {
                let [a, b, c, d] = bits.to_be_bytes();
                say!(out, a, ".", b, ".", c, ".", d);
            }
            Ip::V6(bits) => say_v6(bits, out),
        }
    }
}

shown!(Ip);

/// RFC 5952: lower case, no leading zeros, `::` for the first longest run of two zero groups or more.
fn say_v6(bits: u128, out: &mut String) {
    let group = |index: u32| (bits >> (112 - 16 * index)) & 0xffff;
    let (mut start, mut length, mut run) = (8u32, 1u32, 0u32);
    for index in 0..8 {
        run = if group(index) == 0 { run + 1 } else { 0 };
        if run > length {
            (start, length) = (index + 1 - run, run);
        }
    }
    let mut index = 0;
    while index < 8 {
        if index == start {
            "::".say(out);
            index += length;
            continue;
        }
        if index > 0 && index != start + length {
            ":".say(out);
        }
        for shift in [12, 8, 4, 0] {
            let digits = group(index) >> shift;
            // Zeros in front are left out, but for a group that is zero.
            let digit = u8::try_from(digits & 15).ok().filter(|_| digits > 0 || shift == 0);
            out.extend(digit.map(hex::character));
        }
        index += 1;
    }
}

impl Say for IpError {
    fn say(&self, out: &mut String) {
        let text = match self {
            IpError::Empty => "the address is empty",
            IpError::Blank => "an address has no blanks or control characters in or around it",
            IpError::Zone => "an address with a zone (`%eth0`) means nothing to another machine; leave the zone out",
            IpError::Brackets => "write an IPv6 address without brackets and port",
            IpError::Prefix => "this is a network; a single address is wanted here, without `/` and prefix",
            IpError::LeadingZero => "an IPv4 octet has a leading zero, which some readers take as octal; write it without",
            IpError::OctetRange => "an IPv4 octet is a number from 0 to 255",
            IpError::Shape => "not an address; write IPv4 as `192.0.2.1`, IPv6 as `2001:db8::1`",
        };
        text.say(out);
    }
}

shown!(IpError);

impl core::error::Error for IpError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn canonical(text: &str) -> Option<alloc::string::String> {
        Ip::parse(text.as_bytes()).ok().map(|ip| ip.to_string())
    }

    #[test]
    fn accepts_and_folds() {
        for (text, want) in [
            ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"),
            ("::", "::"),
            ("::0", "::"),
            ("0::", "::"),
            ("1::", "1::"),
            ("::1.2.3.4", "::102:304"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
            ("1::5:6:1.2.3.4", "1::5:6:102:304"),
            ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
            ("1:0:0:2:2:0:0:1", "1::2:2:0:0:1"),
            ("1:0:2:3:4:5:6:0", "1:0:2:3:4:5:6:0"),
            ("ABCD:EF01::", "abcd:ef01::"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("::FFFF:0102:0304", "1.2.3.4"),
            ("0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:0:1.2.3.4", "::ffff:0:102:304"),
            ("::fffe:1.2.3.4", "::fffe:102:304"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            ".",
            ":",
            "::.",
            ":::",
            "1",
            "1.2",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.4.",
            ".1.2.3.4",
            "1..3.4",
            "256.1.1.1",
            "1.1.1.999",
            "00.0.0.0",
            "1.2.3.04",
            "0x1.2.3.4",
            "1.2.3.4:80",
            "1e1.2.3.4",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::",
            "::1:2:3:4:5:6:7:8",
            "1::2::3",
            "1:2:3:4:5:6:7:",
            ":1:2:3:4:5:6:7:8",
            ":1",
            "1:",
            "12345::",
            "g::",
            "::1.2.3",
            "::1.2.3.4.5",
            "::01.2.3.4",
            "::1.2.3.4:1",
            "1:2:3:4:5:6:7:1.2.3.4",
            "::1%lo",
            "::1/128",
            "[::1]",
            " ::1",
            "::1 ",
            "1.2.3.4\0",
            "1.2.3.4\n",
            "١.2.3.4",
            "::-1",
            "::+1",
            "::1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4::5:6:1.2.3.4",
            "1.2.3.4::",
            "::1.2.3.4::",
            "00000000000000000000000000000000000000000000000001.2.3.4",
        ] {
            assert!(Ip::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Ip::parse(&[0xff; 300]).is_err());
    }

    #[test]
    fn agrees_with_the_standard_library() {
        // `std` keeps mapped addresses apart and accepts no more than we do.
        for text in ["1:2:3:4:5:6:7::", "::8", "1::8", "::", "1:2::7:8", "::1.2.3.4", "::ffff:9.9.9.9", "9.8.7.6"] {
            let theirs: core::net::IpAddr = text.parse().unwrap();
            assert_eq!(
                canonical(text).unwrap(),
                match theirs.to_canonical() {
                    core::net::IpAddr::V6(v6) => Ip::V6(v6.to_bits()).to_string(),
                    v4 => v4.to_string(),
                }
            );
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, want) in [
            ("", IpError::Empty),
            (" 1.2.3.4", IpError::Blank),
            ("fe80::1%eth0", IpError::Zone),
            ("[::1]", IpError::Brackets),
            ("10.0.0.0/8", IpError::Prefix),
            ("010.0.0.1", IpError::LeadingZero),
            ("::ffff:1.2.3.04", IpError::LeadingZero),
            ("256.0.0.1", IpError::OctetRange),
            ("localhost", IpError::Shape),
        ] {
            assert_eq!(Ip::parse(text.as_bytes()), Err(want), "{text:?}");
        }
    }
}
