//! `edgelatch keys`

use std::fmt::Display;

use edgelatch_registry::{
    ALLOW_MODES, Changed, Description, Digest, Filter, IpEdit, IpEntry, IpRules, Key, KeyEdit, ListEdit, Metadata, Name,
    NewKey, ORDERS, Page, Scope, Service, Slug, State, format_time, from_word, parse_cidr, parse_expiry, parse_start, word,
};
use serde_json::json;

use crate::args::{AllowEdit, DenyEdit, Edit, KeyFields, Keys, List};
use crate::context::{Context, Open, caller, key_id};
use crate::failure::{Failure, Result};
use crate::output::{self, BOLD, DIM, RESET};

pub(crate) fn run(context: &Context, command: Keys) -> Result<()> {
    let open = context.open()?;
    match command {
        Keys::Create(fields) => create(context, &open, &fields),
        Keys::List(args) => list(context, &open, args),
        Keys::Show { key } => {
            let key = open.registry.key(&open.realm, key_id(&key)?)?;
            if context.json {
                output::json(&key)
            } else {
                show(&key)
            }
            Ok(())
        }
        Keys::Edit(args) => {
            let edited = open.registry.edit_key(&caller()?, &open.realm, key_id(&args.key)?, &edit(&open, &args)?)?;
            report(context, &edited, if edited.changed { "changed" } else { "unchanged:" });
            Ok(())
        }
        Keys::Revoke { key } => {
            let revoked = open.registry.revoke_key(&caller()?, &open.realm, key_id(&key)?, None)?;
            report(context, &revoked, if revoked.changed { "revoked" } else { "already revoked:" });
            Ok(())
        }
        Keys::Import { sha256, fields } => {
            let digest = Digest::parse("--sha256", &sha256)?;
            let imported = open.registry.import_key(&caller()?, &open.realm, &new_key(&open, &fields)?, &digest)?;
            report(context, &imported, "imported");
            Ok(())
        }
    }
}

fn create(context: &Context, open: &Open, fields: &KeyFields) -> Result<()> {
    let created = open.registry.create_key(&caller()?, &open.realm, &new_key(open, fields)?)?;
    if context.json {
        output::json(&json!({ "key": created.key, "secret": created.secret.as_str(), "warnings": created.warnings }));
        return Ok(());
    }
    let key = &created.key;
    output::note(format_args!("{BOLD}{}{RESET}  {}  (org {}, owner {})", key.key_id, key.name, key.org, key.owner));
    output::line(format_args!("{}", created.secret.as_str()));
    output::note(format_args!("{DIM}The key is shown this once. Store it now. Edges know it from the next epoch on.{RESET}"));
    output::warnings(&created.warnings);
    Ok(())
}

fn report(context: &Context, changed: &Changed, what: &str) {
    if context.json {
        output::json(&json!({ "key": changed.key, "changed": changed.changed, "warnings": changed.warnings }));
    } else {
        output::line(format_args!("{what} {}  {}", changed.key.key_id, changed.key.name));
        output::warnings(&changed.warnings);
    }
}

fn new_key(open: &Open, fields: &KeyFields) -> Result<NewKey> {
    let now = open.registry.env().now()?;
    let org = open.org(fields.org.as_deref())?;
    let owner = open.owner(&org, fields.owner.as_deref())?;
    let mode = fields.allow_mode.as_deref().map(|mode| choice("--allow-mode", &ALLOW_MODES, mode)).transpose()?;
    let order = choice("--order", &ORDERS, &fields.order)?;
    Ok(NewKey {
        org,
        owner,
        name: Name::parse("--name", &fields.name)?,
        description: Description::parse("--description", &fields.description)?,
        roles: roles(&fields.roles)?,
        scope: scope(&fields.scope)?,
        ip: IpRules::new(mode, order, entries("--allow", &fields.allow)?, entries("--deny", &fields.deny)?)?,
        not_before: parse_start("--not-before", &fields.not_before, now)?,
        expires_at: parse_expiry("--expires", &fields.expires, now)?,
        metadata: Metadata::parse(&fields.metadata)?,
        environment: None,
    })
}

