//! The description of a realm, as the host writes it. Nothing that it holds may have a control character, so these divide it:
//!
//! ```text
//! description := realm *(LF (role / key))
//! realm       := name US epoch US issued_at US not_after           times in Unix seconds
//! role        := "role" US name US list(pattern)
//! key         := "key" US text US id US org US owner US name US metadata US not_before US expires_at US revoked US owner_disabled
//!                US list(place of a role, from 0) US services US allow US deny US order
//! services    := "*" for all, or "=" list(service)
//! allow, deny := "*" for no such list, or "=" list(network)
//! order       := "allow_first" / "deny_first"
//! list(x)     := nothing, or x *(RS x)
//! ```
//! A time of 0 is none; `revoked` and `owner_disabled` are 0 or 1.

use edgelatch_core::build::{KeyRecord, RoleRecord};
use edgelatch_core::cidr::Cidr;
use edgelatch_core::key::{self, KeyId, KeyText};
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use std::str::FromStr;

const US: char = '\u{1f}';
const RS: char = '\u{1e}';

pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) epoch: u64,
    pub(crate) issued_at: u64,
    pub(crate) not_after: u64,
    pub(crate) roles: Vec<RoleRecord>,
    pub(crate) keys: Vec<KeyRecord>,
    /// Whether some key is not one that a control plane issues.
    pub(crate) imports: bool,
}

pub(crate) fn realm(text: &str) -> Result<Description, String> {
    let mut lines = text.split('\n');
    let mut first = Fields(lines.next().unwrap_or_default().split(US));
    let mut realm = Description {
        name: first.text()?.into(),
        epoch: first.number()?,
        issued_at: first.number()?,
        not_after: first.number()?,
        roles: Vec::new(),
        keys: Vec::new(),
        imports: false,
    };
    for line in lines {
        let mut fields = Fields(line.split(US));
        match fields.text()? {
            "role" => {
                let (name, patterns) = (fields.text()?.into(), list(fields.text()?).map(Into::into).collect());
                realm.roles.push(RoleRecord { name, patterns });
            }
            "key" => {
                let text = fields.text()?;
                realm.imports |= KeyText::parse(text.as_bytes()).is_err();
                realm.keys.push(record(text, fields)?);
            }
            _ => return Err(SHORT.into()),
        }
    }
    Ok(realm)
}

fn record(text: &str, mut fields: Fields<'_>) -> Result<KeyRecord, String> {
    let issued = KeyText::parse(text.as_bytes()).is_ok();
    if !issued && KeyText::parse_imported(text.as_bytes()).is_err() {
        return Err(
            "the text of a key is one that was issued, or 16 to 255 characters of A-Z a-z 0-9 - . _ ~ + / with = at the end"
                .into(),
        );
    }
    let time = |at: u64| (at > 0).then_some(at);
    Ok(KeyRecord {
        digest: key::digest(text.as_bytes()),
        key_id: KeyId(fields.number()?),
        org: fields.text()?.into(),
        owner: fields.text()?.into(),
        name: fields.text()?.into(),
        metadata: fields.text()?.into(),
        not_before: time(fields.number()?),
        expires_at: time(fields.number()?),
        revoked: fields.number::<u8>()? == 1,
        owner_disabled: fields.number::<u8>()? == 1,
        roles: list(fields.text()?).map(|place| place.parse().map_err(|_| SHORT)).collect::<Result<_, _>>()?,
        services: given(fields.text()?).map(|services| services.map(Into::into).collect()),
        ip_policy: policy(given(fields.text()?), given(fields.text()?), fields.text()?)?,
    })
}

fn policy<'a>(
    allow: Option<impl Iterator<Item = &'a str>>,
    deny: Option<impl Iterator<Item = &'a str>>,
    order: &str,
) -> Result<Option<IpPolicy>, String> {
    if allow.is_none() && deny.is_none() {
        return Ok(None);
    }
    let network = |text: &str| Cidr::parse(text.as_bytes()).map_err(|error| format!("{text}: {error}"));
    Ok(Some(IpPolicy {
        allow_mode: if allow.is_some() { AllowMode::List } else { AllowMode::Any },
        order: if order == "deny_first" { Order::DenyFirst } else { Order::AllowFirst },
        allow: allow.into_iter().flatten().map(network).collect::<Result<_, _>>()?,
        deny: deny.into_iter().flatten().map(network).collect::<Result<_, _>>()?,
    }))
}

/// The host writes all fields; this is only seen by who changes one side.
const SHORT: &str = "the description has not the fields that it must have";

struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn text(&mut self) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| SHORT.into())
    }

    fn number<N: FromStr>(&mut self) -> Result<N, String> {
        self.text()?.parse().map_err(|_| SHORT.into())
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(RS).filter(move |_| !text.is_empty())
}

/// The items of a list that may be left out.
fn given(text: &str) -> Option<impl Iterator<Item = &str>> {
    text.strip_prefix('=').map(list)
}
