//! What was typed, as the registry's types, whose errors say what would be right.

use std::str::FromStr;

use edgelatch_registry::{
    ALLOW_MODES, Description, Filter, IpEdit, IpEntry, IpRules, KeyEdit, ListEdit, Metadata, Name, NewKey, Note, ORDERS, Scope,
    Service, Slug, from_word, parse_cidr, parse_expiry, parse_start, parse_time,
};

use crate::args::{Edit, IpListEdit, KeyFields, KeyFilter, Paging};
use crate::context::Open;
use crate::failure::{Failure, Result};

pub(super) fn new_key(open: &Open, name: &str, fields: &KeyFields) -> Result<NewKey> {
    let now = open.registry.env().now()?;
    let org = open.org(fields.org.as_deref())?;
    let owner = open.owner(&org, fields.owner.as_deref())?;
    let mode = fields.allow_mode.as_deref().map(|mode| choice("--allow-mode", &ALLOW_MODES, mode)).transpose()?;
    let order = match &fields.order {
        Some(order) => choice("--order", &ORDERS, order)?,
        None => open.registry.org(&open.realm, &org)?.settings.ip_orders.first().copied().unwrap_or(ORDERS[0].1),
    };
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    Ok(NewKey {
        org,
        owner,
        name: Name::parse("--name", name)?,
        description: Description::parse("--description", &text(&fields.description))?,
        roles: slugs("--role", &fields.roles)?,
        scope: fields.scope.as_deref().map_or(Ok(Scope::All), scope)?,
        ip: IpRules::new(mode, order, entries("--allow", &fields.allow)?, entries("--deny", &fields.deny)?)?,
        not_before: fields.not_before.as_deref().map_or(Ok(None), |text| parse_start("--not-before", text, now))?,
        expires_at: fields.expires.as_deref().map_or(Ok(None), |text| parse_expiry("--expires", text, now))?,
        metadata: fields.metadata.as_deref().map_or(Ok(Metadata::default()), Metadata::parse)?,
        environment: maybe_slug("--environment", fields.environment.as_deref())?,
    })
}

pub(super) fn edit(open: &Open, args: Edit) -> Result<KeyEdit> {
    let now = open.registry.env().now()?;
    let environment = maybe_slug("--environment", args.environment.as_deref())?;
    let edit = KeyEdit {
        name: args.name.as_deref().map(|name| Name::parse("--name", name)).transpose()?,
        description: args.description.as_deref().map(|text| Description::parse("--description", text)).transpose()?,
        roles: if args.no_roles || !args.roles.is_empty() { Some(slugs("--role", &args.roles)?) } else { None },
        scope: args.scope.as_deref().map(scope).transpose()?,
        ip: IpEdit {
            allow_mode: args.allow_mode.as_deref().map(|mode| choice("--allow-mode", &ALLOW_MODES, mode)).transpose()?,
            order: args.order.as_deref().map(|order| choice("--order", &ORDERS, order)).transpose()?,
            allow: list_edit(args.allow.into())?,
            deny: list_edit(args.deny.into())?,
        },
        not_before: args.not_before.as_deref().map(|text| parse_start("--not-before", text, now)).transpose()?,
        expires_at: args.expires.as_deref().map(|text| parse_expiry("--expires", text, now)).transpose()?,
        metadata: args.metadata.as_deref().map(Metadata::parse).transpose()?,
        environment: if args.no_environment { Some(None) } else { environment.map(Some) },
        status: args.status.as_deref().map(|status| one_of("--status", status)).transpose()?,
        if_revision: args.which.if_revision,
    };
    if edit.is_empty() {
        return Err(Failure::usage("nothing to change: name at least one field, such as --name or --add-allow"));
    }
    Ok(edit)
}

