//! `edgelatch orgs`, `owners`, `roles` and `realms`

use edgelatch_registry::{Name, NewOrg, NewOwner, NewRole, Org, OrgEdit, Owner, OwnerEdit, Pattern, RoleEdit, Slug};
use serde_json::{Map, Value};

use super::keys::fields::{one_of, read, slugs};
use super::keys::show::{joined, or_dash};
use crate::args::{Orgs, Owners, Roles, WhichOwner};
use crate::context::{Context, caller};
use crate::failure::{Failure, Result};
use crate::output::{self, DIM, RESET, done, list};

fn name(given: Option<&str>, id: &Slug) -> Result<Name> {
    Ok(Name::parse("name", given.unwrap_or(id.as_str()))?)
}

/// New roles, if any were named or all are taken away.
fn new_roles(roles: &[String], none: bool) -> Result<Option<Vec<Slug>>> {
    if none || !roles.is_empty() { slugs("roles", roles).map(Some) } else { Ok(None) }
}

fn nothing_to_change(flags: &str) -> Failure {
    Failure::usage(format!("nothing to change: name at least one of {flags}"))
}

pub(crate) fn realms(context: &Context) -> Result<()> {
    let realms = context.registry()?.realms()?;
    list(context.json, &realms, &["REALM", "NAME", "PRESET", "PREFIX", "IMPORTS"], |r| {
        let imports = if r.imports { "yes" } else { "no" };
        vec![r.realm.to_string(), r.name.to_string(), r.preset.to_string(), r.prefix.to_string(), imports.into()]
    });
    Ok(())
}

pub(crate) fn orgs(context: &Context, command: Orgs) -> Result<()> {
    let open = context.open()?;
    let edit = |org: String, edit: OrgEdit, what: &str| -> Result<()> {
        let org = open.tenants().edit_org(&caller()?, &Slug::parse("ORG", &org)?, &edit)?;
        done(context.json, &org, &format!("{what} org {}  {}", org.org, org.name));
        Ok(())
    };
    match command {
        Orgs::Create { org, name: given, preset } => {
            let org = Slug::parse("ORG", &org)?;
            let preset = preset.as_deref().map(|preset| one_of("preset", preset)).transpose()?;
            let new = NewOrg { name: name(given.as_deref(), &org)?, org, preset };
            let org = open.tenants().create_org(&caller()?, &new)?;
            done(context.json, &org, &format!("created org {}", org.org));
        }
        Orgs::List => list(context.json, &open.tenants().orgs()?, &["ORG", "NAME", "PREFIX", "AUTHORITY"], |o| {
            let Org { org, name, settings, .. } = o;
            vec![org.to_string(), name.to_string(), settings.prefix.to_string(), settings.authority.to_string()]
        }),
        Orgs::Show { org } => {
            let org = open.tenants().org(&Slug::parse("ORG", &org)?)?;
            if context.json { output::json(&org) } else { show(&org)? }
        }
        Orgs::Set { org, settings, if_revision } => {
            let settings = Some(Value::Object(assignments(&settings)?));
            edit(org, OrgEdit { settings, if_revision, ..OrgEdit::default() }, "set")?;
        }
        Orgs::Rename { org, name, if_revision } => {
            let name = Some(Name::parse("NAME", &name)?);
            edit(org, OrgEdit { name, if_revision, ..OrgEdit::default() }, "renamed")?;
        }
        Orgs::Delete { org } => {
            let org = open.tenants().delete_org(&caller()?, &Slug::parse("ORG", &org)?, None)?;
            done(context.json, &org, &format!("deleted org {}", org.org));
        }
    }
    Ok(())
}

/// An org, each setting as `orgs set` takes it.
fn show(org: &Org) -> Result<()> {
    let settings = serde_json::to_value(&org.settings).map_err(|error| Failure::usage(error.to_string()))?;
    let revision = org.revision.to_string();
    for (name, value) in [("org", org.org.as_str()), ("name", org.name.as_str()), ("revision", &revision)] {
        output::line(format_args!("{DIM}{name:<19}{RESET} {value}"));
    }
    for (name, value) in settings.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        output::line(format_args!("{DIM}{name:<19}{RESET} {text}"));
    }
    Ok(())
}

/// `name=value…` as a JSON object.
fn assignments(given: &[String]) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("{text}: must be NAME=VALUE, such as `max_keys=20`")));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        if all.insert(name.into(), value).is_some() {
            return Err(Failure::usage(format!("{name}: is given twice")));
        }
    }
    Ok(all)
}

