//! `edgelatch verify`: asks the core what an edge would ask it, and prints each step.
//!
//! | read | for |
//! |---|---|
//! | `files` | what an edge finds |
//! | `load` | what it makes of that |
//! | `question` | what it is asked: a key, or a whole request |

mod files;
mod load;
mod question;

use std::path::PathBuf;

use edgelatch_core::edge::{Edge, HostConfig, Identity, Outcome, Step};
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Env, format_time, parse_time};
use serde_json::Value;

use self::files::{Files, Root};
use crate::prelude::*;

/// Verify a key as an edge would, and explain each step
#[derive(Args)]
#[command(after_help = "\
Example:
  printf %s \"$KEY\" | edgelatch verify --key-stdin --ip 10.1.2.3 --service cdn --permission cache.purge
  edgelatch verify --bundle bundle --root \"$EDGELATCH_ROOT\" --key-stdin < key.txt
  edgelatch verify --header \"Authorization: Bearer $KEY\" --header \"X-Forwarded-For: 192.0.2.1\" \\
    --ip 10.0.0.1 --config client_ip=trust=10.0.0.0/8

Exit code: 0 accepted, 1 refused, 2 the question could not be asked.")]
pub(crate) struct Verify {
    /// The key's text; others can see it among the processes, so rather use --key-stdin or EDGELATCH_KEY
    key: Option<String>,
    /// Read the key from standard input
    #[arg(long, conflicts_with = "key")]
    key_stdin: bool,
    /// Ask about a whole request: a header line, repeatable
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", conflicts_with_all = ["key", "key_stdin"])]
    headers: Vec<String>,
    /// With --header: path and query of the request
    #[arg(long, default_value = "/", requires = "headers")]
    path: String,
    /// Address of the client; with --header, of the connection
    #[arg(long, value_parser = ip)]
    ip: Option<String>,
    /// Service that the route belongs to
    #[arg(long)]
    service: Option<String>,
    /// Permission that the route requires
    #[arg(long)]
    permission: Option<String>,
    /// Ask as of this time: RFC 3339, a date, or a span from now
    #[arg(long = "at", visible_alias = "now", value_name = "TIME", allow_hyphen_values = true, value_parser = read::timed(parse_time))]
    now: Option<u64>,
    /// The bundle [default: what is published in the data directory]
    #[arg(long, value_name = "FILE", requires = "root")]
    bundle: Option<PathBuf>,
    /// The trusted root, as a file or as base64url text
    #[arg(long, value_name = "ROOT", env = "EDGELATCH_ROOT", hide_env_values = true, value_parser = Root::read)]
    root: Option<Root>,
    /// A setting of the edge, such as client_ip=RULE, mask_ip=on, grace=SECONDS or min_epoch=N. A pepper is found in the data directory or in
    /// EDGELATCH_PEPPER
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
}

/// The client's address as it was typed, once it is known to be one: a slip of the pen would look like a refusal.
fn ip(text: &str) -> Result<String> {
    read::address(text).map(|_| text.to_owned())
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let now = self.now.map_or_else(|| Env::system().now(), Ok)?;
        let files = Files::find(context, self.root, self.bundle.as_deref())?;
        let config = HostConfig::parse(&self.config.join("\n")).map_err(|e| Failure::core("--config", &e))?;
        let (mut edge, mut steps) = load::load(config, &files, now, &|realm| context.peppers(realm))?;
        let requirement = edge.compile(self.service.as_deref(), self.permission.as_deref());
        let (outcome, more) = if self.headers.is_empty() {
            let key = question::key(self.key, self.key_stdin)?;
            edge.explain_key(key.as_bytes(), self.ip.as_deref().map(str::as_bytes), requirement, now)
        } else {
            let block = question::request(self.ip.as_deref(), &self.path, &self.headers)?;
            edge.explain_block(&block, requirement, now)
        };
        steps.extend(more);
        let identity = outcome.at.and_then(|at| edge.identity(edge.generation(), at));
        let shown = as_json(&edge, &outcome, &steps, identity.as_ref(), now);
        context.answer(outcome.code == Code::Valid, &shown, |_| print(&outcome, &steps, identity.as_ref()))
    }
}

fn as_json(edge: &Edge, outcome: &Outcome, steps: &[Step], identity: Option<&Identity<'_>>, now: u64) -> Value {
    let reply = outcome.reply();
    let step = |s: &Step| json!({ "name": s.name, "passed": s.passed, "note": s.note });
    json!({
        "accepted": outcome.code == Code::Valid, "code": outcome.code.name(), "status": reply.status, "title": reply.title,
        "stale": outcome.flags & Outcome::STALE != 0, "masked": outcome.flags & Outcome::MASKED != 0,
        "realm": edge.realm(), "root_version": edge.root_version(), "epoch": edge.head().map(|head| head.epoch),
        "now": format_time(now), "steps": steps.iter().map(step).collect::<Vec<_>>(),
        "key": identity.map(|key| json!({
            "key_id": key.key_id.to_string(), "org": key.labels.org, "owner": key.labels.owner, "name": key.labels.name,
            "roles": key.roles().collect::<Vec<_>>(), "scope": key.services().map_or(json!("all"), |list| json!(list)),
            "metadata": serde_json::from_str::<Value>(key.labels.metadata).unwrap_or(Value::Null),
        })),
    })
}

fn print(outcome: &Outcome, steps: &[Step], identity: Option<&Identity<'_>>) {
    for step in steps {
        output::step(step.passed, step.name, &step.note);
    }
    if let Some(key) = identity {
        let (labels, roles) = (key.labels, key.roles().collect::<Vec<_>>().join(", "));
        let scope = key.services().map_or("all services".into(), |list| list.join(", "));
        let roles = if roles.is_empty() { "none".into() } else { roles };
        output::line(format_args!(
            "{DIM}  key {} `{}`, org {}, owner {}, roles {roles}, scope {scope}{RESET}",
            key.key_id, labels.name, labels.org, labels.owner
        ));
    }
    let reply = outcome.reply();
    let stale = if outcome.flags & Outcome::STALE != 0 { " (the snapshot is stale, inside the grace)" } else { "" };
    output::verdict((outcome.code != Code::Valid).then_some((outcome.code.name(), reply.status)), stale);
}