/// The keys that are meant. Order and page are the caller's.
pub(crate) fn filter(open: &Open, args: &KeyFilter, paging: Option<&Paging>) -> Result<Filter> {
    let now = open.registry.env().now()?;
    let time = |flag: &str, text: &Option<String>| text.as_deref().map(|text| parse_time(flag, text, now)).transpose();
    Ok(Filter {
        org: maybe_slug("--org", args.org.as_deref())?,
        owner: maybe_slug("--owner", args.owner.as_deref())?,
        role: maybe_slug("--role", args.role.as_deref())?,
        state: args.state.as_deref().map(|state| one_of("--state", state)).transpose()?,
        environment: maybe_slug("--environment", args.environment.as_deref())?,
        expires_before: time("--expires-before", &args.expires_before)?,
        created_before: time("--created-before", &args.created_before)?,
        rotation_due: args.rotation_due,
        search: args.search.clone(),
        limit: paging.map_or(0, |paging| paging.limit),
        cursor: paging.and_then(|paging| paging.cursor.clone()),
        ..Filter::default()
    })
}

fn list_edit(edit: IpListEdit) -> Result<ListEdit> {
    let IpListEdit { list, replace, clear, add, remove, enable, disable } = edit;
    let flag = |verb: &str| format!("--{verb}{list}");
    if clear || !replace.is_empty() {
        return Ok(ListEdit::Replace(entries(&flag(""), &replace)?));
    }
    if [&add, &remove, &enable, &disable].iter().all(|list| list.is_empty()) {
        return Ok(ListEdit::Keep);
    }
    let networks =
        |verb: &str, list: &[String]| list.iter().map(|text| parse_cidr(&flag(verb), text)).collect::<Result<Vec<_>, _>>();
    let on = networks("enable-", &enable)?.into_iter().map(|cidr| (cidr, true));
    let off = networks("disable-", &disable)?.into_iter().map(|cidr| (cidr, false));
    let switch = on.chain(off).collect();
    Ok(ListEdit::Change { add: entries(&flag("add-"), &add)?, remove: networks("remove-", &remove)?, switch })
}

fn entries(flag: &str, list: &[String]) -> Result<Vec<IpEntry>> {
    list.iter().map(|text| entry(flag, text.trim())).collect()
}

/// `CIDR`, `CIDR=NOTE`, and either with `off:` before it.
fn entry(flag: &str, text: &str) -> Result<IpEntry> {
    let (enabled, text) = text.strip_prefix("off:").map_or((true, text), |rest| (false, rest));
    let (cidr, note) = text.split_once('=').unwrap_or((text, ""));
    Ok(IpEntry { cidr: parse_cidr(flag, cidr)?, enabled, note: Note::parse(flag, note)? })
}

pub(crate) fn slugs(flag: &str, list: &[String]) -> Result<Vec<Slug>> {
    list.iter().map(|text| Slug::parse(flag, text).map_err(Failure::from)).collect()
}

pub(crate) fn maybe_slug(flag: &str, text: Option<&str>) -> Result<Option<Slug>> {
    Ok(text.map(|text| Slug::parse(flag, text)).transpose()?)
}

/// A word of one of the registry's enumerations, where `-` may stand for `_`.
pub(crate) fn one_of<T: FromStr<Err = String>>(flag: &str, text: &str) -> Result<T> {
    let plain = text.parse::<T>();
    plain.or_else(|reason| text.replace('-', "_").parse().map_err(|_| Failure::usage(format!("{flag}: {reason}"))))
}

/// The same for one of its tables.
fn choice<T: Copy>(flag: &str, table: &[(&str, T)], text: &str) -> Result<T> {
    from_word(table, &text.replace('-', "_")).ok_or_else(|| {
        let words: Vec<String> = table.iter().map(|(word, _)| word.replace('_', "-")).collect();
        Failure::usage(format!("{flag}: must be one of: {}", words.join(", ")))
    })
}

fn scope(text: &str) -> Result<Scope> {
    if text == "all" {
        return Ok(Scope::All);
    }
    let services = text.split(',').map(|service| Service::parse("--scope", service)).collect::<Result<_, _>>()?;
    Ok(Scope::List(services))
}