pub(crate) fn owners(context: &Context, command: Owners) -> Result<()> {
    let open = context.open()?;
    let place = |which: &WhichOwner| -> Result<(Slug, Slug)> {
        Ok((open.org(which.org.as_deref())?, Slug::parse("OWNER", &which.owner)?))
    };
    let say = |owner: &Owner, what: &str| {
        done(context.json, owner, &format!("{what} owner {} of org {}", owner.owner, owner.org));
    };
    let edit = |which: WhichOwner, edit: OwnerEdit, what: &str| -> Result<()> {
        let (org, owner) = place(&which)?;
        let owner = open.tenants().edit_owner(&caller()?, &org, &owner, &edit)?;
        say(&owner, what);
        if !context.json {
            output::note(format_args!("{DIM}Its keys follow with the next epoch.{RESET}"));
        }
        Ok(())
    };
    match command {
        Owners::Disable(which) => edit(which, OwnerEdit { disabled: Some(true), ..OwnerEdit::default() }, "disabled")?,
        Owners::Enable(which) => edit(which, OwnerEdit { disabled: Some(false), ..OwnerEdit::default() }, "enabled")?,
        Owners::Edit { which, name, roles, no_roles, if_revision } => {
            let (name, roles) = (read("name", &name)?, new_roles(&roles, no_roles)?);
            if name.is_none() && roles.is_none() {
                return Err(nothing_to_change("--name, --role and --no-roles"));
            }
            edit(which, OwnerEdit { name, roles, if_revision, disabled: None }, "changed")?;
        }
        Owners::Create { which, kind, name: given, roles } => {
            let (org, owner) = place(&which)?;
            let (name, kind) = (name(given.as_deref(), &owner)?, one_of("kind", &kind)?);
            let new = NewOwner { org, name, owner, kind, roles: slugs("roles", &roles)? };
            say(&open.tenants().create_owner(&caller()?, &new)?, "created");
        }
        Owners::List { org } => {
            let owners = open.tenants().owners(read("org", &org)?.as_ref())?;
            list(context.json, &owners, &["ORG", "OWNER", "KIND", "NAME", "ROLES", "STATE"], |o| {
                let state = if o.disabled { "disabled" } else { "enabled" };
                let roles = or_dash(&joined(&o.roles));
                vec![o.org.to_string(), o.owner.to_string(), o.kind.to_string(), o.name.to_string(), roles, state.into()]
            });
        }
        Owners::Delete(which) => {
            let (org, owner) = place(&which)?;
            say(&open.tenants().delete_owner(&caller()?, &org, &owner, None)?, "deleted");
        }
    }
    Ok(())
}

pub(crate) fn roles(context: &Context, command: Roles) -> Result<()> {
    let open = context.open()?;
    let patterns = |given: &[String]| -> Result<Vec<Pattern>> {
        Ok(given.iter().map(|p| Pattern::parse("permissions", p)).collect::<Result<_, _>>()?)
    };
    match command {
        Roles::Create { role, permissions, org, name: given } => {
            let (role, org) = (Slug::parse("ROLE", &role)?, read("org", &org)?);
            let new = NewRole { name: name(given.as_deref(), &role)?, role, org, permissions: patterns(&permissions)? };
            let role = open.tenants().create_role(&caller()?, &new)?;
            done(context.json, &role, &format!("created role {}", role.role));
        }
        Roles::List => {
            list(context.json, &open.tenants().roles()?, &["ROLE", "ORG", "NAME", "PREDEFINED", "PERMISSIONS"], |r| {
                let org = r.org.as_ref().map_or("-".into(), ToString::to_string);
                let predefined = if r.predefined { "yes" } else { "no" };
                vec![r.role.to_string(), org, r.name.to_string(), predefined.into(), joined(&r.permissions)]
            })
        }
        Roles::Edit { role, org, name, permissions, if_revision } => {
            let (role, org) = (Slug::parse("ROLE", &role)?, read("org", &org)?);
            let permissions = if permissions.is_empty() { None } else { Some(patterns(&permissions)?) };
            let edit = RoleEdit { name: read("name", &name)?, permissions, if_revision };
            if edit.name.is_none() && edit.permissions.is_none() {
                return Err(nothing_to_change("--name and --permission"));
            }
            let role = open.tenants().edit_role(&caller()?, org.as_ref(), &role, &edit)?;
            done(context.json, &role, &format!("changed role {}", role.role));
        }
        Roles::Delete { role, org } => {
            let (role, org) = (Slug::parse("ROLE", &role)?, read("org", &org)?);
            let role = open.tenants().delete_role(&caller()?, org.as_ref(), &role, None)?;
            done(context.json, &role, &format!("deleted role {}", role.role));
        }
    }
    Ok(())
}