fn edit(open: &Open, args: &Edit) -> Result<KeyEdit> {
    let now = open.registry.env().now()?;
    let AllowEdit { replace, clear, add, remove, enable, disable } = &args.allow;
    let allow = list_edit(["--allow", "--add-allow", "--remove-allow"], *clear, replace, add, remove, enable, disable)?;
    let DenyEdit { replace, clear, add, remove, enable, disable } = &args.deny;
    let deny = list_edit(["--deny", "--add-deny", "--remove-deny"], *clear, replace, add, remove, enable, disable)?;
    let edit = KeyEdit {
        name: args.name.as_deref().map(|name| Name::parse("--name", name)).transpose()?,
        description: args.description.as_deref().map(|text| Description::parse("--description", text)).transpose()?,
        roles: if args.no_roles || !args.roles.is_empty() { Some(roles(&args.roles)?) } else { None },
        scope: args.scope.as_deref().map(scope).transpose()?,
        ip: IpEdit {
            allow_mode: args.allow_mode.as_deref().map(|mode| choice("--allow-mode", &ALLOW_MODES, mode)).transpose()?,
            order: args.order.as_deref().map(|order| choice("--order", &ORDERS, order)).transpose()?,
            allow,
            deny,
        },
        not_before: args.not_before.as_deref().map(|text| parse_start("--not-before", text, now)).transpose()?,
        expires_at: args.expires.as_deref().map(|text| parse_expiry("--expires", text, now)).transpose()?,
        metadata: args.metadata.as_deref().map(Metadata::parse).transpose()?,
        ..KeyEdit::default()
    };
    if edit.is_empty() {
        return Err(Failure::usage("nothing to change: name at least one field, such as --name or --add-allow"));
    }
    Ok(edit)
}

fn list_edit(
    flags: [&str; 3],
    clear: bool,
    replace: &[String],
    add: &[String],
    remove: &[String],
    enable: &[String],
    disable: &[String],
) -> Result<ListEdit> {
    if clear {
        return Ok(ListEdit::Replace(Vec::new()));
    }
    if !replace.is_empty() {
        return Ok(ListEdit::Replace(entries(flags[0], replace)?));
    }
    if [add, remove, enable, disable].iter().all(|list| list.is_empty()) {
        return Ok(ListEdit::Keep);
    }
    let networks = |flag: &str, list: &[String]| list.iter().map(|text| parse_cidr(flag, text)).collect::<Result<Vec<_>, _>>();
    let [on, off] = [(enable, true), (disable, false)]
        .map(|(list, enabled)| Ok::<_, Failure>(networks(flags[0], list)?.into_iter().map(move |cidr| (cidr, enabled))));
    let switch = on?.chain(off?).collect();
    Ok(ListEdit::Change { add: entries(flags[1], add)?, remove: networks(flags[2], remove)?, switch })
}

fn entries(flag: &str, list: &[String]) -> Result<Vec<IpEntry>> {
    list.iter().map(|text| IpEntry::parse(flag, text.trim()).map_err(Failure::from)).collect()
}

fn roles(list: &[String]) -> Result<Vec<Slug>> {
    list.iter().map(|role| Slug::parse("--role", role).map_err(Failure::from)).collect()
}

fn scope(text: &str) -> Result<Scope> {
    if text == "all" {
        return Ok(Scope::All);
    }
    let services = text.split(',').map(|service| Service::parse("--scope", service)).collect::<Result<_, _>>()?;
    Ok(Scope::List(services))
}

/// A word of one of the registry's tables, where `-` may stand for `_`.
fn choice<T: Copy>(flag: &str, table: &[(&str, T)], text: &str) -> Result<T> {
    from_word(table, &text.replace('-', "_")).ok_or_else(|| {
        let words: Vec<String> = table.iter().map(|(word, _)| word.replace('_', "-")).collect();
        Failure::usage(format!("{flag}: must be one of: {}", words.join(", ")))
    })
}

