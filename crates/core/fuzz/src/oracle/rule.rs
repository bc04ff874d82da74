//! SPEC.md section 10, Client address: rules, and how each is followed.

use super::credentials::{is_token, trimmed};
use super::forwarded::{address, elements, forwarded, is_port, x_forwarded_for};
use super::request::Request;
use crate::addresses::network;
use ipnet::IpNet;
use std::net::IpAddr;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    proxies: Option<Vec<IpNet>>,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Connection,
    Trust(Vec<IpNet>, String),
    Hops(usize, String),
    Platform(&'static [Place]),
}

/// Where a platform says the client's address stands.
#[derive(Debug)]
enum Place {
    Connection,
    /// One header with one address.
    One(&'static str),
    /// The same with a port behind.
    WithPort(&'static str),
    /// Of 240.0.0.0/4, a stand-in for the IPv6 address in the second header.
    Cloudflare,
    /// So many from the right of one line `X-Forwarded-For`.
    Appended(usize),
}

/// By the documentation of each.
const PLATFORMS: &[(&str, &[Place])] = &[
    ("akamai", &[Place::One("true-client-ip")]),
    ("app-engine", &[Place::One("x-appengine-user-ip")]),
    ("aws-alb", &[Place::Appended(1)]),
    ("azure", &[Place::One("x-azure-socketip")]),
    ("bun", &[Place::Connection]),
    ("cloudflare", &[Place::Cloudflare]),
    ("cloudfront", &[Place::WithPort("cloudfront-viewer-address")]),
    ("deno", &[Place::Connection]),
    ("fastly", &[Place::Connection]),
    ("fly", &[Place::One("fly-client-ip")]),
    ("gcp-lb", &[Place::Appended(2)]),
    ("heroku", &[Place::Appended(1)]),
    ("lambda", &[Place::Connection]),
    ("netlify", &[Place::One("x-nf-client-connection-ip"), Place::Connection]),
    ("node", &[Place::Connection]),
    ("vercel", &[Place::One("x-vercel-forwarded-for"), Place::One("x-real-ip")]),
];

fn networks(list: &str) -> Option<Vec<IpNet>> {
    let entries: Vec<&str> = list.split(',').collect();
    let read = |entry: &&str| network(trimmed(entry.as_bytes()));
    if entries.len() > 1024 { None } else { entries.iter().map(read).collect() }
}

impl Rule {
    /// Reads the text of a rule.
    pub fn read(text: &str) -> Option<Self> {
        let mut given = std::collections::HashMap::new();
        for item in text.split(';') {
            let (key, value) = item.split_once('=')?;
            let (key, value) = (key.trim_matches([' ', '\t']), value.trim_matches([' ', '\t']));
            if !["trust", "hops", "header", "platform", "proxy_protocol"].contains(&key) || given.insert(key, value).is_some() {
                return None;
            }
        }
        if let Some(name) = given.get("platform") {
            let (_, places) = PLATFORMS.iter().find(|(known, _)| known == name)?;
            return (given.len() == 1).then_some(Rule { proxies: None, mode: Mode::Platform(places) });
        }
        let proxies = match given.get("proxy_protocol") {
            Some(value) => Some(networks(value.strip_prefix("trust:")?)?),
            None => None,
        };
        let header = given.get("header").map(|name| is_token(name.as_bytes()).then(|| name.to_ascii_lowercase()));
        let named = match &header {
            Some(None) => return None,
            Some(Some(name)) => name.clone(),
            None => "x-forwarded-for".into(),
        };
        let list = ["x-forwarded-for", "forwarded"].contains(&&*named);
        let mode = match (given.get("trust"), given.get("hops")) {
            (Some(_), Some(_)) => return None,
            (None | Some(&"none"), None) if header.is_some() => return None,
            (None | Some(&"none"), None) => Mode::Connection,
            (Some(trusted), None) => Mode::Trust(networks(trusted)?, named),
            (None, Some(hops)) => {
                let number: usize = hops.parse().ok().filter(|number: &usize| number.to_string() == *hops && *number <= 32)?;
                if header.is_some() && (number == 0 || number > 1 && !list) {
                    return None;
                }
                if number == 0 { Mode::Connection } else { Mode::Hops(number, named) }
            }
        };
        Some(Rule { proxies, mode })
    }

    /// The client's address.
    pub fn derive(&self, request: &Request<'_>) -> Option<IpAddr> {
        let mut peer = request.peer.and_then(connection);
        if let Some(proxies) = &self.proxies {
            let from = peer?;
            if proxies.iter().any(|net| net.contains(&from)) {
                peer = Some(proxied(request.proxy?)?);
            }
        }
        match &self.mode {
            Mode::Connection => peer,
            Mode::Trust(trusted, header) => {
                let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
                let from = peer?;
                if !is_trusted(from) {
                    return Some(from);
                }
                for element in chain(request, header) {
                    let ip = element?;
                    if !is_trusted(ip) {
                        return Some(ip);
                    }
                }
                None
            }
            Mode::Hops(number, header) => {
                let counted: Option<Vec<IpAddr>> = chain(request, header).into_iter().take(*number).collect();
                counted.filter(|all| all.len() == *number)?.pop()
            }
            Mode::Platform(places) => platform(places, request),
        }
    }
}

/// The addresses of a header from the right; a header with a single address has one.
fn chain(request: &Request<'_>, header: &str) -> Vec<Option<IpAddr>> {
    let lines = request.values(header);
    match header {
        "x-forwarded-for" => elements(&lines, false).into_iter().map(|one| x_forwarded_for(one?)).collect(),
        "forwarded" => elements(&lines, true).into_iter().map(|one| forwarded(one?)).collect(),
        _ => vec![single(request, header)],
    }
}

fn single(request: &Request<'_>, header: &str) -> Option<IpAddr> {
    match request.values(header)[..] {
        [one] => address(one),
        _ => None,
    }
}

/// The connection's address; a link-local one may have a zone.
fn connection(text: &[u8]) -> Option<IpAddr> {
    let Some(percent) = text.iter().position(|byte| *byte == b'%') else { return address(text) };
    let (ip, zone) = (address(&text[..percent])?, &text[percent + 1..]);
    let local = matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80);
    (local && !zone.is_empty()).then_some(ip)
}

/// PROXY protocol version 1, section 2.1.
fn proxied(line: &[u8]) -> Option<IpAddr> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [b"PROXY", family, source, destination, from, to] = words[..] else { return None };
    let plain = |port: &[u8]| is_port(port) && (port == b"0" || port[0] != b'0');
    if line.len() + 2 > 107 || !plain(from) || !plain(to) {
        return None;
    }
    let four = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::from);
    let six = |text: &[u8]| {
        std::str::from_utf8(text).ok()?.parse::<std::net::Ipv6Addr>().ok().map(|ip| IpAddr::from(ip).to_canonical())
    };
    match family {
        b"TCP4" => four(destination).and(four(source)),
        b"TCP6" => six(destination).and(six(source)),
        _ => None,
    }
}

