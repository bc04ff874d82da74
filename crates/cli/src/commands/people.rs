//! `edgelatch people …`

use edgelatch_registry::people::{Invitation, Invite, Member, Place};
use edgelatch_registry::{Email, Name, Slug, format_time, parse_time};
use serde::Serialize;

use crate::prelude::*;

/// Invite people to the console and the management API, list them, and remove them
#[derive(Subcommand)]
pub(crate) enum People {
    /// Invite somebody to a realm, or to one org of it
    #[command(after_help = "\
Example:
  edgelatch people invite \"Jo Doe\" --org web --role key-manager
  edgelatch people invite \"Jo Doe\" --email jo@example.com --role viewer --expires-at 3d
  edgelatch people invite \"Jo Doe\" --realm management --role administrator     # everywhere

Whoever has the link gets a management key for it in the console, once. Whoever signs in there at an identity provider with the address that
was invited needs no link. The link is shown this once.")]
    Invite {
        /// What they are called
        name: Name,
        /// Their address, by which an identity provider knows them
        #[arg(long)]
        email: Option<Email>,
        /// The org that they may act in [default: the whole realm]
        #[arg(long)]
        org: Option<Slug>,
        /// What they may do: a role of the management realm, such as viewer; repeat or separate by commas
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
        roles: Vec<Slug>,
        /// Until when the invitation counts: a span such as 3d, a date, or an RFC 3339 time [default: 7d]
        #[arg(long, value_name = "TIME", value_parser = read::timed(parse_time))]
        expires_at: Option<u64>,
    },
    /// List who was invited and who came; of the realm `management`, everybody
    #[command(after_help = "Example:\n  edgelatch people list --org web")]
    List {
        /// Only who was invited to this org
        #[arg(long)]
        org: Option<Slug>,
    },
    /// Change what somebody who was invited may do, also where they are signed in
    #[command(after_help = "Example:\n  edgelatch people edit person-5f9b0a1c2d3e4f50 --role auditor,key-manager")]
    Edit {
        /// Their identifier
        person: Slug,
        /// What they may do instead: a role of the management realm; repeat or separate by commas
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
        roles: Vec<Slug>,
        /// Only if they are at this revision
        #[arg(long, value_name = "N")]
        if_revision: Option<u64>,
    },
    /// Give an invitation that is open or over another link; the one before counts no more
    #[command(after_help = "Example:\n  edgelatch people renew person-5f9b0a1c2d3e4f50 --expires-at 3d")]
    Renew {
        /// Their identifier
        person: Slug,
        /// Until when the link counts: a span such as 3d, a date, or an RFC 3339 time [default: 7d]
        #[arg(long, value_name = "TIME", value_parser = read::timed(parse_time))]
        expires_at: Option<u64>,
    },
    /// End somebody's sign-ins and keys at once, and their invitation if it is open
    #[command(after_help = "Example:\n  edgelatch people remove person-5f9b0a1c2d3e4f50")]
    Remove {
        /// Their identifier
        person: Slug,
    },
}

const COLUMNS: &[Column<Member>] = &[
    ("PERSON", |p| p.person.to_string()),
    ("NAME", |p| p.name.to_string()),
    ("EMAIL", |p| or_dash(p.email.as_ref().map(Email::as_str).unwrap_or_default())),
    ("ORG", |p| or_dash(p.org.as_ref().map(Slug::as_str).unwrap_or_default())),
    ("ROLES", |p| or_dash(&joined(&p.roles))),
    ("STATE", |p| p.state.to_string()),
    ("LAST SIGN-IN", |p| p.signed_in_at.map_or("-".into(), format_time)),
    ("INVITED BY", |p| or_dash(p.invited_by.as_deref().unwrap_or_default())),
];

/// An invitation, with what its link ends with.
#[derive(Serialize)]
struct Shown<'a> {
    person: &'a Member,
    link: &'a str,
    path: String,
}

fn shown(context: &Context, made: &Invitation) -> Result<ExitCode> {
    let shown = Shown { person: &made.person, link: &made.link, path: format!("/console/invitation#{}", *made.link) };
    context.show(&shown, |shown| {
        let until = shown.person.link_until.map_or(String::new(), |until| format!(", until {}", format_time(until)));
        output::note(format_args!("invited {BOLD}{}{RESET}  {}{until}", shown.person.person, shown.person.name));
        output::line(format_args!("{}", shown.path));
        output::note(format_args!(
            "{DIM}That is the link, behind the address where browsers reach the console. It is shown this once, and counts once.{RESET}"
        ));
    })
}

impl People {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let people = open.registry.people();
        let place = |org: Option<Slug>| Place { realm: open.realm.clone(), org };
        match self {
            People::Invite { name, email, org, roles, expires_at } => {
                let new = Invite { name, email, roles, until: expires_at };
                shown(context, &people.invite(&caller()?, &place(org), &new)?)
            }
            People::Edit { person, roles, if_revision } => {
                let now = people.edit(&caller()?, &place(None), &person, &roles, if_revision)?;
                context.done(&now, &format!("{} ({}) has {} now", now.person, now.name, joined(&now.roles)))
            }
            People::Renew { person, expires_at } => {
                shown(context, &people.renew(&caller()?, &place(None), &person, expires_at)?)
            }
            People::List { org } => context.list(&people.list(&place(org))?, COLUMNS),
            People::Remove { person } => {
                let gone = people.remove(&caller()?, &place(None), &person)?;
                context.done(&gone, &format!("removed {} ({})", gone.person, gone.name))
            }
        }
    }
}
