//! Which address a request comes from.
//!
//! The connection says, unless a rule states who stands in front: then exactly what that rule names is read, and whatever
//! is not as the rule expects makes the address unknown. Nothing is guessed, skipped or read further left than needed.
//!
//! | rule | address |
//! |---|---|
//! | `trust=none` | the connection's; the default |
//! | `trust=CIDR,…` | the rightmost one of the header that is not in the list, if the connection is in it |
//! | `hops=N` | the N-th from the right of the header; `hops=0` is the connection's |
//! | `header=NAME` | with `trust` or `hops`: which header; `x-forwarded-for` if not given, `forwarded`, or one that holds one address |
//! | `platform=NAME` | what that platform documents, see [`PLATFORMS`] |
//! | `proxy_protocol=trust:CIDR,…` | a PROXY line stands for the connection if the connection is in the list |

mod chain;
mod platform;
mod rule;
mod value;

pub use platform::{PLATFORMS, Platform};
pub use rule::RuleError;

use alloc::string::String;
use alloc::vec::Vec;

use crate::cidr::{Cidr, any_contains};
use crate::http::Lines;
use crate::ip::{Ip, parse_v6};
use chain::Chain;
use platform::Place;
use value::{connected, is_port_number, single};

/// How the address of a client is derived from a connection and its header lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIpRule {
    /// Networks whose PROXY protocol line counts.
    proxies: Option<Vec<Cidr>>,
    mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    Connection,
    /// Networks as [`crate::cidr::minimal`] makes them.
    Trust(Vec<Cidr>, Header),
    Hops(u8, Header),
    Platform(&'static Platform),
}

/// Which header a proxy writes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Header {
    Chain(Chain),
    /// One line with one address; the name is in lower case.
    Single(String),
}

impl Default for ClientIpRule {
    /// `trust=none`.
    fn default() -> Self {
        ClientIpRule { proxies: None, mode: Mode::Connection }
    }
}

impl ClientIpRule {
    /// Reads `key=value` items joined by `;`, as in `trust=10.0.0.0/8;header=forwarded`.
    pub fn parse(text: &str) -> Result<ClientIpRule, RuleError> {
        rule::parse(text)
    }

    /// The header lines that a host must pass in for this rule, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let (header, places): (Option<&str>, &[Place]) = match &self.mode {
            Mode::Connection => (None, &[]),
            Mode::Trust(_, header) | Mode::Hops(_, header) => (Some(header.name()), &[]),
            Mode::Platform(platform) => (None, platform.places),
        };
        header.into_iter().chain(places.iter().flat_map(Place::header_names).map(|name| -> &str { name }))
    }

    /// The client's address, `None` when it is not known.
    ///
    /// `peer` is the text of the connection's address, `proxy_line` the PROXY protocol line it began with.
    #[inline]
    pub fn derive(&self, peer: Option<&[u8]>, proxy_line: Option<&[u8]>, lines: Lines<'_>) -> Option<Ip> {
        let connection = peer.and_then(connected);
        let peer_ip = match &self.proxies {
            None => connection,
            Some(_) if connection.is_none() => return None,
            Some(proxies) if connection.is_some_and(|ip| any_contains(proxies, ip)) => Some(proxied(proxy_line?)?),
            Some(_) => connection,
        };
        match &self.mode {
            Mode::Connection => peer_ip,
            Mode::Trust(trusted, header) => {
                let ip = peer_ip?;
                if any_contains(trusted, ip) { header.rightmost_untrusted(trusted, lines) } else { Some(ip) }
            }
            Mode::Hops(0, _) => peer_ip,
            Mode::Hops(hops, header) => header.nth_from_right(*hops, lines),
            Mode::Platform(platform) => platform.derive(peer, lines),
        }
    }
}

impl Header {
    fn name(&self) -> &str {
        match self {
            Header::Chain(chain) => chain.name(),
            Header::Single(name) => name,
        }
    }

    fn rightmost_untrusted(&self, trusted: &[Cidr], lines: Lines<'_>) -> Option<Ip> {
        match self {
            Header::Chain(chain) => chain.rightmost_first(lines).find(|ip| ip.is_none_or(|ip| !any_contains(trusted, ip)))?,
            // A trusted address here is a proxy's own: it says nothing about the client.
            Header::Single(name) => single(name, lines).filter(|&ip| !any_contains(trusted, ip)),
        }
    }

    fn nth_from_right(&self, hops: u8, lines: Lines<'_>) -> Option<Ip> {
        match self {
            Header::Chain(chain) => chain.nth_from_right(hops, lines),
            Header::Single(name) => single(name, lines),
        }
    }
}

/// The source address of a PROXY protocol line of version 1; `UNKNOWN` has none.
fn proxied(line: &[u8]) -> Option<Ip> {
    /// With CRLF, by the specification.
    const LONGEST: usize = 107;
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    if line.len() + 2 > LONGEST {
        return None;
    }
    let mut words = line.split(|&b| b == b' ');
    let word = words.next()?;
    let (family, source, destination) = (words.next()?, words.next()?, words.next()?);
    let (source_port, destination_port) = (words.next()?, words.next()?);
    if word != b"PROXY" || words.next().is_some() || !is_port_number(source_port) || !is_port_number(destination_port) {
        return None;
    }
    let read = |text: &[u8]| match family {
        b"TCP4" if !text.contains(&b':') => Ip::parse(text).ok(),
        b"TCP6" => parse_v6(text).map(Ip::from_v6),
        _ => None,
    };
    read(destination)?;
    read(source)
}

#[cfg(test)]
mod tests;