fn list(context: &Context, open: &Open, args: List) -> Result<()> {
    let state = |text: String| text.parse::<State>().map_err(|reason| Failure::usage(format!("--state: {reason}")));
    let filter = Filter {
        org: args.org.map(|org| Slug::parse("--org", &org)).transpose()?,
        owner: args.owner.map(|owner| Slug::parse("--owner", &owner)).transpose()?,
        state: args.state.map(state).transpose()?,
        search: args.search,
        limit: args.limit,
        cursor: args.cursor,
        ..Filter::default()
    };
    let page: Page = open.registry.keys(&open.realm, &filter)?;
    if context.json {
        output::json(&page);
        return Ok(());
    }
    let row = |key: &Key| {
        vec![
            key.key_id.to_string(),
            key.name.to_string(),
            key.org.to_string(),
            if key.owner_disabled { format!("{} (owner disabled)", key.state) } else { key.state.to_string() },
            or_dash(&joined(&key.roles)),
            key.expires_at.map_or("never".into(), format_time),
            restriction(&key.ip),
            key.first_12.clone().unwrap_or("(imported)".into()),
        ]
    };
    let head = ["KEY ID", "NAME", "ORG", "STATE", "ROLES", "EXPIRES", "FROM", "FIRST 12"];
    output::table(&head, &page.keys.iter().map(row).collect::<Vec<_>>());
    if let Some(next) = page.next {
        output::note(format_args!("{DIM}more: --cursor {next}{RESET}"));
    }
    Ok(())
}

fn show(key: &Key) {
    let time = |at: Option<u64>, none: &str| at.map_or(none.to_owned(), format_time);
    let scope = match &key.scope {
        Scope::All => "all services".to_owned(),
        Scope::List(services) => joined(services),
    };
    let entries = |list: &[IpEntry]| or_dash(&joined(&list.iter().map(entry).collect::<Vec<_>>()));
    let rows = [
        ("key id", key.key_id.to_string()),
        ("name", key.name.to_string()),
        ("description", or_dash(key.description.as_str())),
        ("state", key.state.to_string()),
        ("org", key.org.to_string()),
        ("owner", if key.owner_disabled { format!("{} (disabled)", key.owner) } else { key.owner.to_string() }),
        ("key", key.masked.clone().unwrap_or("imported by its digest".into())),
        ("roles", or_dash(&joined(&key.roles))),
        ("scope", scope),
        ("allow mode", word(&ALLOW_MODES, key.ip.allow_mode()).to_owned()),
        ("order", word(&ORDERS, key.ip.order()).replace('_', "-")),
        ("allow", entries(key.ip.allow())),
        ("deny", entries(key.ip.deny())),
        ("not before", time(key.not_before, "-")),
        ("expires", time(key.expires_at, "never")),
        ("metadata", or_dash(key.metadata.as_str())),
        ("created", format_time(key.created_at)),
        ("changed", format_time(key.updated_at)),
        ("revoked", time(key.revoked_at, "-")),
    ];
    for (name, value) in rows {
        output::line(format_args!("{DIM}{name:<12}{RESET} {}", value.replace('\n', " ")));
    }
}

fn entry(entry: &IpEntry) -> String {
    let off = if entry.enabled { "" } else { " (off)" };
    let note = if entry.note.as_str().is_empty() { String::new() } else { format!(" [{}]", entry.note) };
    format!("{}{off}{note}", entry.cidr)
}

/// One word on the IP rules.
fn restriction(ip: &IpRules) -> String {
    let enabled = |list: &[IpEntry]| list.iter().filter(|e| e.enabled).count();
    match (word(&ALLOW_MODES, ip.allow_mode()), enabled(ip.allow()), enabled(ip.deny())) {
        ("list", 0, _) => "nowhere".into(),
        ("list", n, _) => format!("{n} allowed"),
        (_, _, 0) => "anywhere".into(),
        (_, _, n) => format!("{n} denied"),
    }
}

fn joined<T: Display>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}
