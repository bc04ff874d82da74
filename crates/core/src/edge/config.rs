//! What the host decides, as lines of text: one form for every language.
//!
//! ```text
//! credentials=bearer,x-api-key  narrow the realm's credential headers; nothing stands for none of them
//! query=NAME                    also take the key from this query parameter
//! location=PLACE                also take the key from this place, see http::KeyLocation
//! service=NAME                  the service of every requirement that names none
//! client_ip=RULE                where the client address comes from, see client_ip
//! mask_ip=on                    answer an address refusal as if the key were not valid
//! allow_preflight=on            let CORS preflights pass without a key
//! grace=SECONDS                 go on serving a snapshot that long after its head expired, 30 days at most
//! min_epoch=N                   refuse heads below this epoch, at most 2^53 - 1
//! floor=VERSION:EPOCH           durable floor: what this edge had seen when it last ran, see Floor
//! lazy=BYTES                    keep so many bytes of shards and chunks at most, and ask for the others: 262144 to 3221225472
//! fetches=N                     with `lazy`: let at most so many objects a second be fetched, 1 to 10000, else 100
//! pepper=HEX,…                  secrets that the realm's digests may be made with: 16 to 64 bytes each, 4 at most
//! ```

use super::Floor;
use crate::client_ip::ClientIpRule;
use crate::error::Error;
use crate::hex::digit;
use crate::http::{Block, CredentialHeaders, INTEREST, KeyLocation, is_query_name};
use crate::ip::Ip;
use crate::key::Pepper;
use crate::limits::{DEFAULT_FETCHES, MAX_EPOCH, MAX_FETCHES, MAX_GRACE, MAX_LAZY_BYTES, MAX_PEPPERS, MIN_LAZY_BYTES};
use crate::permission::is_permission;
use crate::say;
use crate::text::{Say, whole};
use alloc::{string::String, vec::Vec};
use core::ops::RangeInclusive;
use zeroize::Zeroizing;

/// The host's configuration of one edge.
#[derive(Clone, Debug, Default)]
pub struct HostConfig {
    pub(crate) credentials: Option<CredentialHeaders>,
    pub(crate) query: Option<String>,
    pub(crate) location: Option<KeyLocation>,
    pub(crate) service: Option<String>,
    pub(crate) client_ip: ClientIpRule,
    pub(crate) mask_ip: bool,
    pub(crate) allow_preflight: bool,
    pub(crate) grace: u64,
    pub(crate) min_epoch: u64,
    pub(crate) floor: Option<Floor>,
    pub(crate) peppers: Vec<Pepper>,
    /// Whether it only proves snapshots and hands them on.
    pub(crate) carries: bool,
    pub(crate) lazy: Option<usize>,
    pub(crate) fetches: Option<u32>,
}

/// Says itself what is wrong with a rule.
const CLIENT_IP: &str = "client_ip";

/// The other settings, and what each expects.
const SETTINGS: [(&str, &str); 12] = [
    ("credentials", "expected `bearer`, `x-api-key` or both, or none of them beside `query` or `location`"),
    ("query", "not the name of a query parameter"),
    ("location", KeyLocation::EXPECTED),
    ("service", "not the name of a service"),
    ("mask_ip", SWITCH),
    ("allow_preflight", SWITCH),
    ("grace", "expected seconds, at most 30 days"),
    ("min_epoch", "expected an epoch, a whole number below 2^53"),
    ("floor", Floor::EXPECTED),
    ("pepper", "expected 1 to 4 peppers of 16 to 64 bytes, each once, in hexadecimal digits"),
    ("lazy", "expected bytes, 262144 to 3221225472"),
    ("fetches", "expected objects a second, 1 to 10000"),
];
const SWITCH: &str = "expected `on` or `off`";

impl HostConfig {
    /// For whoever proves snapshots and hands them on, but judges no key: whichever pepper the digests are made with, it needs none. To such an edge,
    /// every key of a snapshot that was made with one is unknown.
    pub fn carrier() -> Self {
        HostConfig { carries: true, ..HostConfig::default() }
    }

