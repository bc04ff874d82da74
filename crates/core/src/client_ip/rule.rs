//! The text form of a client-address rule.
//!
//! ```text
//! rule := item *(";" item)      item := key "=" value, SP and TAB around items, keys and values are trimmed
//! trust := "none" | cidr *("," cidr)      hops := 0 to MAX_HOPS      header := field name
//! platform := a name of PLATFORMS         proxy_protocol := "trust:" cidr *("," cidr)
//! ```
//! `platform` stands alone; `trust` and `hops` exclude each other; `header` needs one of them and something to count.

use alloc::string::String;
use alloc::vec::Vec;

use super::{ClientIpRule, Header, Mode, PLATFORMS, chain::Chain};
use crate::cidr::{Cidr, CidrError, decimal, minimal};
use crate::http::is_token;
use crate::limits::{MAX_HOPS, MAX_TRUSTED};
use crate::say;
use crate::text::{Say, shown};

/// Why a rule is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RuleError {
    /// An item is not `key=value`.
    Item(String),
    /// A key that is not known.
    Key(String),
    /// A key that stands there twice.
    Repeated(&'static str),
    /// Two keys that exclude each other.
    Contradiction(&'static str, &'static str),
    /// `header` without `trust` or `hops`: nothing says whose header it is.
    HeaderAlone,
    /// `header` where no header is read, or a count for one that holds a single address.
    HeaderUnused,
    /// The value of `hops`.
    Hops(String),
    /// The value of `platform`.
    Platform(String),
    /// The value of `header`.
    HeaderName(String),
    /// `proxy_protocol` without `trust:`.
    ProxyProtocol(String),
    /// An entry of a list of networks.
    Cidr(&'static str, String, CidrError),
    /// More networks than [`MAX_TRUSTED`].
    TooMany(&'static str),
}

const TRUST: &str = "trust";
const HOPS: &str = "hops";
const HEADER: &str = "header";
const PLATFORM: &str = "platform";
const PROXY_PROTOCOL: &str = "proxy_protocol";
const KEYS: [&str; 5] = [TRUST, HOPS, HEADER, PLATFORM, PROXY_PROTOCOL];

pub(super) fn parse(text: &str) -> Result<ClientIpRule, RuleError> {
    let mut values = [None; KEYS.len()];
    for item in text.split(';') {
        let (key, value) = item.split_once('=').ok_or_else(|| RuleError::Item(trim(item).into()))?;
        let (key, value) = (trim(key), trim(value));
        let known = KEYS.iter().zip(&mut values).find(|(name, _)| **name == key);
        let (name, slot) = known.ok_or_else(|| RuleError::Key(key.into()))?;
        if slot.replace(value).is_some() {
            return Err(RuleError::Repeated(name));
        }
    }
    let [trust, hops, header, platform, proxy_protocol] = values;
    for (name, value) in KEYS.iter().zip(values).filter(|(name, _)| **name != PLATFORM) {
        if platform.is_some() && value.is_some() {
            return Err(RuleError::Contradiction(PLATFORM, name));
        }
    }
    let mode = match (trust, hops, platform) {
        (Some(_), Some(_), _) => return Err(RuleError::Contradiction(TRUST, HOPS)),
        (_, _, Some(name)) => {
            let platform = PLATFORMS.iter().find(|p| p.name == name);
            Mode::Platform(platform.ok_or_else(|| RuleError::Platform(name.into()))?)
        }
        (Some("none"), ..) | (None, None, None) => Mode::Connection,
        (Some(list), ..) => Mode::Trust(networks(TRUST, list)?, named(header)?),
        (_, Some(count), _) => Mode::Hops(number(count)?, named(header)?),
    };
    match (&mode, header) {
        (Mode::Connection, Some(_)) if trust.is_none() => return Err(RuleError::HeaderAlone),
        (Mode::Connection | Mode::Hops(0, _), Some(_)) => return Err(RuleError::HeaderUnused),
        (Mode::Hops(2.., Header::Single(_)), _) => return Err(RuleError::HeaderUnused),
        _ => {}
    }
    let proxies = match proxy_protocol {
        None => None,
        Some(value) => {
            let list = value.strip_prefix("trust:").ok_or_else(|| RuleError::ProxyProtocol(value.into()))?;
            Some(networks(PROXY_PROTOCOL, list)?)
        }
    };
    Ok(ClientIpRule { proxies, mode })
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn networks(key: &'static str, list: &str) -> Result<Vec<Cidr>, RuleError> {
    if list.split(',').count() > MAX_TRUSTED {
        return Err(RuleError::TooMany(key));
    }
    let read = |entry: &str| {
        let entry = trim(entry);
        Cidr::parse(entry.as_bytes()).map_err(|error| RuleError::Cidr(key, entry.into(), error))
    };
    list.split(',').map(read).collect::<Result<_, _>>().map(minimal)
}

fn named(header: Option<&str>) -> Result<Header, RuleError> {
    let Some(name) = header else { return Ok(Header::Chain(Chain::XForwardedFor)) };
    if !is_token(name.as_bytes()) {
        return Err(RuleError::HeaderName(name.into()));
    }
    let name = name.to_ascii_lowercase();
    let chain = [Chain::XForwardedFor, Chain::Forwarded].into_iter().find(|chain| chain.name() == name);
    Ok(chain.map_or(Header::Single(name), Header::Chain))
}

fn number(text: &str) -> Result<u8, RuleError> {
    // The text of a number is the only one accepted for it: no sign, no leading zero.
    let hops = decimal(text.as_bytes()).and_then(|hops| u8::try_from(hops).ok()).filter(|hops| *hops <= MAX_HOPS);
    hops.ok_or_else(|| RuleError::Hops(text.into()))
}

impl Say for RuleError {
    fn say(&self, out: &mut String) {
        match self {
            RuleError::Item(item) => say!(out, "`", item, "` is not `key=value`; items are joined by `;`"),
            RuleError::Key(key) => {
                say!(out, "`", key, "` is not a key; they are ");
                KEYS.iter().enumerate().for_each(|(at, key)| say!(out, if at == 0 { "`" } else { ", `" }, key, "`"));
            }
            RuleError::Repeated(key) => say!(out, "`", key, "` stands there twice"),
            RuleError::Contradiction(one, other) => say!(out, "`", one, "` and `", other, "` exclude each other"),
            RuleError::HeaderAlone => "`header` needs `trust=…` or `hops=…`, which say whose header is believed".say(out),
            RuleError::HeaderUnused => {
                "`header` has no effect with `trust=none` or `hops=0`, and one address cannot be counted by `hops`".say(out)
            }
            RuleError::Hops(value) => say!(out, "hops `", value, "`: a decimal number from 0 to ", MAX_HOPS),
            RuleError::Platform(name) => {
                say!(out, "platform `", name, "` is not known; known are");
                PLATFORMS.iter().for_each(|platform| say!(out, " ", platform.name));
            }
            RuleError::HeaderName(name) => say!(out, "header `", name, "` is not a field name"),
            RuleError::ProxyProtocol(value) => {
                say!(out, "proxy_protocol `", value, "`: write `trust:` and the networks of the proxies")
            }
            RuleError::Cidr(key, entry, error) => say!(out, key, ", entry `", entry, "`: ", error),
            RuleError::TooMany(key) => say!(out, key, ": more than ", MAX_TRUSTED, " networks"),
        }
    }
}

shown!(RuleError);

impl core::error::Error for RuleError {}
