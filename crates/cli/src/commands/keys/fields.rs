//! What was typed, as the registry's types, whose errors say what would be right. Fields have the model's names here; what flag
//! that is, `Failure` says.

use edgelatch_core::policy::Order;
use edgelatch_registry::{
    FromText, IpEdit, IpEntry, KeyEdit, KeyFilter, ListEdit, Metadata, Name, NewIpRules, NewKey, Note, Paging, Scope, Service,
    Slug, Window, Word, parse_cidr, parse_expiry, parse_start,
};

use crate::args::{self, Edit, IpListEdit, KeyFields};
use crate::context::Open;
use crate::failure::{Failure, Result, flag};

pub(super) fn new_key(open: &Open, name: &str, fields: &KeyFields) -> Result<NewKey> {
    let now = open.registry.env().now()?;
    Ok(NewKey {
        org: open.org(fields.org.as_deref())?,
        owner: read("owner", &fields.owner)?,
        name: Name::parse("name", name)?,
        description: read("description", &fields.description)?.unwrap_or_default(),
        roles: slugs("roles", &fields.roles)?,
        scope: fields.scope.as_deref().map_or(Ok(Scope::All), scope)?,
        ip: NewIpRules {
            allow_mode: fields.allow_mode.as_deref().map(|mode| one_of("allow_mode", mode)).transpose()?,
            order: fields.order.as_deref().map(order).transpose()?,
            allow: entries("allow", &fields.allow)?,
            deny: entries("deny", &fields.deny)?,
        },
        not_before: fields.not_before.as_deref().map_or(Ok(None), |text| parse_start("not_before", text, now))?,
        expires_at: fields.expires.as_deref().map_or(Ok(None), |text| parse_expiry("expires_at", text, now))?,
        metadata: fields.metadata.as_deref().map_or(Ok(Metadata::default()), Metadata::parse)?,
        environment: read("environment", &fields.environment)?,
    })
}

pub(super) fn edit(open: &Open, args: Edit) -> Result<KeyEdit> {
    let now = open.registry.env().now()?;
    let environment = read("environment", &args.environment)?;
    let edit = KeyEdit {
        name: read("name", &args.name)?,
        description: read("description", &args.description)?,
        roles: if args.no_roles || !args.roles.is_empty() { Some(slugs("roles", &args.roles)?) } else { None },
        scope: args.scope.as_deref().map(scope).transpose()?,
        ip: IpEdit {
            allow_mode: args.allow_mode.as_deref().map(|mode| one_of("allow_mode", mode)).transpose()?,
            order: args.order.as_deref().map(order).transpose()?,
            allow: list_edit(args.allow.into())?,
            deny: list_edit(args.deny.into())?,
        },
        not_before: args.not_before.as_deref().map(|text| parse_start("not_before", text, now)).transpose()?,
        expires_at: args.expires.as_deref().map(|text| parse_expiry("expires_at", text, now)).transpose()?,
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

/// The keys that are meant.
pub(crate) fn filter(args: &args::KeyFilter) -> Result<KeyFilter> {
    Ok(KeyFilter {
        org: read("org", &args.org)?,
        owner: read("owner", &args.owner)?,
        role: read("role", &args.role)?,
        state: args.state.as_deref().map(|state| one_of("state", state)).transpose()?,
        environment: read("environment", &args.environment)?,
        expires_before: read("expires_before", &args.expires_before)?,
        created_before: read("created_before", &args.created_before)?,
        rotation_due: args.rotation_due,
        search: args.search.clone(),
    })
}

pub(crate) fn window(args: &args::Window) -> Result<Window> {
    Ok(Window { since: read("since", &args.since)?, until: read("until", &args.until)? })
}

pub(crate) fn page(args: args::Paging) -> Paging {
    Paging { limit: Some(args.limit).filter(|limit| *limit > 0), cursor: args.cursor }
}

fn list_edit(edit: IpListEdit) -> Result<ListEdit> {
    let IpListEdit { list, replace, clear, add, remove, enable, disable } = edit;
    let field = |verb: &str| format!("{verb}{list}");
    if clear || !replace.is_empty() {
        return Ok(ListEdit::Replace(entries(list, &replace)?));
    }
    if [&add, &remove, &enable, &disable].iter().all(|list| list.is_empty()) {
        return Ok(ListEdit::Keep);
    }
    let networks =
        |verb: &str, list: &[String]| list.iter().map(|text| parse_cidr(&field(verb), text)).collect::<Result<Vec<_>, _>>();
    let on = networks("enable-", &enable)?.into_iter().map(|cidr| (cidr, true));
    let off = networks("disable-", &disable)?.into_iter().map(|cidr| (cidr, false));
    let switch = on.chain(off).collect();
    Ok(ListEdit::Change { add: entries(&field("add-"), &add)?, remove: networks("remove-", &remove)?, switch })
}

fn entries(field: &str, list: &[String]) -> Result<Vec<IpEntry>> {
    list.iter().map(|text| entry(field, text.trim())).collect()
}

/// `CIDR`, `CIDR=NOTE`, and either with `off:` before it.
fn entry(field: &str, text: &str) -> Result<IpEntry> {
    let (enabled, text) = text.strip_prefix("off:").map_or((true, text), |rest| (false, rest));
    let (cidr, note) = text.split_once('=').unwrap_or((text, ""));
    Ok(IpEntry { cidr: parse_cidr(field, cidr)?, enabled, note: Note::parse(field, note)? })
}

/// A field that may be left out.
pub(crate) fn read<T: FromText>(field: &str, text: &Option<String>) -> Result<Option<T>> {
    Ok(text.as_deref().map(|text| T::parse(field, text)).transpose()?)
}

pub(crate) fn slugs(field: &str, list: &[String]) -> Result<Vec<Slug>> {
    list.iter().map(|text| Slug::parse(field, text).map_err(Failure::from)).collect()
}

/// A word of one of the registry's enumerations, where `-` may stand for `_`.
pub(crate) fn one_of<T: Word>(field: &str, text: &str) -> Result<T> {
    let words = || T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let found = T::parse(field, &text.replace('-', "_")).or_else(|_| T::parse(field, text));
    found.map_err(|_| Failure::usage(format!("{}: must be one of: {}", flag(field), words())))
}

/// An order of the lists, whose words have dashes here.
fn order(text: &str) -> Result<Order> {
    one_of("order", text).map_err(|_| Failure::usage("--order: must be one of: allow-first, deny-first"))
}

fn scope(text: &str) -> Result<Scope> {
    if text == "all" {
        return Ok(Scope::All);
    }
    let services = text.split(',').map(|service| Service::parse("scope", service)).collect::<Result<_, _>>()?;
    Ok(Scope::List(services))
}
