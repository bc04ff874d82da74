//! `edgelatch orgs`, `owners`, `roles` and `realms`

use edgelatch_registry::{Name, NewOrg, NewOwner, NewRole, OwnerEdit, OwnerKind, Pattern, Slug};
use serde::Serialize;

use crate::args::{Orgs, Owners, Roles};
use crate::context::{Context, Open, caller};
use crate::failure::{Failure, Result};
use crate::output;

/// Prints one thing that was made or changed.
fn done(context: &Context, value: &impl Serialize, text: &str) {
    if context.json { output::json(value) } else { output::line(format_args!("{text}")) }
}

/// Prints a list.
fn list<T: Serialize>(context: &Context, all: &[T], head: &[&str], row: impl Fn(&T) -> Vec<String>) {
    if context.json { output::json(&all) } else { output::table(head, &all.iter().map(row).collect::<Vec<_>>()) }
}

fn name(given: Option<&str>, id: &Slug) -> Result<Name> {
    Ok(Name::parse("--name", given.unwrap_or(id.as_str()))?)
}

pub(crate) fn realms(context: &Context) -> Result<()> {
    let realms = context.registry()?.realms()?;
    list(context, &realms, &["REALM", "NAME", "PREFIX", "IMPORTS"], |r| {
        vec![r.realm.to_string(), r.name.to_string(), r.prefix.to_string(), if r.imports { "yes" } else { "no" }.into()]
    });
    Ok(())
}

pub(crate) fn orgs(context: &Context, command: Orgs) -> Result<()> {
    let Open { registry, realm } = context.open()?;
    match command {
        Orgs::Create { org, name: given } => {
            let org = Slug::parse("ORG", &org)?;
            let new = NewOrg { name: name(given.as_deref(), &org)?, org, preset: None };
            let org = registry.create_org(&caller()?, &realm, &new)?;
            done(context, &org, &format!("created org {}", org.org));
        }
        Orgs::List => list(context, &registry.orgs(&realm)?, &["ORG", "NAME"], |o| vec![o.org.to_string(), o.name.to_string()]),
    }
    Ok(())
}

pub(crate) fn owners(context: &Context, command: Owners) -> Result<()> {
    let open = context.open()?;
    let switch = |owner: String, org: Option<String>, disabled: bool| -> Result<()> {
        let (org, owner) = (open.org(org.as_deref())?, Slug::parse("OWNER", &owner)?);
        let edit = OwnerEdit { disabled: Some(disabled), ..OwnerEdit::default() };
        let owner = open.registry.edit_owner(&caller()?, &open.realm, &org, &owner, &edit)?;
        let word = if disabled { "disabled" } else { "enabled" };
        done(
            context,
            &owner,
            &format!("{word} owner {} of org {}: its keys follow with the next epoch", owner.owner, owner.org),
        );
        Ok(())
    };
    match command {
        Owners::Disable { owner, org } => switch(owner, org, true)?,
        Owners::Enable { owner, org } => switch(owner, org, false)?,
        Owners::Create { owner, org, kind, name: given } => {
            let owner = Slug::parse("OWNER", &owner)?;
            let kind: OwnerKind = kind.parse().map_err(|reason| Failure::usage(format!("--kind: {reason}")))?;
            let new = NewOwner {
                org: open.org(org.as_deref())?,
                name: name(given.as_deref(), &owner)?,
                owner,
                kind,
                roles: Vec::new(),
            };
            let owner = open.registry.create_owner(&caller()?, &open.realm, &new)?;
            done(context, &owner, &format!("created owner {} of org {}", owner.owner, owner.org));
        }
        Owners::List { org } => {
            let org = org.map(|org| Slug::parse("--org", &org)).transpose()?;
            let owners = open.registry.owners(&open.realm, org.as_ref())?;
            list(context, &owners, &["ORG", "OWNER", "KIND", "NAME", "STATE"], |o| {
                let state = if o.disabled { "disabled" } else { "enabled" };
                vec![o.org.to_string(), o.owner.to_string(), o.kind.to_string(), o.name.to_string(), state.into()]
            });
        }
    }
    Ok(())
}

pub(crate) fn roles(context: &Context, command: Roles) -> Result<()> {
    let Open { registry, realm } = context.open()?;
    match command {
        Roles::Create { role, permissions, org, name: given } => {
            let role = Slug::parse("ROLE", &role)?;
            let permissions = permissions.iter().map(|p| Pattern::parse("--permission", p)).collect::<Result<_, _>>()?;
            let org = org.map(|org| Slug::parse("--org", &org)).transpose()?;
            let new = NewRole { name: name(given.as_deref(), &role)?, role, org, permissions };
            let role = registry.create_role(&caller()?, &realm, &new)?;
            done(context, &role, &format!("created role {}", role.role));
        }
        Roles::List => list(context, &registry.roles(&realm)?, &["ROLE", "ORG", "NAME", "PERMISSIONS"], |r| {
            let org = r.org.as_ref().map_or("-".into(), ToString::to_string);
            let permissions: Vec<&str> = r.permissions.iter().map(Pattern::as_str).collect();
            vec![r.role.to_string(), org, r.name.to_string(), permissions.join(", ")]
        }),
    }
    Ok(())
}