fn platform(places: &[Place], request: &Request<'_>) -> Option<IpAddr> {
    let there = |place: &&Place| match place {
        Place::Connection => request.peer.is_some(),
        Place::One(name) | Place::WithPort(name) => !request.values(name).is_empty(),
        Place::Cloudflare => !request.values("cf-connecting-ip").is_empty(),
        Place::Appended(_) => !request.values("x-forwarded-for").is_empty(),
    };
    let ip = match places.iter().find(there)? {
        Place::Connection => connection(request.peer?),
        Place::One(name) => single(request, name),
        Place::WithPort(name) => match request.values(name)[..] {
            [one] => with_port(one),
            _ => None,
        },
        Place::Cloudflare => match single(request, "cf-connecting-ip")? {
            IpAddr::V4(stand_in) if stand_in.octets()[0] >= 240 => {
                single(request, "cf-connecting-ipv6").filter(IpAddr::is_ipv6)
            }
            ip => Some(ip),
        },
        Place::Appended(number) => {
            let counted: Option<Vec<IpAddr>> = chain(request, "x-forwarded-for").into_iter().take(*number).collect();
            let one_line = request.values("x-forwarded-for").len() == 1;
            counted.filter(|all| one_line && all.len() == *number)?.pop()
        }
    }?;
    // Of no client, or of many that share it: 0.0.0.0/8, and Cloudflare's for Workers of other zones.
    let shared = match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0,
        IpAddr::V6(ip) => ip == "2a06:98c0:3600::103".parse::<std::net::Ipv6Addr>().ok()?,
    };
    (!shared).then_some(ip)
}

/// `v4:port`, `v6:port`, `[v6]:port`.
fn with_port(text: &[u8]) -> Option<IpAddr> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    let (ip, port) = (&text[..colon], &text[colon + 1..]);
    let inside = ip.strip_prefix(b"[").map(|rest| rest.strip_suffix(b"]").filter(|inside| inside.contains(&b':')));
    match inside {
        _ if !is_port(port) => None,
        Some(inside) => address(inside?),
        None => address(ip),
    }
}
