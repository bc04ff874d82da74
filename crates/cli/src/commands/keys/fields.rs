//! All of a new key but its name.

use edgelatch_core::policy::{AllowMode, Order};
use edgelatch_registry::{
    Description, IpEntry, Metadata, Name, NewIpRules, NewKey, Scope, Slug, Tag, Word, parse_expiry, parse_start,
};
use serde::{Serialize, Serializer};

use super::ip_list::entry;
use crate::prelude::*;

/// As JSON, all that was typed: what tells a repeated request from another one.
#[derive(Args, Serialize)]
pub(crate) struct KeyFields {
    /// What it is for
    #[arg(long)]
    description: Option<Description>,
    /// Its org [default: the only one]
    #[arg(long)]
    pub(super) org: Option<Slug>,
    /// Its owner [default: the org's only one]
    #[arg(long)]
    pub(super) owner: Option<Slug>,
    /// A role; repeat or separate by commas
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub(super) roles: Vec<Slug>,
    /// Services it may be used for [default: all, present and future]
    #[arg(long, value_name = "LIST", value_parser = read::scope)]
    scope: Option<Scope>,
    /// Addresses and networks from which it may be used, as CIDR, CIDR=NOTE, or off:CIDR for one that does not count yet
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = entry)]
    allow: Vec<IpEntry>,
    /// Addresses and networks from which it may not be used, likewise
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = entry)]
    deny: Vec<IpEntry>,
    /// Which list is asked first [default: the first that the org offers]
    #[arg(long, value_parser = read::words::<Order>())]
    #[serde(serialize_with = "word")]
    order: Option<Order>,
    /// Whether any address may come, or only those on the allow list [default: list once there is an allow entry]
    #[arg(long, value_name = "MODE", value_parser = read::words::<AllowMode>())]
    #[serde(serialize_with = "word")]
    allow_mode: Option<AllowMode>,
    /// When it expires: 1d, 1w, 1mo, 3mo, 1y or any span, a date, an RFC 3339 time, or never, as far as the org offers them
    /// [default: never]
    #[arg(long = "expires-at", visible_alias = "expires", value_name = "TIME", value_parser = read::typed(parse_expiry))]
    expires: Option<read::Typed<Option<u64>>>,
    /// From when it is accepted: as --expires-at, or now [default: now]
    #[arg(long, value_name = "TIME", value_parser = read::typed(parse_start))]
    not_before: Option<read::Typed<Option<u64>>>,
    /// Custom data for the handler behind the edge, a JSON object
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    metadata: Option<Metadata>,
    /// What it is used for, such as production [default: the first that the org offers]
    #[arg(long)]
    pub(super) environment: Option<Slug>,
    /// A word to find it by; repeat or separate by commas
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<Tag>,
}

fn word<T: Word, S: Serializer>(word: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    word.map(Word::word).serialize(to)
}

impl KeyFields {
    /// A new key of this org and name.
    pub(super) fn new_key(self, org: Slug, name: Name) -> NewKey {
        NewKey {
            org,
            owner: self.owner,
            name,
            description: self.description.unwrap_or_default(),
            roles: self.roles,
            scope: self.scope.unwrap_or(Scope::All),
            ip: NewIpRules { allow_mode: self.allow_mode, order: self.order, allow: self.allow, deny: self.deny },
            not_before: self.not_before.and_then(|start| start.value),
            expires_at: self.expires.and_then(|expiry| expiry.value),
            metadata: self.metadata.unwrap_or_default(),
            environment: self.environment,
            tags: self.tags,
        }
    }
}
