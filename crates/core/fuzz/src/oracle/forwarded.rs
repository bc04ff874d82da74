//! SPEC.md section 10, Client address; RFC 7239 sections 4 and 6.

use super::credentials::is_token;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// An address, an IPv4-mapped one as the IPv4 address.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    Some(text(bytes)?.parse::<IpAddr>().ok()?.to_canonical())
}

/// 1 to 5 digits up to 65535.
pub fn is_port(bytes: &[u8]) -> bool {
    (1..=5).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_digit)
        && text(bytes).is_some_and(|port| port.parse::<u16>().is_ok())
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    text(bytes)?.parse::<Ipv4Addr>().ok().map(IpAddr::from)
}

fn v6(bytes: &[u8]) -> Option<IpAddr> {
    Some(IpAddr::from(text(bytes)?.parse::<Ipv6Addr>().ok()?).to_canonical())
}

fn split(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|b| *b == byte) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

/// `[v6]` or `[v6]:port`, where `is` says what a port is.
fn bracketed(bytes: &[u8], is: fn(&[u8]) -> bool) -> Option<IpAddr> {
    let (inside, after) = split(bytes.strip_prefix(b"[")?, b']');
    let after = after?;
    if !after.is_empty() && !is(after.strip_prefix(b":")?) {
        return None;
    }
    v6(inside)
}

/// `v4`, `v4:port`, where `is` says what a port is.
fn dotted(bytes: &[u8], is: fn(&[u8]) -> bool) -> Option<IpAddr> {
    let (ip, port) = split(bytes, b':');
    if port.is_some_and(|port| !is(port)) { None } else { v4(ip) }
}

/// An element of `X-Forwarded-For`: `v4`, `v4:port`, `v6`, `[v6]` or `[v6]:port`.
pub fn x_forwarded_for(element: &[u8]) -> Option<IpAddr> {
    dotted(element, is_port).or_else(|| v6(element)).or_else(|| bracketed(element, is_port))
}

/// An obfuscated or a numeric port of RFC 7239 section 6.
fn is_node_port(bytes: &[u8]) -> bool {
    let obfuscated =
        |name: &[u8]| !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    is_port(bytes) || bytes.strip_prefix(b"_").is_some_and(obfuscated)
}

/// The elements of lists in several lines from the right; quotes count, and do not span lines. What stands left of a quote that is open cannot be told.
pub fn elements<'a>(lines: &[&'a [u8]], quotes: bool) -> Vec<Option<&'a [u8]>> {
    let mut all = Vec::new();
    for line in lines.iter().rev() {
        if quotes {
            all.extend(quoted_elements(line));
        } else {
            all.extend(line.split(|byte| *byte == b',').rev().map(|one| Some(super::credentials::trimmed(one))));
        }
    }
    all
}

/// From the right: a quote there closes, and is opened by the nearest quote left of it before which stands an even number of backslashes. Left of one
/// that nothing opens there is no telling.
fn quoted_elements(line: &[u8]) -> Vec<Option<&[u8]>> {
    let (mut all, mut end, mut at) = (Vec::new(), line.len(), line.len());
    while at > 0 {
        at -= 1;
        match line[at] {
            b',' => {
                all.push(Some(super::credentials::trimmed(&line[at + 1..end])));
                end = at;
            }
            b'"' => {
                let escapes = |quote: usize| (0..quote).rev().take_while(|before| line[*before] == b'\\').count();
                match (0..at).rev().find(|quote| line[*quote] == b'"' && escapes(*quote).is_multiple_of(2)) {
                    Some(opening) => at = opening,
                    None => {
                        all.push(None);
                        return all;
                    }
                }
            }
            _ => {}
        }
    }
    all.push(Some(super::credentials::trimmed(&line[..end])));
    all
}

/// The value of a parameter, and what follows it: a token, or a quoted string without its quotes and escapes.
fn value(bytes: &[u8]) -> Option<(Vec<u8>, bool, &[u8])> {
    let Some(mut rest) = bytes.strip_prefix(b"\"") else {
        let length = bytes.iter().take_while(|byte| is_token(&[**byte])).count();
        return (length > 0).then(|| (bytes[..length].to_vec(), false, &bytes[length..]));
    };
    let mut out = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'"' => return Some((out, true, rest)),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                if !matches!(escaped, b'\t' | b' '..=b'~' | 0x80..) {
                    return None;
                }
                out.push(*escaped);
                rest = after;
            }
            b'\t' | b' '..=b'~' | 0x80.. => out.push(*first),
            _ => return None,
        }
    }
}

/// The address that an element of `Forwarded` has in `for`.
pub fn forwarded(element: &[u8]) -> Option<IpAddr> {
    let (mut seen, mut found, mut rest): (Vec<String>, Option<IpAddr>, &[u8]) = (Vec::new(), None, element);
    loop {
        let length = rest.iter().take_while(|byte| is_token(&[**byte])).count();
        // `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`
        if length > 0 {
            let name = text(&rest[..length])?.to_ascii_lowercase();
            let (node, quoted, after) = value(rest[length..].strip_prefix(b"=")?)?;
            if seen.contains(&name) || seen.len() == 16 {
                return None;
            }
            if name == "for" {
                (node.len() <= 128).then_some(())?;
                found = Some(
                    dotted(&node, is_node_port)
                        .or_else(|| bracketed(&node, is_node_port))
                        .filter(|_| quoted || !node.contains(&b':'))?,
                );
            }
            seen.push(name);
            rest = after;
        }
        match rest {
            [] => return found,
            [b';', after @ ..] => rest = after,
            _ => return None,
        }
    }
}