    /// Reads `key=value` lines; empty lines are passed over. An unknown or repeated key, or a value out of its range, is
    /// [`Error::BadConfig`], which names the key and never the value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut config = HostConfig::default();
        let mut seen: Vec<&str> = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            // What stands there may be a pepper behind another sign.
            let unread = || {
                let mut place = String::new();
                say!(&mut place, "line ", index + 1);
                bad(&place, "expected `key=value`")
            };
            let (key, value) = line.split_once('=').ok_or_else(unread)?;
            if seen.contains(&key) {
                return Err(bad(key, "is given twice"));
            }
            seen.push(key);
            config.set(key, value)?;
        }
        if config.credentials == Some(CredentialHeaders::empty()) && !config.elsewhere() {
            return Err(bad("credentials", "none of them, and neither `query` nor `location`, leaves no place for a key"));
        }
        if config.fetches.is_some() && config.lazy.is_none() {
            return Err(bad("fetches", "is for edges with `lazy` only"));
        }
        Ok(config)
    }

    /// A lazy edge with a budget below the least that a host may name: for tests, whose trees are small.
    #[cfg(feature = "builder")]
    pub fn lazy_within(self, bytes: usize) -> Self {
        HostConfig { lazy: Some(bytes), ..self }
    }

    /// Objects a second that a lazy edge may fetch.
    pub(super) fn fetches(&self) -> u32 {
        self.fetches.unwrap_or(DEFAULT_FETCHES)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        if key == CLIENT_IP {
            self.client_ip = ClientIpRule::parse(value).map_err(|error| bad(key, &error.said()))?;
            return Ok(());
        }
        let known = SETTINGS.iter().find(|(name, _)| *name == key);
        let (_, expected) = known.ok_or_else(|| bad(key, "no such setting"))?;
        self.take(key, value).ok_or_else(|| bad(key, expected))
    }

    /// `None` for a value that is not what it must be.
    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        let number = |range: RangeInclusive<u64>| whole(value).filter(|number| range.contains(number));
        match key {
            "credentials" => {
                let union = |all: CredentialHeaders, one| Some(all.union(CredentialHeaders::parse(one)?));
                let names = value.split(',').filter(|_| !value.is_empty());
                self.credentials = Some(names.into_iter().try_fold(CredentialHeaders::empty(), union)?);
            }
            "query" => self.query = Some(is_query_name(value).then(|| value.into())?),
            "location" => self.location = Some(KeyLocation::parse(value)?),
            "service" => self.service = Some(is_permission(value.as_bytes()).then(|| value.into())?),
            "mask_ip" => self.mask_ip = switch(value)?,
            "allow_preflight" => self.allow_preflight = switch(value)?,
            "grace" => self.grace = number(0..=MAX_GRACE)?,
            "min_epoch" => self.min_epoch = number(0..=MAX_EPOCH)?,
            "floor" => self.floor = Some(Floor::read(value)?),
            "pepper" => value.split(',').try_for_each(|hex| self.add_pepper(Pepper::new(&unhex(hex)?)?))?,
            "lazy" => {
                let fits = |bytes: &usize| (MIN_LAZY_BYTES..=MAX_LAZY_BYTES).contains(bytes);
                self.lazy = Some(usize::try_from(whole(value)?).ok().filter(fits)?);
            }
            "fetches" => self.fetches = Some(u32::try_from(number(1..=MAX_FETCHES.into())?).ok()?),
            _ => return None,
        }
        Some(())
    }

    /// The same with one more pepper; `None` where it has as many as there may be.
    pub fn with_pepper(mut self, pepper: Pepper) -> Option<Self> {
        let known = self.peppers.iter().any(|known| known.id() == pepper.id());
        if !known {
            self.add_pepper(pepper)?;
        }
        Some(self)
    }

    fn add_pepper(&mut self, pepper: Pepper) -> Option<()> {
        // Twice the same is a slip: the one that was meant is missing.
        if self.peppers.len() >= MAX_PEPPERS || self.peppers.iter().any(|known| known.id() == pepper.id()) {
            return None;
        }
        self.peppers.push(pepper);
        Some(())
    }

    /// Names of the headers of which a host must hand over every line, in lower case, each once: what a verification reads
    /// whatever the configuration, then what the client-address rule reads.
    pub fn interest(&self) -> impl Iterator<Item = &str> {
        let address = self.client_ip.header_names().filter(|name| !INTEREST.contains(name));
        let own = self
            .location
            .as_ref()
            .map(KeyLocation::header)
            .filter(|own| !INTEREST.contains(own) && self.client_ip.header_names().all(|name| name != *own));
        INTEREST.into_iter().chain(address).chain(own)
    }

    /// The scheme of the challenge in replies (RFC 9110 section 11.6.1): that of the host's own place for the key, else `Bearer`.
    pub fn challenge(&self) -> &str {
        self.location.as_ref().map_or("Bearer", KeyLocation::scheme)
    }

    /// The host's own place for the key, if it named one.
    pub fn location(&self) -> Option<&KeyLocation> {
        self.location.as_ref()
    }

    /// Whether it is of an edge that keeps a part of the snapshot and has its host fetch the others.
    pub fn is_lazy(&self) -> bool {
        self.lazy.is_some()
    }

    /// Whether a key may stand elsewhere than in a credential header of the realm.
    pub(super) fn elsewhere(&self) -> bool {
        self.query.is_some() || self.location.is_some()
    }

    /// The client's address of a request block, as the client-address rule derives it. `None` if it is not known, or if the block
    /// is not well formed.
    #[inline]
    pub fn client(&self, block: &[u8]) -> Option<Ip> {
        self.client_of(&Block::parse(block).ok()?)
    }

    #[inline]
    pub(super) fn client_of(&self, block: &Block<'_>) -> Option<Ip> {
        self.client_ip.derive(block.peer(), block.proxy_line(), block.lines())
    }
}

fn bad(key: &str, reason: &str) -> Error {
    // Of an unreadable line only its start, and never what follows a `=`: it may be a secret.
    let key = key.split('=').next().unwrap_or("").chars().take(32).collect();
    Error::BadConfig { key, reason: reason.into() }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}
